#!/usr/bin/env bash
# Becomes nginx, as supervisord's program. A master that was killed leaves workers behind, which serve
# on but hold its ports for ever: they are told to finish what they answer, so that the next can listen.
# start_nginx.sh FOLDER PID_FILE
set -euo pipefail

workers_of() { # MASTER : prints the processes of nginx in its group
  local stat line fields
  for stat in /proc/[0-9]*/stat; do
    { read -r line <"$stat"; } 2>/dev/null || continue
    [[ $line == *"(nginx)"* ]] || continue
    read -ra fields <<<"${line##*) }" # state, parent, group
    [[ ${fields[2]} != "$1" ]] || printf '%s\n' "${stat//[!0-9]/}"
  done
}

folder=$1
master=$(head -n 1 "$2" 2>/dev/null || true)
if [[ $master =~ ^[1-9][0-9]*$ && ! -d /proc/$master ]]; then
  mapfile -t orphans < <(workers_of "$master")
  if ((${#orphans[@]})); then
    printf 'telling %s workers of a killed nginx to finish\n' "${#orphans[@]}" >&2
    kill -QUIT "${orphans[@]}" 2>/dev/null || true # they stop listening at once; nginx tries for 2.5 s
  fi
fi
exec /usr/sbin/nginx -p "$folder" -c "$folder/nginx.conf" -g "daemon off;"
