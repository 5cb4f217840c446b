# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# Starting, showing and removing a demo. Sourced by setup.sh, after app/demo/house.sh and what that uses.

need_demo() {
  load_places || die "no demo in $DATA_DIR; start one with ./setup.sh demo"
  demo_environment
}

check_port() {
  [[ $PORT =~ ^[1-9][0-9]{0,4}$ && $PORT -le 65535 ]] || die "PORT=$PORT is not a port number"
  "$PY" - "$PORT" <<'EOF' 2>/dev/null && return
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
EOF
  local owner=""
  if command -v ss >/dev/null; then owner=$(ss -Hltnp "sport = :$PORT" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/ by \1 (process \2)/p' | head -n 1); fi
  die "port $PORT is taken$owner; choose another: PORT=$((PORT + 1)) ./setup.sh demo"
}

is_ready() {
  "$PY" - "$PORT" <<'EOF' 2>/dev/null
import sys, urllib.request
urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/api/health/ready", timeout=5)
EOF
}

wait_until_ready() {
  for _ in {1..300}; do
    is_ready && return
    sleep 0.2
  done
  control status >&2 || true
  tail -n 30 "$LOG_DIR/web.log" >&2 || true
  die "the demo did not become ready; its logs are in $LOG_DIR"
}

summary() {
  cat <<EOF

  Open       http://127.0.0.1:$PORT
  Password   correct-horse-demo, for each of
             learner@example.com      enrolled in two courses
             outsider@example.com     enrolled in none
             instructor@example.com
             admin@example.com
  Mail       http://127.0.0.1:$PORT/outbox
  Logs       ${LOG_DIR#"$ROOT"/}
EOF
}

# Migrations and demo data; skipped when the database is at the revision, and the code is the code, of last time.
furnish() {
  local code stamp=$DATA_DIR/furnished
  code=$(find migrations app/demo app/domain -type f ! -name '*.pyc' -exec cksum {} + | LC_ALL=C sort | cksum)
  [[ $(cat "$stamp" 2>/dev/null) == "$code $(query -d app -c 'select version_num from alembic_version' 2>/dev/null)" ]] && return
  step "migrating and furnishing the database"
  "$PY" -m flask --app wsgi db upgrade >"$LOG_DIR/upgrade.log" 2>&1 || { tail -n 30 "$LOG_DIR/upgrade.log" >&2; die "the migrations failed"; }
  "$PY" -m flask --app wsgi seed >"$LOG_DIR/seed.log" 2>&1 || { tail -n 30 "$LOG_DIR/seed.log" >&2; die "the demo data could not be made"; }
  printf '%s' "$code $(query -d app -c 'select version_num from alembic_version')" >"$stamp"
}

start_demo() {
  if load_places && demo_environment && is_running; then
    [[ $(sed 's/.* PORT=//' "$DATA_DIR/places") == "$PORT" ]] || die "the demo in $DATA_DIR runs on another port; stop it first: ./setup.sh stop"
    step "already running; taking up what changed"
    ALREADY=1
  else
    PORT=${PORT_GIVEN:-3000}
    create_data_dir
    choose_places
    demo_environment
    stop_orphans
    check_port
    prepare_postgres
    "$PY" -m supervisor.supervisord -c "$CODE/supervisord.conf" || die "supervisord did not start; its log is $LOG_DIR/supervisord.log"
  fi
  PG_BIN=${PG_BIN:-$(find_postgres)}
  start_postgres
  furnish
  step "waiting for the first answer"
  start_programs
}

start_programs() { # "already started" is fine; nobody waits until supervisord counts them as started
  local program
  if [[ $RUN_WEB == true && $ALREADY ]]; then control signal HUP web >/dev/null 2>&1 || true; fi
  for program in $([[ $RUN_WEB != true ]] || echo web) $(job_programs); do
    control start "$program" >/dev/null 2>&1 &
  done
  if [[ $RUN_WEB == true ]]; then wait_until_ready; else wait; fi
}

cmd_demo() {
  local detach="" fresh="" argument ALREADY=""
  for argument in "$@"; do
    case $argument in
      --detach) detach=1 ;;
      --fresh) fresh=1 ;;
      *) usage >&2; die "unknown argument: $argument" ;;
    esac
  done
  install_lock runtime
  if [[ $fresh ]]; then remove_data; fi
  trap '[[ $ALREADY ]] || control shutdown >/dev/null 2>&1 || true' EXIT
  start_demo
  trap - EXIT
  summary
  if [[ $detach ]]; then
    say "Ready: http://127.0.0.1:$PORT"
    return
  fi
  say "Ready: http://127.0.0.1:$PORT  (Ctrl-C stops it)"
  follow_logs
}

follow_logs() {
  tail -n 0 -q -F "$LOG_DIR/web.log" "$LOG_DIR/worker.log" 2>/dev/null &
  local tail_pid=$!
  trap 'trap "" INT TERM; kill "$tail_pid" 2>/dev/null; say; stop_supervisord; exit 0' INT TERM HUP
  while is_running; do
    sleep 2 &
    wait $! || true
  done
  kill "$tail_pid" 2>/dev/null || true
  die "supervisord is gone; its log is $LOG_DIR/supervisord.log"
}

remove_data() {
  load_places || return 0
  demo_environment
  if is_running; then stop_supervisord; else stop_orphans; fi
  step "removing the data in $DATA_DIR"
  rm -rf "$PG_HOME" "$RUN_DIR"
  find "$DATA_DIR" -mindepth 1 -delete
}

stop_chosen_demo() {
  if ! load_places || [[ ! -x $PY ]]; then say "Nothing runs in $DATA_DIR."; return; fi
  demo_environment
  stop_supervisord
}

demo_status() {
  need_demo
  if ! is_running; then say "Not running."; return 3; fi
  control status || true
  is_ready || { say "Not ready: http://127.0.0.1:$PORT/api/health/ready says why."; return 3; }
  say "Ready: http://127.0.0.1:$PORT"
}
