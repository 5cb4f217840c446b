# shellcheck shell=bash disable=SC2034,SC2154
# Where a production host keeps what, and who runs what. Everything lies below PREFIX, which is empty
# on a real host. Sourced by setup.sh.

is_host() { # does setup.sh speak of a host (this is a release of one, or PREFIX is set), not of a demo?
  [[ -v PREFIX || $ROOT == */srv/triple/releases/* ]]
}

production_places() {
  if [[ $ROOT == */srv/triple/releases/* ]]; then PREFIX=${ROOT%/srv/triple/releases/*}; fi
  PREFIX=${PREFIX:-} PREFIX=${PREFIX%/}
  [[ ! $PREFIX =~ [[:space:]%\'\"] ]] || die "PREFIX=$PREFIX must hold no space, quote or percent sign"
  HOUSE=$PREFIX/srv/triple CURRENT=$PREFIX/srv/triple/current ETC=$PREFIX/etc/triple STATE=$PREFIX/var/lib/triple
  CACHE=$PREFIX/var/cache/triple PG_HOME=$STATE/postgres
  RUN_DIR=$PREFIX/run/triple LOG_DIR=$PREFIX/var/log/triple ENV_FILE=$ETC/production.env
  ((${#RUN_DIR} <= 70)) || die "PREFIX=$PREFIX is too long for the sockets below it; choose one of at most 60 letters"
  if [[ -r $ENV_FILE ]]; then load_environment "$ENV_FILE"; fi
  APP_USER=${APP_USER:-triple} DB_USER=${DB_USER:-triple-db} HTTP_PORT=${HTTP_PORT:-80} HTTPS_PORT=${HTTPS_PORT:-443}
  PG_USER=$DB_USER CODE=$CURRENT VENV=$CURRENT/.venv PY=$CURRENT/.venv/bin/python
  export RUN_DIR LOG_DIR ENV_FILE
  program_switches
}

need_host() { # for the verbs that look after a host that is there
  production_places
  [[ -L $CURRENT && -x $PY ]] || die "no platform in ${PREFIX:-/}; set it up first: ./setup.sh production"
  [[ -r $ENV_FILE ]] || die "$ENV_FILE cannot be read; run this as root"
}

# Starts COMMAND as USER with its own groups and those named besides. Root is left for good.
as_user() { # USER EXTRA_GROUP|- COMMAND...
  local user=$1 groups
  groups=$(id -G "$user" | tr ' ' ,)
  if [[ $2 != - ]]; then groups+=,$(getent group "$2" | cut -d: -f3); fi
  shift 2
  env HOME="$STATE/data" USER="$user" setpriv --reuid="$user" --regid="$(id -g "$user")" --groups="$groups" -- "$@"
}

as_app_user() { if is_root; then as_user "$APP_USER" - "$@"; else "$@"; fi; }

# Migrations run as the user whom PostgreSQL lets be triple_owner; the application's user it does not.
# A secret address of a database elsewhere is for root and this process alone.
as_migrator() {
  local secret=$ETC/secrets/database_migrator_url
  if ! is_root; then "$@"; return; fi
  (
    umask 027
    if [[ -s $secret ]]; then DATABASE_MIGRATOR_URL=$(cat "$secret") && export DATABASE_MIGRATOR_URL; fi
    as_user "$DB_USER" "$APP_USER" "$@"
  )
}

is_local_database() { [[ ${DATABASE_URL:-} == *"host=$RUN_DIR/postgres"* ]]; }
