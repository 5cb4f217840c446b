# shellcheck shell=bash disable=SC2034,SC2154
# A host's backups: whose identity opens them, PostgreSQL's archive of changes, and the way back from
# them (`setup.sh restore`). Sourced by setup.sh.

# Until somebody names a recipient, the host makes an identity of its own. Root alone reads it; it
# belongs on another machine, for backups that open only here are lost with this one.
create_backup_identity() {
  local identity=$ETC/secrets/backup_identity text
  [[ ! -s $identity && ! -s $ENV_FILE && ! ${BACKUP_RECIPIENT:-} ]] || return 0
  text=$(cd "$(readlink -f "$CURRENT")" && "$PY" -c 'from app.sealed import make_identity; print(make_identity()[0], end="")')
  write_secret "$identity" "$text" root 600
}

own_backup_recipient() { sed -n 's/^# public key: //p' "$ETC/secrets/backup_identity" 2>/dev/null | head -n 1; }

archive_settings() { # what wal_archive_script.py asks for, for PostgreSQL's user
  local name
  for name in BACKUP_URL BACKUP_RECIPIENT AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION AWS_ENDPOINT_URL; do
    printf '%s=%s\n' "$name" "${!name:-}"
  done
}

# The command stays the same whether backups are on or off, so that switching needs no restart.
archive_configuration() {
  local script=$CURRENT/app/integrations/wal_archive_script.py
  cat <<EOF
# Written by setup.sh production
archive_mode = on
archive_timeout = 60
archive_command = '"$CURRENT/.venv/bin/python" -I "$script" push "$ETC/archive.env" "%p" "%f"'
EOF
}

prepare_archive() { # before PostgreSQL is prepared; a running one is told
  is_local_database || return 0
  folder 2770 "$DB_USER" "$APP_USER" "$STATE/backups/wal"
  changed_file "$ETC/archive.env" 640 "root:$DB_USER" "$(archive_settings)" || true
  if changed_file "$ETC/postgresql-backup.conf" 644 root:root "$(archive_configuration)" && is_running; then
    query -c 'select pg_reload_conf()' >/dev/null 2>&1 || true
  fi
}

first_backup() { # a host is not set up while nothing of it is anywhere else; the schedule takes the next
  is_local_database || return 0
  [[ ${BACKUP_URL:-} && ${BACKUP_RECIPIENT:-} && $RUN_WORKER == true ]] || return 0
  [[ $(in_host flask backup list | tail -n 1 || true) == "0 backups" ]] || return 0
  step "taking the first backup"
  in_host flask backup || die "the site serves, but no backup could be taken: see above, then: $CURRENT/setup.sh flask backup"
  [[ ! -s $ETC/secrets/backup_identity ]] || say "
  Backups of this host open with $ETC/secrets/backup_identity alone. Copy it to another machine
  now and remove it from here: without it they are noise, and with this machine it would be gone."
}

# What `restore` left of the old host's settings goes into the new production.env. The address is this
# host's own matter, but its name is the site's.
take_up_restored() {
  local restored=$ETC/secrets/restored.env
  [[ ! -s $ENV_FILE && -r $restored ]] || return 0
  step "taking up the restored settings"
  load_environment "$restored"
  SITE_HOST_GIVEN=${SITE_HOST_GIVEN:-${TRUSTED_HOSTS%%,*}}
  unset PUBLIC_BASE_URL TRUSTED_HOSTS
}

cmd_restore() { # into an empty place; on a host first `restore`, then `production`
  if is_host || [[ " $* " == *" --layout host "* || " $* " == *" --layout=host "* ]]; then
    need_root
    production_places
    create_users
    VENV=$ROOT/.venv PY=$ROOT/.venv/bin/python
  fi
  install_lock runtime
  # the settings come out of the backup; until then any will do
  exec env APP_ENV=development DATABASE_URL=postgresql:///none DATA_DIR="${TMPDIR:-/tmp}" LOG_FORMAT=text "$PY" -m flask --app wsgi restore "$@"
}
