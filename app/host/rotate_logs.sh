#!/usr/bin/env bash
# rotate_logs.sh LOG_DIR NGINX_PID_FILE : an event listener of supervisord. Each minute it sets aside
# those of nginx's logs that have grown beyond LOG_MAX_MB, keeps five, and has nginx open new ones.
set -uo pipefail

log_dir=$1 pid_file=$2
max_bytes=$((${LOG_MAX_MB:-50} * 1024 * 1024)) kept=5

grown() { # prints nginx's logs that are too big
  local file
  for file in "$log_dir"/access.log "$log_dir"/error.log "$log_dir"/nginx-*.log; do
    if [[ -f $file ]] && (($(stat -c %s "$file") >= max_bytes)); then printf '%s\n' "$file"; fi
  done
}

set_aside() { # FILE
  local number
  for ((number = kept - 1; number > 0; number--)); do
    if [[ -f $1.$number ]]; then mv -f "$1.$number" "$1.$((number + 1))"; fi
  done
  mv -f "$1" "$1.1"
}

rotate() {
  local files file
  mapfile -t files < <(grown)
  ((${#files[@]})) || return 0
  for file in "${files[@]}"; do set_aside "$file"; done
  kill -USR1 "$(cat "$pid_file")" || echo "nginx could not be told to open new logs" >&2
}

while printf 'READY\n' && read -r header; do
  if [[ $header =~ len:([0-9]+) ]]; then read -r -N "${BASH_REMATCH[1]}" _; fi
  rotate
  printf 'RESULT 2\nOK'
done
