#!/usr/bin/env bash
# Everything a person or a machine does with this house goes through here; `./setup.sh help` lists it.
# Needs bash and Python >= 3.11; on Debian it installs what else is missing when it may.
# shellcheck disable=SC2031
set -euo pipefail

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
CODE=$ROOT # a host runs its code through a link to the current release
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
./setup.sh flask VERB ...              a flask verb in its environment
./setup.sh supervisorctl ...           its supervisorctl
                                       (on a host: /srv/triple/current/setup.sh start, stop, status, ...)
./setup.sh production [--site-host NAME]
                                       set up this Debian host, or mend it; as root
./setup.sh release [SOURCE] | rollback [ID]
                                       bring a host another release of the code, or an earlier one back
./setup.sh restore --from PLACE --identity FILE --to DIR
                                       bring a backup back into an empty DATA_DIR or PREFIX
./setup.sh containers HOST             write what docker-compose.yml needs: settings, secrets; as root
./setup.sh test [PYTEST ARGUMENTS]     install what tests need and run them
./setup.sh check                       format, lint, types, import rules, locks, configuration files
./setup.sh bench [--full] [ROW ...]    measure, with --full among millions of rows; writes docs/PERFORMANCE.md
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

# --- The parts of a demo and of a host -----------------------------------------------------------

# shellcheck source=app/host/environment.sh
source app/host/environment.sh
# shellcheck source=app/host/postgres.sh
source app/host/postgres.sh
# shellcheck source=app/host/supervision.sh
source app/host/supervision.sh
# shellcheck source=app/host/production.sh
source app/host/production.sh
# shellcheck source=app/host/releases.sh
source app/host/releases.sh
# shellcheck source=app/demo/house.sh
source app/demo/house.sh
# shellcheck source=app/demo/running.sh
source app/demo/running.sh

# --- Commands that are the same in both, and those of a checkout ---------------------------------

cmd_stop() { if is_host; then need_host; stop_host; else stop_chosen_demo; fi; }
cmd_status() { if is_host; then need_host; host_status; else demo_status; fi; }

cmd_flask() {
  if is_host; then need_host; in_host flask "$@"; return; fi
  need_demo
  is_running || die "the demo does not run; start it with ./setup.sh demo --detach"
  exec "$PY" -m flask --app wsgi "$@"
}

cmd_supervisorctl() {
  if is_host; then need_host; else need_demo; fi
  control "$@"
}

# What tests use beyond Python packages: Debian's package and the command that shows it is there.
install_test_tools() {
  local missing=() pair
  for pair in chromium:chromium nginx-light:nginx redis-server:redis-server wrk:wrk nodejs:node bubblewrap:bwrap; do
    command -v "${pair#*:}" >/dev/null || [[ -x /usr/sbin/${pair#*:} ]] || missing+=("${pair%:*}")
  done
  if ((${#missing[@]})); then
    step "installing ${missing[*]}"
    apt_install "${missing[@]}" || say "could not install ${missing[*]}; tests that need them are skipped (CI=true: fail)" >&2
  fi
  install_scanners
}

# What examines the site from outside, each in a folder of its own and in no lock of ours.
install_scanners() {
  local tools=$ROOT/var/test-tools observatory=1.4.8 sslyze=6.3.1
  mkdir -p "$tools"
  if [[ $(cat "$tools/observatory/version" 2>/dev/null) != "$observatory" ]]; then
    step "installing Mozilla's Observatory"
    rm -rf "$tools/observatory"
    install_observatory "$tools/observatory" "$observatory" || say "could not install the Observatory; its tests are skipped (CI=true: fail)" >&2
  fi
  if [[ $(cat "$tools/sslyze/version" 2>/dev/null) != "$sslyze" ]]; then
    step "installing sslyze"
    rm -rf "$tools/sslyze"
    install_sslyze "$tools/sslyze" "$sslyze" || say "could not install sslyze; its tests are skipped (CI=true: fail)" >&2
  fi
  if ! command -v prometheus >/dev/null && [[ ! -x $tools/prometheus/usr/bin/prometheus ]]; then
    step "laying out Debian's prometheus"
    lay_out_packages "$tools/prometheus" prometheus || say "could not get prometheus; its tests are skipped (CI=true: fail)" >&2
  fi
  if [[ ! -x /usr/sbin/rsyslogd && ! -x $tools/rsyslog/usr/sbin/rsyslogd ]]; then
    step "laying out Debian's rsyslog"
    lay_out_packages "$tools/rsyslog" rsyslog libestr0 libfastjson4 || say "could not get rsyslog; its tests are skipped (CI=true: fail)" >&2
  fi
}

# Installed, they would be services of this machine; the tests want their programs only.
lay_out_packages() { # FOLDER PACKAGE...
  local folder=$1 deb
  shift
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
  rm -rf "$folder.new"
  mkdir -p "$folder.new"
  (cd "$folder.new" && { apt-get -qq download "$@" || { as_root apt-get -qq update && apt-get -qq download "$@"; }; }) >/dev/null 2>&1 || return 1
  for deb in "$folder.new"/*.deb; do dpkg -x "$deb" "$folder.new" || return 1; done
  rm -rf "$folder" "$folder.new"/*.deb
  mv "$folder.new" "$folder"
}

install_sslyze() { # FOLDER VERSION
  "$VENV/bin/uv" venv --quiet --python "$PY" "$1" || return 1
  "$VENV/bin/uv" pip install --quiet --python "$1/bin/python" "sslyze==$2" || return 1
  printf '%s\n' "$2" >"$1/version"
}

install_observatory() { # FOLDER VERSION ; its own installation scripts would fetch lists from elsewhere
  command -v npm >/dev/null || apt_install npm || return 1
  local conf=$1/node_modules/@mdn/mdn-http-observatory/conf
  mkdir -p "$1"
  npm install --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error "@mdn/mdn-http-observatory@$2" >/dev/null || return 1
  printf '{}\n' >"$conf/hsts-preload.json"
  printf '["test"]\n' >"$conf/tld-list.json"
  printf '%s\n' "$2" >"$1/version"
}

cmd_test() {
  install_lock dev
  install_test_tools
  (($#)) && exec "$PY" -m pytest "$@"
  # All at once what only computes and asks a database; three at a time what mostly waits, for
  # browsers and workers; alone what measures time or loads servers.
  local failed=0
  export PYTHONHASHSEED=0  # the processes must agree on the names of tests whose parameters are sets
  run_tests --cache-clear -m "not alone and not waits" --numprocesses=auto --dist=loadfile
  run_tests -m waits --numprocesses=3 --dist=loadfile --no-loadscope-reorder
  run_tests -m alone
  ((failed)) || exit 0
  run_failed_again
}

run_tests() { # PYTEST'S ARGUMENTS ; only tests that failed are worth a second try, not a broken run
  local status=0
  "$PY" -m pytest "$@" || status=$?
  ((status < 2)) || die "the tests could not be run (pytest's exit status $status)."
  ((status == 0)) || failed=1
}

# A test that drives a browser, processes or a clock may fail for a stolen second of the machine. Such
# a one passes alone; it is named, so that somebody looks at it. A test that fails twice fails the run.
run_failed_again() {
  local failures=5
  say "Some tests failed. Each is tried once more by itself, if they are no more than $failures:"
  "$PY" -m pytest --cache-show=cache/lastfailed | grep '::' || true
  (($("$PY" -m pytest --cache-show=cache/lastfailed | grep -c '::') <= failures)) || exit 1
  exec "$PY" -m pytest --last-failed --last-failed-no-failures=none
}

cmd_bench() {
  install_lock dev
  install_test_tools
  exec "$PY" -m tests.bench "$@"
}

cmd_containers() { exec app/host/containers.sh "$@"; }

cmd_check() {
  install_lock dev
  command -v node >/dev/null || apt_install nodejs || true
  exec .ci/check
}

command=${1:-help}
shift || true
case $command in
  demo | stop | status | flask | supervisorctl | production | start | supervise | certificate | release | rollback | restore | containers | test | check | bench)
    "cmd_$command" "$@" ;;
  help | -h | --help) usage ;;
  *) usage >&2; die "unknown command: $command" ;;
esac
