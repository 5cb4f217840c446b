#!/usr/bin/env bash
# What a container of the image starts: supervisord with the programs that RUN_WEB, RUN_WORKER and
# RUN_SCHEDULER leave on, or the command given; `container.sh health` is its health check.
# The root file system may be read-only.
set -euo pipefail

say() { printf 'container.sh: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

writable() { # NAME FOLDER
  mkdir -p "$2" 2>/dev/null || true
  [[ -d $2 && -w $2 ]] || die "$1=$2 cannot be written by uid $(id -u); mount a volume or a tmpfs there"
}

programs() { sed -n 's/^\[program:\([a-z]*\)\]$/\1/p' supervisord.conf; }

logs_to_stdout() { # what a container says goes to its engine, not to files
  local program
  printf '%s\n' '[supervisord]' 'logfile=/dev/null' 'logfile_maxbytes=0'
  for program in $(programs); do
    printf '%s\n' "[program:$program]" 'stdout_logfile=/dev/fd/1' 'stdout_logfile_maxbytes=0'
  done
}

is_on() { # PROGRAM : by its switch, RUN_WEB for web
  local switch=RUN_${1^^}
  [[ ${!switch:-true} == true ]]
}

is_ready() { # web answers; it is asked for the first trusted host, as nginx would: any other is refused
  python - "${WEB_BIND:?}" "${TRUSTED_HOSTS:-localhost}" <<'EOF'
import http.client, socket, sys
bind, host = sys.argv[1], sys.argv[2].split(",")[0].strip()
connection = http.client.HTTPConnection("127.0.0.1", bind.rpartition(":")[2] if ":/" not in bind else 80, timeout=5)
if bind.startswith("unix:"):
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(5)
    connection.sock.connect(bind.removeprefix("unix:"))
connection.request("GET", "/api/health/ready", headers={"Host": host})
answer = connection.getresponse()
sys.exit(None if answer.status == 200 else answer.read(300).decode())
EOF
}

health() {
  local status program
  status=$(supervisorctl -c supervisord.conf status || true)
  for program in $(programs); do
    is_on "$program" || continue
    [[ $status =~ (^|$'\n')$program(:[^ ]*)?[[:space:]]+RUNNING ]] || die "$program does not run: $status"
  done
  ! is_on web || is_ready
}

publish_static() { # nginx serves them from the volume that both see; without it, it asks web
  flask --app wsgi static publish "$DATA_DIR/static" >/dev/null || say "the static files could not be laid out for nginx"
}

umask 027
if [[ ${1:-} == health ]]; then health; exit; fi
export ENV_FILE='' # settings are those of the container
writable RUN_DIR "${RUN_DIR:?}"
if (($#)); then exec "$@"; fi
writable DATA_DIR "${DATA_DIR:?}"
writable LOG_DIR "${LOG_DIR:?}"
mkdir -p "$RUN_DIR/supervisor.d"
logs_to_stdout >"$RUN_DIR/supervisor.d/container.conf"
! is_on web || publish_static
exec supervisord -n -c supervisord.conf
