# shellcheck shell=bash disable=SC2154
# supervisord and what it runs, of a demo (CODE is the checkout) or of a host (CODE is the link to the
# current release): asked, stopped, and cleaned up after when it was killed. Sourced by setup.sh.

control() { "$PY" -m supervisor.supervisorctl -c "$CODE/supervisord.conf" "$@"; }
is_running() { [[ -x $PY ]] && control pid >/dev/null 2>&1; }

# A killed supervisord leaves its programs behind; they carry its mark and our RUN_DIR. PostgreSQL and
# nginx overwrite their environment, but leave their process numbers in files.
orphans() {
  local pid_file pid
  # a process that ends while grep reads is no failure
  { grep -lzxF "RUN_DIR=$RUN_DIR" /proc/[0-9]*/environ 2>/dev/null || true; } | { xargs -r grep -lzxF SUPERVISOR_ENABLED=1 2>/dev/null || true; } | cut -d/ -f3
  for pid_file in "$PG_HOME"/*/postmaster.pid "$RUN_DIR/nginx.pid"; do
    pid=$(head -n 1 "$pid_file" 2>/dev/null) && [[ $(readlink "/proc/$pid/exe") =~ /(postgres|nginx)( |$) ]] && printf '%s\n' "$pid"
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
    # INT: PostgreSQL's fast shutdown, gunicorn's and nginx's quick one.
    if ((try == 1)); then kill -INT "${pids[@]}" 2>/dev/null || true; fi
    if ((try == 10)); then kill -TERM "${pids[@]}" 2>/dev/null || true; fi
    sleep 0.5
  done
  die "these processes do not end: ${pids[*]}"
}

stop_supervisord() {
  step "stopping"
  if control shutdown >/dev/null 2>&1; then # one that was killed leaves its socket and does not answer
    for _ in {1..400}; do
      is_running || [[ -S $RUN_DIR/supervisor.sock ]] || break
      sleep 0.2
    done
  fi
  stop_orphans
  say "Stopped."
}

# Each program may be left out of a machine; one that hosts job workers alone says RUN_WEB=false.
program_switches() {
  local name
  for name in RUN_WEB RUN_WORKER RUN_SCHEDULER; do
    export "$name=${!name:-true}"
    [[ ${!name} == true || ${!name} == false ]] || die "$name=${!name} must be true or false"
  done
  export WORKER_PROCESSES=${WORKER_PROCESSES:-1}
  [[ $WORKER_PROCESSES =~ ^[1-9][0-9]?$ ]] || die "WORKER_PROCESSES=$WORKER_PROCESSES must be a number from 1 to 99"
}

more_workers() { # [SETTING=VALUE...] : the job workers beyond the first, each a program of its own
  local number
  for ((number = 2; number <= WORKER_PROCESSES; number++)); do
    sed -n '/^\[program:worker\]/,/^$/p' "$CODE/supervisord.conf" \
      | sed -e "s/^\[program:worker\]/[program:worker-$number]/" -e "s/worker\.log/worker-$number.log/" -e "s|%(here)s|$CODE|g" -e '/^$/d'
    if (($#)); then printf '%s\n' "$@"; fi
  done
}

job_programs() { # prints those that are switched on, worker by worker
  local number
  if [[ $RUN_WORKER == true ]]; then
    printf 'worker\n'
    for ((number = 2; number <= WORKER_PROCESSES; number++)); do printf 'worker-%s\n' "$number"; done
  fi
  if [[ $RUN_SCHEDULER == true ]]; then printf 'scheduler\n'; fi
}
