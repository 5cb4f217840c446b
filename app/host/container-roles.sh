#!/usr/bin/env bash
# The roles of a database in a container of its own, as a host's: run once by PostgreSQL's image when the
# database is made. There the roles come over the network, with passwords, and not through a socket.
set -euo pipefail

SECRETS=${SECRETS:-/run/secrets}
# shellcheck source=app/host/roles.sh
source "${ROLES_FILE:-/etc/triple/roles.sh}"

ask() { psql -X -q -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" "$@"; }

set_password() { # ROLE FILE : a variable of psql keeps the password out of the list of processes
  ask -d postgres >/dev/null <<EOF
\\set password \`cat '$SECRETS/$2'\`
alter role $1 password :'password';
EOF
}

ask -d postgres -c "$ROLES" >/dev/null
set_password triple_owner owner_password
set_password triple_app app_password
set_password triple_backup backup_password
ask -d postgres -c 'alter database triple owner to triple_owner'
ask -d triple -c "$DATABASE_RIGHTS"
ask -d triple -c "$(statements_rights triple_app)"
# The image lets roles into databases over the network, but no backup of the whole cluster.
printf '%s\n' 'host replication triple_backup all scram-sha-256' >>"${PGDATA:?}/pg_hba.conf"
ask -d postgres -c 'select pg_reload_conf()' >/dev/null
