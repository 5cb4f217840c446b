# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# `setup.sh production`: a fresh Debian host to serving. A second run mends what is missing and changes
# nothing else; code comes by `setup.sh release`. Sourced by setup.sh, with everything it calls.

source_host() { # DIR
  local part
  for part in places machine settings roles backups programs certificate; do
    # shellcheck disable=SC1090
    source "$1/$part.sh"
  done
}
source_host "$ROOT/app/host"

# The settings are in ENV_FILE, and only those who need them read it: PostgreSQL and nginx do not.
supervisord_command() { # sets SUPERVISORD
  SUPERVISORD=(env -i PATH="$CURRENT/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME=/root LANG=C.UTF-8
    RUN_DIR="$RUN_DIR" LOG_DIR="$LOG_DIR" ENV_FILE="$ENV_FILE" RUN_WEB="$RUN_WEB" RUN_WORKER="$RUN_WORKER"
    RUN_SCHEDULER="$RUN_SCHEDULER" PYTHONUNBUFFERED=1 "$PY" -m supervisor.supervisord -c "$CURRENT/supervisord.conf")
}

before_supervisord() {
  create_run_folders
  stop_orphans
  if is_local_database; then
    host_postgres
    PGDATA=$PG_HOME/$("$PG_BIN/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
  fi
  write_host_programs
  ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)" || true
  ulimit -e 20 2>/dev/null || true # a web worker that loads behind the others may come back (gunicorn.conf.py)
}

cmd_supervise() { # systemd's command: becomes supervisord, which hears systemd's signals itself
  need_root
  need_host
  if is_running; then die "supervisord runs already; see: $CURRENT/setup.sh status"; fi
  before_supervisord
  supervisord_command
  exec "${SUPERVISORD[@]}" -n
}

start_host() {
  if is_running; then
    write_host_programs
    control reread >/dev/null
    control update >/dev/null
    return
  fi
  if has_systemd; then
    systemctl restart triple || die "triple.service did not start; see: journalctl -u triple"
  else
    step "starting"
    before_supervisord
    supervisord_command
    "${SUPERVISORD[@]}" || die "supervisord did not start; its log is $LOG_DIR/supervisord.log"
  fi
}

asks_ready() { # through nginx, as visitors come
  "$PY" - "$HTTPS_PORT" "$SITE_HOST" <<'EOF'
import http.client, ssl, sys
connection = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[1]), timeout=5, context=ssl._create_unverified_context())
connection.request("GET", "/api/health/ready", headers={"Host": sys.argv[2]})
answer = connection.getresponse()
sys.exit(None if answer.status == 200 else f"{answer.status} {answer.read(300).decode(errors='replace')}")
EOF
}

wait_for_host() {
  [[ $RUN_WEB == true ]] || return 0
  for _ in {1..300}; do
    asks_ready >/dev/null 2>&1 && return
    sleep 0.2
  done
  asks_ready || true
  control status >&2 || true
  tail -n 20 "$LOG_DIR/web.log" >&2 || true
  die "the site did not become ready; its logs are in $LOG_DIR"
}

need_root() { is_root || die "this sets up and looks after a whole machine; run it as root: sudo ./setup.sh ..."; }

need_debian() {
  [[ -r /etc/debian_version ]] || die "production needs Debian (12 or later); elsewhere use the containers: docs/DEPLOYMENT.md"
}

# A host that nobody named is known by the machine's own name.
choose_site_host() {
  SITE_HOST_GIVEN=${SITE_HOST_GIVEN:-}
  SITE_HOST=${SITE_HOST:-${SITE_HOST_GIVEN:-$(hostname -f 2>/dev/null || hostname)}}
  check_site_host "${SITE_HOST_GIVEN:-$SITE_HOST}"
}

production_arguments() {
  while (($#)); do
    case $1 in
      --site-host) (($# > 1)) || die "--site-host needs a name"; SITE_HOST_GIVEN=${2,,}; shift 2 ;;
      --site-host=*) SITE_HOST_GIVEN=${1#*=}; SITE_HOST_GIVEN=${SITE_HOST_GIVEN,,}; shift ;;
      *) usage >&2; die "unknown argument: $1" ;;
    esac
  done
}

nginx_sum() { find "$ETC/nginx" -type f -exec cksum {} + | LC_ALL=C sort | cksum; }

render_nginx() { # 0 when nginx's files are others than before
  local before key
  before=$(nginx_sum)
  key=$(cat "$ETC/secrets/page_cache_key")
  env PREFIX="$PREFIX" SITE_HOST="$SITE_HOST" WEB_UPSTREAM="${WEB_UPSTREAM:-$WEB_BIND}" MEDIA_ROOT="$MEDIA_ROOT" \
    HTTP_PORT="$HTTP_PORT" HTTPS_PORT="$HTTPS_PORT" LISTEN_ADDRESS="${LISTEN_ADDRESS:-}" PAGE_CACHE_KEY="$key" PAGE_CACHE_KEY_FILE= \
    bash "$CURRENT/nginx/render.sh" "$ETC/nginx" || die "nginx's configuration could not be written to $ETC/nginx"
  [[ $(nginx_sum) != "$before" ]]
}

prepare_nginx() {
  [[ $RUN_WEB == true ]] || return 0
  in_host flask static publish "$STATE/static" >/dev/null || die "the static files could not be published to $STATE/static"
  provide_certificate
  if render_nginx && is_running; then NGINX_CHANGED=1; fi
  /usr/sbin/nginx -t -q -p "$ETC/nginx" -c "$ETC/nginx/nginx.conf" || die "nginx refuses its configuration in $ETC/nginx"
}

host_summary() {
  say "
  Open       $PUBLIC_BASE_URL
  Settings   $ENV_FILE  (then: $CURRENT/setup.sh supervisorctl signal HUP web, restart worker scheduler)
  First      $CURRENT/setup.sh flask create-admin you@example.com
  Look       $CURRENT/setup.sh status
  Logs       $LOG_DIR"
}

cmd_production() {
  local NGINX_CHANGED="" SITE_HOST_GIVEN=${SITE_HOST:-} DATABASE_MIGRATOR_GIVEN=${DATABASE_MIGRATOR_URL:-}
  production_arguments "$@"
  need_root
  need_debian
  umask 022
  production_places
  take_up_restored
  choose_site_host
  install_host_packages
  create_users
  create_folders
  exec 8>"$HOUSE/.lock"
  flock -n 8 || die "a release, a rollback or another set-up is under way on this host; wait until it ends"
  is_running || stop_orphans
  if [[ ! -L $CURRENT ]]; then step "installing the platform"; first_release "$ROOT"; fi
  create_secrets
  create_backup_identity
  write_environment
  production_places
  prepare_archive
  prepare_database
  prepare_nginx
  if has_systemd; then install_unit || true; fi
  start_host 8>&-
  if [[ $NGINX_CHANGED ]]; then control signal HUP nginx >/dev/null 2>&1 || true; fi
  step "waiting for the first answer"
  wait_for_host
  request_certificate
  host_summary
  first_backup
  run_doctor
  say "Ready: $PUBLIC_BASE_URL"
}

run_doctor() { # faults are said and end this with 1, though the site serves
  in_host flask doctor || die "the site serves, but flask doctor found what is wrong above"
}

# --- Looking after a host -------------------------------------------------------------------------

in_host() { as_app_user "$CURRENT/app/host/enter.sh" python -m flask --app wsgi "${@:2}"; }

cmd_start() { # what `production` set up, after `stop`
  is_host || die "a demo is started by ./setup.sh demo; a host by its own setup.sh: /srv/triple/current/setup.sh start"
  need_root
  need_host
  if is_running; then say "Runs already."; else start_host; fi
  wait_for_host
  say "Ready: $PUBLIC_BASE_URL"
}

stop_host() {
  if has_systemd; then systemctl stop triple || true; fi
  stop_supervisord
}

host_status() {
  if ! is_running; then say "Not running."; return 3; fi
  control status || true
  [[ $RUN_WEB == true ]] || return 0
  asks_ready >/dev/null 2>&1 || { say "Not ready: $PUBLIC_BASE_URL/api/health/ready says why."; return 3; }
  say "Ready: $PUBLIC_BASE_URL"
}
