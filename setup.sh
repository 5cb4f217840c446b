#!/usr/bin/env bash
# Everything a person or a machine does with this house goes through here; `./setup.sh help` lists it.
# Needs bash and Python >= 3.11; on Debian it installs what else is missing when it may.
set -euo pipefail

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
VENV=$ROOT/.venv
PY=$VENV/bin/python
PORT_GIVEN=${PORT:-}
DATA_DIR=${DATA_DIR:-var/demo}
[[ $DATA_DIR == /* ]] || DATA_DIR=$ROOT/$DATA_DIR
cd "$ROOT"
unset PYTHONDONTWRITEBYTECODE # without compiled code every start takes three times as long

say() { printf '%s\n' "$*"; }
step() { printf '\033[2m-- %s\033[0m\n' "$*"; }
die() { printf 'setup.sh: %s\n' "$*" >&2; exit 1; }
is_root() { [[ $(id -u) == 0 ]]; }

usage() {
  cat <<'EOF'
./setup.sh demo [--detach] [--fresh]   run the platform with demo data (PORT=3000, DATA_DIR=./var/demo)
./setup.sh stop | status               stop it, or show what runs
./setup.sh flask VERB ...              a flask verb in the demo's environment
./setup.sh supervisorctl ...           supervisorctl of the demo
./setup.sh test [PYTEST ARGUMENTS]     install what tests need and run them
./setup.sh check                       format, lint, types, import rules, locks, configuration files
./setup.sh bench [ROW ...]             measure; writes docs/PERFORMANCE.md
EOF
}

# --- Python and packages ----------------------------------------------------------------------

as_root() {
  if is_root; then "$@"; elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo "$@"; else return 1; fi
}

apt_install() { # PACKAGE... ; 1 when this machine has no apt or we may not use it
  command -v apt-get >/dev/null && as_root true || return 1
  local options=(-qq -y --no-install-recommends -o DPkg::Lock::Timeout=120)
  as_root env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install "$@" >/dev/null 2>&1 && return
  as_root apt-get -qq update >/dev/null && as_root env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install "$@" >/dev/null
}

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3.14 python3 python; do
    command -v "${candidate:-none}" >/dev/null || continue
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    command -v "$candidate"
    return
  done
  die "no Python >= 3.11 found; install one (Debian: apt-get install python3 python3-venv) or set PYTHON=/path/to/python"
}

create_venv() {
  [[ -x $PY ]] && "$PY" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
  local python
  python=$(find_python)
  step "creating .venv with $("$python" --version)"
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    local version
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    apt_install "python$version-venv" || apt_install python3-venv \
      || die "$python cannot make virtual environments; install python$version-venv (as root: apt-get install python3-venv)"
  fi
  "$python" -m venv --clear "$VENV"
}

install_lock() { # runtime|dev ; a second call with the same lock does nothing
  local lock=requirements.txt stamp=$VENV/.installed wanted
  [[ $1 == dev || $(cut -d' ' -f1 "$stamp" 2>/dev/null) == requirements-dev.txt ]] && lock=requirements-dev.txt
  create_venv
  wanted="$lock $(cksum <"$lock")"
  [[ $(cat "$stamp" 2>/dev/null) == "$wanted" ]] && return
  exec 9>"$VENV/.setup.lock" # uv locks .venv/.lock itself
  if command -v flock >/dev/null; then flock 9; fi
  step "installing $lock"
  local uv_pin=$VENV/.uv.txt
  awk '/^uv==/ { on = 1 } on { print; if (!/\\$/) exit }' requirements.txt >"$uv_pin"
  if [[ "uv $("$VENV/bin/uv" --version 2>/dev/null | cut -d' ' -f2)" != "uv $(sed -n 's/^uv==\([^ ]*\).*/\1/p' "$uv_pin")" ]]; then
    "$PY" -m pip --version >/dev/null 2>&1 || "$PY" -m ensurepip >/dev/null
    "$PY" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$uv_pin"
  fi
  "$VENV/bin/uv" pip sync --quiet --python "$PY" --require-hashes "$lock"
  printf '%s\n' "$wanted" >"$stamp"
  exec 9>&-
}

# --- The demo: its places and its PostgreSQL -----------------------------------------------------

# shellcheck source=app/demo/house.sh
source app/demo/house.sh

control() { "$VENV/bin/supervisorctl" -c "$ROOT/supervisord.conf" "$@"; }
is_running() { control pid >/dev/null 2>&1; }
need_demo() {
  load_places || die "no demo in $DATA_DIR; start one with ./setup.sh demo"
  demo_environment
}

# --- Commands ---------------------------------------------------------------------------------

# A killed supervisord leaves its programs behind; they carry its mark and our RUN_DIR. PostgreSQL
# overwrites its environment, but leaves its process number in its data directory.
orphans() {
  local pid_file pid
  grep -lzxF "RUN_DIR=$RUN_DIR" /proc/[0-9]*/environ 2>/dev/null | xargs -r grep -lzxF SUPERVISOR_ENABLED=1 2>/dev/null | cut -d/ -f3
  for pid_file in "$PG_HOME"/*/postmaster.pid; do
    pid=$(head -n 1 "$pid_file" 2>/dev/null) && [[ $(readlink "/proc/$pid/exe") == */postgres* ]] && printf '%s\n' "$pid"
  done
  return 0
}

stop_orphans() {
  local pids try
  for try in {1..60}; do
    mapfile -t pids < <(orphans | sort -u)
    ((${#pids[@]})) || return 0
    ((try > 1)) || step "ending what an earlier supervisord left behind"
    if ((try == 50)); then kill -KILL "${pids[@]}" 2>/dev/null || true; fi
    # INT: PostgreSQL's fast shutdown and gunicorn's quick one.
    if ((try == 1)); then kill -INT "${pids[@]}" 2>/dev/null || true; fi
    if ((try == 10)); then kill -TERM "${pids[@]}" 2>/dev/null || true; fi
    sleep 0.5
  done
  die "these processes do not end: ${pids[*]}"
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
  local try
  for try in {1..300}; do
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
    "$VENV/bin/supervisord" -c "$ROOT/supervisord.conf" || die "supervisord did not start; its log is $LOG_DIR/supervisord.log"
  fi
  PG_BIN=${PG_BIN:-$(find_postgres)}
  start_postgres
  furnish
  step "waiting for the first answer"
  if [[ $ALREADY ]]; then control signal HUP web >/dev/null 2>&1 || true; fi
  control start web >/dev/null 2>&1 &
  wait_until_ready
  wait
  control start worker >/dev/null 2>&1 || true # "already started" is fine
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
  trap 'trap "" INT TERM; kill "$tail_pid" 2>/dev/null; say; stop_demo; exit 0' INT TERM HUP
  while is_running; do
    sleep 2 &
    wait $! || true
  done
  kill "$tail_pid" 2>/dev/null || true
  die "supervisord is gone; its log is $LOG_DIR/supervisord.log"
}

stop_demo() {
  step "stopping"
  control shutdown >/dev/null 2>&1 || true
  local try
  for try in {1..400}; do
    is_running || [[ -S $RUN_DIR/supervisor.sock ]] || break
    sleep 0.2
  done
  stop_orphans
  say "Stopped."
}

remove_data() {
  load_places || return 0
  demo_environment
  if is_running; then stop_demo; else stop_orphans; fi
  step "removing the data in $DATA_DIR"
  rm -rf "$PG_HOME" "$RUN_DIR"
  find "$DATA_DIR" -mindepth 1 -delete
}

cmd_stop() {
  if ! load_places || [[ ! -x $PY ]]; then say "Nothing runs in $DATA_DIR."; return; fi
  demo_environment
  stop_demo
}

cmd_status() {
  need_demo
  if ! is_running; then say "Not running."; return 3; fi
  control status || true
  is_ready || { say "Not ready: http://127.0.0.1:$PORT/api/health/ready says why."; return 3; }
  say "Ready: http://127.0.0.1:$PORT"
}

cmd_flask() {
  need_demo
  is_running || die "the demo does not run; start it with ./setup.sh demo --detach"
  exec "$PY" -m flask --app wsgi "$@"
}

cmd_supervisorctl() {
  need_demo
  control "$@"
}

# What tests use beyond Python packages: Debian's package and the command that shows it is there.
install_test_tools() {
  local missing=() pair
  for pair in chromium:chromium nginx-light:nginx redis-server:redis-server wrk:wrk nodejs:node bubblewrap:bwrap; do
    command -v "${pair#*:}" >/dev/null || [[ -x /usr/sbin/${pair#*:} ]] || missing+=("${pair%:*}")
  done
  ((${#missing[@]})) || return 0
  step "installing ${missing[*]}"
  apt_install "${missing[@]}" || say "could not install ${missing[*]}; tests that need them are skipped (CI=true: fail)" >&2
}

cmd_test() {
  install_lock dev
  install_test_tools
  (($#)) && exec "$PY" -m pytest "$@"
  # All at once what only computes and asks a database; in pairs what mostly waits, for browsers and
  # workers; alone what measures time or loads servers.
  local status=0
  export PYTHONHASHSEED=0  # the processes must agree on the names of tests whose parameters are sets
  "$PY" -m pytest -m "not alone and not in_pairs" --numprocesses=auto --dist=loadfile || status=1
  "$PY" -m pytest -m in_pairs --numprocesses=2 --dist=loadfile || status=1
  "$PY" -m pytest -m alone || status=1
  exit $status
}

cmd_bench() {
  install_lock dev
  install_test_tools
  exec "$PY" -m tests.bench "$@"
}

cmd_check() {
  install_lock dev
  command -v node >/dev/null || apt_install nodejs || true
  exec .ci/check
}

command=${1:-help}
shift || true
case $command in
  demo | stop | status | flask | supervisorctl | test | check | bench) "cmd_$command" "$@" ;;
  help | -h | --help) usage ;;
  *) usage >&2; die "unknown command: $command" ;;
esac
