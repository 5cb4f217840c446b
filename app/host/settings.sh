# shellcheck shell=bash disable=SC2154
# A host's secrets, made once, and its production.env, written once from .env.production.example.
# Sourced by app/host/production.sh.

OWN_SECRETS=(SECRET_KEY PLAYBACK_JWT_SECRET CONTENT_KEY_SECRET PAGE_CACHE_KEY METRICS_TOKEN)

write_secret() { # FILE VALUE GROUP MODE : whole or not at all
  (umask 077; printf '%s\n' "$2" >"$1.new")
  chown "root:$3" "$1.new"
  chmod "$4" "$1.new"
  mv "$1.new" "$1"
}

create_secrets() {
  local name file
  for name in "${OWN_SECRETS[@]}"; do
    file=$ETC/secrets/${name,,}
    [[ -s $file ]] || write_secret "$file" "$(openssl rand -hex 32)" "$APP_USER" 640
  done
  if [[ ${DATABASE_MIGRATOR_GIVEN:-} && ! -s $ETC/secrets/database_migrator_url ]]; then
    write_secret "$ETC/secrets/database_migrator_url" "$DATABASE_MIGRATOR_GIVEN" root 600
  fi
}

public_base_url() { if [[ $HTTPS_PORT == 443 ]]; then printf 'https://%s' "$SITE_HOST"; else printf 'https://%s:%s' "$SITE_HOST" "$HTTPS_PORT"; fi; }

host_value() { # NAME : prints what this host knows better than the example; 1 when it knows nothing
  local socket=$RUN_DIR/postgres
  case $1 in
    PUBLIC_BASE_URL) public_base_url ;;
    TRUSTED_HOSTS | SITE_HOST) printf %s "$SITE_HOST" ;;
    HTTP_PORT | HTTPS_PORT | APP_USER | DB_USER | RUN_DIR | LOG_DIR) printf %s "${!1}" ;;
    DATA_DIR) printf %s "$STATE/data" ;;
    MEDIA_ROOT) printf %s "$STATE/media" ;;
    STORAGE) printf %s "${STORAGE:-local}" ;;
    X_ACCEL_PREFIX) printf %s /_stored ;;
    WEB_BIND) printf %s "unix:$RUN_DIR/web.sock" ;;
    WEB_WORKERS) printf %s "${WEB_WORKERS:-}" ;;
    DATABASE_URL) printf %s "${DATABASE_URL:-postgresql://triple_app@/triple?host=$socket}" ;;
    DATABASE_MIGRATOR_URL) if [[ ! ${DATABASE_URL:-} ]]; then printf %s "postgresql://triple_owner@/triple?host=$socket"; fi ;;
    DATABASE_BACKUP_URL) if [[ ! ${DATABASE_URL:-} ]]; then printf %s "postgresql://triple_backup@/triple?host=$socket"; fi ;;
    BACKUP_URL) if [[ ! ${DATABASE_URL:-} ]]; then printf %s "file://$STATE/backups"; fi ;;
    BACKUP_RECIPIENT) own_backup_recipient ;;
    PAGE_CACHE_URL) printf %s "http://${LISTEN_ADDRESS:-127.0.0.1}:$HTTP_PORT" ;; # its key never leaves the machine
    *) return 1 ;;
  esac
}

is_given() { # NAME : did whoever runs this set it?
  [[ ${!1:-} && ${!1@a} == *x* && $1 != DATABASE_MIGRATOR_URL && $1 != DATA_DIR && $1 != PORT ]]
}

environment_lines() { # the example's lines with this host's values; what it leaves open is switched off
  local line name value
  while IFS= read -r line; do
    [[ $line != *"docker-compose.yml only"* ]] || break
    if [[ ! $line =~ ^([A-Z][A-Z0-9_]*)=(.*)$ ]]; then printf '%s\n' "$line"; continue; fi
    name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
    if [[ " ${OWN_SECRETS[*]} " == *" $name "* ]]; then
      printf '%s_FILE=%s\n' "$name" "$ETC/secrets/${name,,}"
    elif is_given "$name"; then
      printf '%s=%s\n' "$name" "${!name}"
    elif [[ $name == RELEASE ]]; then # whichever serves
      printf '%s_FILE=%s\n' "$name" "$CURRENT/RELEASE"
    else
      if [[ $value == *"<"* ]]; then value=""; fi
      value=$(host_value "$name" || printf %s "$value")
      printf '%s=%s\n' "$name" "$value"
    fi
  done <"$CURRENT/.env.production.example"
}

write_environment() { # an existing file is its owner's: only --site-host changes lines of it
  if [[ ! -s $ENV_FILE ]]; then
    step "writing $ENV_FILE"
    write_secret "$ENV_FILE" "$(environment_lines)" "$APP_USER" 640
  elif [[ ${SITE_HOST_GIVEN:-} && $SITE_HOST_GIVEN != "$SITE_HOST" ]]; then
    step "changing the site's name from $SITE_HOST to $SITE_HOST_GIVEN"
    SITE_HOST=$SITE_HOST_GIVEN
    write_secret "$ENV_FILE" "$(sed -e "s|^SITE_HOST=.*|SITE_HOST=$SITE_HOST|" -e "s|^TRUSTED_HOSTS=.*|TRUSTED_HOSTS=$SITE_HOST|" \
      -e "s|^PUBLIC_BASE_URL=.*|PUBLIC_BASE_URL=$(public_base_url)|" "$ENV_FILE")" "$APP_USER" 640
  fi
  load_environment "$ENV_FILE"
}

check_site_host() { # NAME : what may stand in nginx's configuration and in a certificate
  [[ $1 =~ ^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$ ]] || die "'$1' is not a host name; give one: ./setup.sh production --site-host courses.example.com"
}
