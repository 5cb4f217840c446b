#!/usr/bin/env bash
# What docker-compose.yml needs beside itself, made once: ./setup.sh containers HOST
# .env.production from its example, secrets/, acme/ and, until a certificate comes, a self-signed one in tls/.
# What is there already stays as it is. FOLDER (default: the repository's) is where they go.
set -euo pipefail
umask 077

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
FOLDER=${FOLDER:-$ROOT}
PROXY_GROUP=33 # www-data of the image

say() { printf '%s\n' "$*"; }
die() { printf 'setup.sh: %s\n' "$*" >&2; exit 1; }

keep() { # FILE : writes standard input there, whole or not at all, unless something is there
  local text
  text=$(cat)
  [[ ! -s $1 ]] || return 0
  printf '%s\n' "$text" >"$1.new"
  mv "$1.new" "$1"
}

# The folder is closed to everybody else on this machine; a file is open to whom a container gives it.
create_secrets() {
  local name secrets=$FOLDER/secrets
  mkdir -p "$secrets"
  for name in secret_key playback_jwt_secret content_key_secret page_cache_key metrics_token \
    postgres_password owner_password app_password backup_password; do
    openssl rand -hex 32 | keep "$secrets/$name"
  done
  printf 'postgresql://triple_app:%s@postgres/triple' "$(<"$secrets/app_password")" | keep "$secrets/database_url"
  printf 'postgresql://triple_owner:%s@postgres/triple' "$(<"$secrets/owner_password")" | keep "$secrets/database_migrator_url"
  printf 'postgresql://triple_backup:%s@postgres/triple' "$(<"$secrets/backup_password")" | keep "$secrets/database_backup_url"
  chmod 700 "$secrets"
  chmod 444 "$secrets"/*
}

environment_lines() { # the example's lines for this host; what compose sets itself and what stays open is left out
  local line name value
  while IFS= read -r line; do
    if [[ ! $line =~ ^([A-Z][A-Z0-9_]*)=(.*)$ ]]; then printf '%s\n' "$line"; continue; fi
    name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
    case $name in
      *_KEY | *_SECRET | DATABASE_*URL | REDIS_URL | RUN_* | WEB_BIND | *_DIR | PAGE_CACHE_* | TRUSTED_PROXIES | MEDIA_ROOT | X_ACCEL_PREFIX | RELEASE | \
        PORT | HTTP*_PORT | LISTEN_ADDRESS | WEB_UPSTREAM | ACME_EMAIL | WORKER_PROCESSES | *_USER)
        [[ $name == AWS_* || $name == CLOUDFRONT_* || $name == STRIPE_* || $name == SENDGRID_* ]] || continue ;;
    esac
    case $name in
      PUBLIC_BASE_URL) value=https://$HOST ;;
      TRUSTED_HOSTS | SITE_HOST) value=$HOST ;;
      STORAGE) value=local ;;
      *) if [[ $value == *"<"* ]]; then value=""; fi ;;
    esac
    printf '%s=%s\n' "$name" "$value"
  done <"$ROOT/.env.production.example"
}

create_certificate() {
  local tls=$FOLDER/tls
  mkdir -p "$tls"
  if [[ ! -s $tls/privkey.pem || ! -s $tls/fullchain.pem ]]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj "/CN=$HOST" \
      -addext "subjectAltName=DNS:$HOST" -keyout "$tls/privkey.pem" -out "$tls/fullchain.pem" 2>/dev/null \
      || die "openssl could not make a certificate for $HOST"
    say "tls/ holds a self-signed certificate; put a real one in its place (docs/DEPLOYMENT.md says how)."
  fi
  chown -R ":$PROXY_GROUP" "$tls"
  chmod 750 "$tls"
  chmod 640 "$tls/privkey.pem" "$tls/fullchain.pem"
}

(($# == 1)) || die "usage: ./setup.sh containers HOST, as in: ./setup.sh containers courses.example.com"
[[ $1 =~ ^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$ ]] || die "'$1' is not a host name"
HOST=$1
[[ $(id -u) == 0 ]] || die "run this as root: nginx's group must be able to read tls/ and nobody else"
command -v openssl >/dev/null || die "openssl is missing; as root: apt-get install openssl"
create_secrets
install -d -m 755 "$FOLDER/acme"
environment_lines | keep "$FOLDER/.env.production"
create_certificate
say "Ready. Start it: export COMPOSE_ENV_FILES=.env.production; docker compose up -d --build --wait"
