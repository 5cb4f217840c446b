# shellcheck shell=bash disable=SC2154
# Where a demo keeps its files, its settings, and its embedded PostgreSQL. Sourced by setup.sh, whose
# ROOT, VENV, PY, PORT, DATA_DIR and small functions it uses, beside those of app/host/postgres.sh.

# Socket paths must stay below 107 bytes and, as root, PostgreSQL's user must reach its files: where
# DATA_DIR cannot serve, a short folder elsewhere stands in. DATA_DIR/places names them.
choose_places() {
  local id base
  id=$(printf %s "$DATA_DIR" | cksum | cut -d' ' -f1)
  PG_USER=$(id -un) PG_HOME=$DATA_DIR/postgres RUN_DIR=$DATA_DIR/run base=$DATA_DIR
  if is_root; then
    PG_USER=nobody
    if getent passwd postgres >/dev/null 2>&1; then PG_USER=postgres; fi
    if ! reachable "$PG_USER" "$DATA_DIR"; then
      base=/var/lib/triple-technologies-$id PG_HOME=$base/postgres RUN_DIR=$base/run
      private_dir "$base" 711
    fi
  fi
  if ((${#RUN_DIR} > 70)); then
    RUN_DIR=${XDG_RUNTIME_DIR:-/tmp}/triple-$id
    if is_root; then RUN_DIR=/run/triple-$id; fi
  fi
  private_dir "$RUN_DIR" 711
  printf 'PG_USER=%q PG_HOME=%q RUN_DIR=%q PORT=%q\n' "$PG_USER" "$PG_HOME" "$RUN_DIR" "$PORT" >"$DATA_DIR/places"
}

create_data_dir() {
  umask 077
  [[ ! $ROOT$DATA_DIR =~ [[:space:]%\'\"] ]] || die "$ROOT and $DATA_DIR must hold no space, quote or percent sign"
  if [[ -d $DATA_DIR && ! -e $DATA_DIR/places && -n $(ls -A "$DATA_DIR") ]]; then
    die "$DATA_DIR holds something that is not a demo; choose another DATA_DIR"
  fi
  (umask 066; mkdir -p "$DATA_DIR") || die "cannot create $DATA_DIR"
  if is_root; then chmod 711 "$DATA_DIR"; fi
  mkdir -p "$DATA_DIR/logs" "$DATA_DIR/secrets"
  local name
  for name in secret_key playback_jwt_secret content_key_secret; do
    [[ -s $DATA_DIR/secrets/$name ]] || "$PY" -c 'import secrets; print(secrets.token_hex(32))' >"$DATA_DIR/secrets/$name"
  done
}

load_places() { # fails when no demo lives in DATA_DIR
  [[ -r $DATA_DIR/places ]] || return 1
  # shellcheck disable=SC1090,SC1091
  source "$DATA_DIR/places"
  PORT=${PORT_GIVEN:-$PORT}
}

demo_environment() {
  export PORT DATA_DIR RUN_DIR LOG_DIR=$DATA_DIR/logs WEB_WORKERS=${WEB_WORKERS:-$("$PY" -c 'import os; print(os.cpu_count() or 1)')}
  export APP_ENV=demo PUBLIC_BASE_URL=http://127.0.0.1:$PORT LOG_FORMAT=${LOG_FORMAT:-text}
  export SECRET_KEY_FILE=$DATA_DIR/secrets/secret_key PLAYBACK_JWT_SECRET_FILE=$DATA_DIR/secrets/playback_jwt_secret
  export CONTENT_KEY_SECRET_FILE=$DATA_DIR/secrets/content_key_secret PYTHONUNBUFFERED=1
  export DATABASE_URL="postgresql://app@/app?host=$RUN_DIR/postgres"
  export DATABASE_BACKUP_URL="postgresql://postgres@/app?host=$RUN_DIR/postgres"
  program_switches
}

# --- Embedded PostgreSQL ----------------------------------------------------------------------

prepare_postgres() {
  private_dir "$PG_HOME" 711
  PG_BIN=$(find_postgres)
  mkdir -p "$RUN_DIR/postgres" "$RUN_DIR/supervisor.d"
  create_cluster trust
  if is_root; then chown "$PG_USER" "$RUN_DIR/postgres"; fi
  write_programs
}

write_programs() { # what the demo adds to supervisord.conf; `demo` itself starts web and worker, after the migrations
  local counting=""
  if counts_statements; then counting="-c shared_preload_libraries=pg_stat_statements -c pg_stat_statements.track_utility=off"; fi
  cat >"$RUN_DIR/supervisor.d/demo.conf" <<EOF
[supervisord]
user=$(id -un)
[program:web]
autostart=false
[program:worker]
autostart=false
[program:scheduler]
autostart=false
$(more_workers autostart=false)
[program:postgres]
command="$PG_BIN/postgres" -D "$PGDATA" -c listen_addresses= -c "unix_socket_directories=$RUN_DIR/postgres" -c shared_buffers=128MB -c log_min_error_statement=panic -c log_error_verbosity=terse $counting
directory=/
user=$PG_USER
priority=10
autorestart=true
startsecs=1
startretries=1000
stopsignal=INT
stopwaitsecs=30
redirect_stderr=true
stdout_logfile=$LOG_DIR/postgres.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
EOF
}

start_postgres() {
  control start postgres >/dev/null 2>&1 || true # "already started" is fine
  wait_for_postgres
  [[ $(query -c "select 1 from pg_roles where rolname = 'app'") ]] || query -c 'create role app login'
  [[ $(query -c "select 1 from pg_database where datname = 'app'") ]] || query -c 'create database app owner app'
  query -d app -c "$(statements_rights app)" || step "statements are not counted; the System page says what to do"
}
