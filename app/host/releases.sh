# shellcheck shell=bash disable=SC2034,SC2154
# Releases of a production host: each lies in a folder of its own, the link `current` names the one
# that serves. `release` tries a new one before and after it changes the link, and goes back by itself.
# Sourced by setup.sh, after app/host/production.sh. docs/DEPLOYMENT.md tells the story.

# shellcheck source=app/host/release_build.sh
source "$ROOT/app/host/release_build.sh"

BOOT_SECONDS=${BOOT_SECONDS:-60} # how long new web workers may take to load the application; the old ones serve on
KEEP_RELEASES=3

release_places() {
  need_host
  RELEASES_DIR=$HOUSE/releases UNDER_WAY=$HOUSE/.under-way
  CANARY_SOCKET=$RUN_DIR/canary.sock CANARY_PID_FILE=$RUN_DIR/supervisor.d/canary.pid
  WATCH_SECONDS=${WATCH_SECONDS:-20}
  [[ -w $HOUSE ]] || die "$HOUSE is not yours to write; run this as root"
}

release_control() { control "$@" 8>&-; }
current_id() { basename "$(readlink "$CURRENT")"; }
serves_web() { [[ $RUN_WEB == true ]] && is_running; }

take_release_lock() {
  exec 8>"$HOUSE/.lock"
  flock -n 8 || die "another release or rollback is under way on this host; wait until it ends"
}

is_complete() { [[ -e $RELEASES_DIR/$1/.complete && ! -e $RELEASES_DIR/$1/.failed ]]; }

complete_releases() { # the ids, oldest first
  local folder
  for folder in "$RELEASES_DIR"/*/; do
    folder=$(basename "$folder")
    if is_complete "$folder"; then printf '%s\n' "$folder"; fi
  done
}

# --- The link, and the processes behind it -------------------------------------------------------

point_at() { # ID : in one step
  ln -sfn "releases/$1" "$CURRENT.new"
  mv -T "$CURRENT.new" "$CURRENT"
}

note_previous() { # ID or nothing
  printf '%s\n' "$1" >"$HOUSE/previous.new"
  mv "$HOUSE/previous.new" "$HOUSE/previous"
}

# A HUP keeps gunicorn's master. Where gunicorn or Python is another, the master is killed: its
# workers serve on until those of the next one do (docs/adr/0007).
needs_another_master() { # FROM TO
  local from=$RELEASES_DIR/$1/.venv to=$RELEASES_DIR/$2/.venv
  [[ $(readlink -f "$from/bin/python") != "$(readlink -f "$to/bin/python")" ]] && return
  [[ $(cd "$from" && echo lib/*/site-packages/gunicorn-*) != "$(cd "$to" && echo lib/*/site-packages/gunicorn-*)" ]]
}

# Another PostgreSQL or supervisord.conf waits for the next start of the host: nobody is cut off for it.
write_programs_again() {
  if is_local_database; then
    host_postgres
    PGDATA=$PG_HOME/$("$PG_BIN/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
  fi
  write_host_programs
}

# A stopping worker takes no job, so none of a new kind meets the old code. They start again after the
# web did: both at once would leave visitors too little of a small machine.
stop_jobs() {
  local programs
  mapfile -t programs < <(job_programs)
  if ((${#programs[@]})); then release_control stop "${programs[@]}" >/dev/null 2>&1 || true; fi
}

start_jobs() {
  local changed programs
  mapfile -t changed < <(release_control reread 2>/dev/null | sed -n 's/^\(\(worker\|scheduler\|logs\)[^:]*\): .*/\1/p')
  if ((${#changed[@]})); then release_control update "${changed[@]}" >/dev/null 2>&1 || true; fi
  mapfile -t programs < <(job_programs)
  if ((${#programs[@]})); then release_control start "${programs[@]}" >/dev/null 2>&1 || true; fi
}

take_up_nginx() { # 1 with FAULT when nginx refuses the configuration of this release
  local before
  before=$(nginx_sum)
  (render_nginx || true) || { FAULT="nginx's configuration could not be rendered"; return 1; }
  [[ $(nginx_sum) != "$before" ]] || return 0
  /usr/sbin/nginx -t -q -p "$ETC/nginx" -c "$ETC/nginx/nginx.conf" || { FAULT="nginx refuses the configuration"; return 1; }
  release_control signal HUP nginx >/dev/null 2>&1 || true
}

serving() { cat "$RUN_DIR/web.serving" 2>/dev/null || true; }

# A worker that cannot load the application makes gunicorn's master end all others, half a minute
# later: time enough to kill the master first, whose workers then serve until others do.
could_not_boot() { tail -c "+$(($1 + 1))" "$LOG_DIR/web.log" 2>/dev/null | grep -qE 'Worker failed to boot|App failed to load'; }

take_up_web() { # HUP|KILL : 1 with FAULT when no new worker comes to serve
  local before from try
  before=$(serving)
  from=$(stat -c %s "$LOG_DIR/web.log" 2>/dev/null || echo 0)
  release_control signal "$1" web >/dev/null 2>&1 || release_control start web >/dev/null 2>&1 || true
  for ((try = 0; try < BOOT_SECONDS * 5; try++)); do
    [[ $(serving) == "$before" ]] || return 0
    if could_not_boot "$from"; then break; fi
    sleep 0.2
  done
  FAULT="no web worker of it came to serve; $LOG_DIR/web.log says why"
  HAS_BOOTED=""
  return 1
}

renew_jobs() { # in the background, so that a worker that hands a long job back delays nobody
  stop_jobs
  for _ in {1..600}; do
    if [[ -e $UNDER_WAY.web ]]; then break; fi
    sleep 0.2
  done
  start_jobs
}

take_up() { # FROM TO : every process loads what the link names; 1 with FAULT when one does not
  local signal=HUP status=0
  is_running || return 0
  write_programs_again
  rm -f "$UNDER_WAY.web"
  renew_jobs 8>&- &
  if serves_web; then
    if needs_another_master "$1" "$2"; then signal=KILL; fi
    take_up_nginx && take_up_web "$signal" || status=1
  fi
  touch "$UNDER_WAY.web"
  return $status
}

# --- Watching a release that serves --------------------------------------------------------------

answers_of() { # LOG FROM_BYTE : how many answers it tells of since, and how many say that the house failed
  local size
  size=$(stat -c %s "$1" 2>/dev/null || echo 0)
  if ((size < $2)); then set -- "$1" 0; fi # rotated meanwhile
  tail -c "+$(($2 + 1))" "$1" 2>/dev/null | awk '
    /"event": ?"request"/ && match($0, /"status": ?[0-9]+/) {
      status = substr($0, RSTART, RLENGTH); sub(/.*[^0-9]/, "", status); all++
      if (status ~ /^50[0234]$/) failed++
    }
    END { print all + 0, failed + 0 }'
}

too_many_failures() { # LOG FROM_BYTE USUAL : with FAULT; USUAL is how many in a thousand failed before
  local all failed
  read -r all failed < <(answers_of "$1" "$2")
  ((failed >= 3 && failed * 1000 > all * ($3 + 20))) || return 1
  FAULT="$failed of $all answers since were errors; see $1"
}

jobs_fault() { # 0 with FAULT when a job program does not stay up
  local program state
  while read -r program state _; do
    if [[ $program =~ ^(worker|scheduler) && $state =~ ^(BACKOFF|FATAL|EXITED)$ ]]; then
      FAULT="$program does not stay up; $LOG_DIR/$program.log says why"
      return 0
    fi
  done < <(release_control status 2>/dev/null)
  return 1
}

watch_release() { # for WATCH_SECONDS; 1 with FAULT when it is not well
  local until=$((SECONDS + WATCH_SECONDS)) unwell=0 log
  while ((SECONDS < until)); do
    if smoke "$RUN_DIR/web.sock" ready >/dev/null 2>&1; then unwell=0; else unwell=$((unwell + 1)); fi
    ((unwell < 3)) || { FAULT=$(smoke "$RUN_DIR/web.sock" ready 2>&1 | tail -n 1); return 1; }
    for log in "${LOGS[@]}"; do
      if too_many_failures "$log" "${LOG_FROM[$log]}" "${LOG_USUAL[$log]}"; then return 1; fi
    done
    sleep 0.5
  done
  wait # for the jobs
  if jobs_fault; then return 1; fi
}

usual_failures() { # LOG : how many in a thousand of the last answers failed
  local size all failed
  size=$(stat -c %s "$1" 2>/dev/null || echo 0)
  read -r all failed < <(answers_of "$1" $((size > 400000 ? size - 400000 : 0)))
  echo $((all ? failed * 1000 / all : 0))
}

note_logs() { # what they tell before the switch
  local log
  declare -gA LOG_FROM=() LOG_USUAL=()
  LOGS=("$LOG_DIR/web.log" "$LOG_DIR/access.log")
  for log in "${LOGS[@]}"; do
    LOG_USUAL[$log]=$(usual_failures "$log")
    LOG_FROM[$log]=$(stat -c %s "$log" 2>/dev/null || echo 0)
  done
}

switch_to() { # FROM TO : flip, take up, watch; 1 with FAULT when TO is not well
  HAS_BOOTED=1 FAULT=""
  note_logs
  printf '%s %s\n' "$1" "$2" >"$UNDER_WAY"
  point_at "$2"
  take_up "$1" "$2" || return
  serves_web || return 0
  watch_release
}

forget_under_way() { rm -f "$UNDER_WAY" "$UNDER_WAY.web"; }

go_back() { # FROM TO : after a release that is not well; its visitors first, its jobs afterwards
  local began=$SECONDS signal=HUP
  point_at "$2"
  if serves_web; then
    if [[ ! $HAS_BOOTED ]] || needs_another_master "$1" "$2"; then signal=KILL; fi
    take_up_nginx || say "setup.sh: $FAULT" >&2
    take_up_web "$signal" || say "setup.sh: $2 does not come back by itself: $FAULT" >&2
    for _ in {1..40}; do
      if smoke "$RUN_DIR/web.sock" ready >/dev/null 2>&1; then break; fi
      sleep 0.25
    done
    say "setup.sh: $2 serves again, $((SECONDS - began)) s after the fault was seen" >&2
  fi
  wait
  write_programs_again
  stop_jobs
  start_jobs
  forget_under_way
}

# --- Tidying up ----------------------------------------------------------------------------------

# Whoever was killed between two lines left an incomplete folder, a canary, or a release that nobody watched.
tidy_up() {
  local from to folder
  stop_canary
  for folder in "$RELEASES_DIR"/*/; do
    folder=$(basename "$folder")
    if ! is_complete "$folder" && [[ $folder != "$(current_id)" ]]; then rm -rf "${RELEASES_DIR:?}/$folder"; fi
  done
  HAS_BOOTED=1
  if read -r from to 2>/dev/null <"$UNDER_WAY" && [[ $(current_id) == "$to" ]] && is_complete "$from"; then
    step "an earlier release was interrupted; taking up $to once more"
    if take_up "$from" "$to" && is_well; then note_previous "$from"; else touch "$RELEASES_DIR/$to/.failed"; go_back "$to" "$from"; fi
  fi
  wait
  forget_under_way
  rm -f "$CURRENT.new"
}

prune_releases() { # all but the newest three; the one that serves and the one before it stay
  local id kept
  kept=" $(complete_releases | tail -n "$KEEP_RELEASES" | tr '\n' ' ') $(current_id) $(cat "$HOUSE/previous" 2>/dev/null) "
  for id in $(complete_releases); do
    [[ $kept == *" $id "* ]] || rm -rf "${RELEASES_DIR:?}/$id"
  done
}

is_well() { # a release that served before is asked no more than whether it is ready
  serves_web || return 0
  for _ in {1..10}; do
    if smoke "$RUN_DIR/web.sock" ready >/dev/null 2>&1; then return 0; fi
    sleep 0.5
  done
  return 1
}

earlier_than() { # ID : the newest complete release before it, if any
  complete_releases | awk -v id="$1" '$0 < id' | tail -n 1
}

# --- The two verbs -------------------------------------------------------------------------------

cmd_release() {
  (($# <= 1)) || { usage >&2; die "release takes one source: a folder, a tar file or a git revision"; }
  local source=${1:-$ROOT} old began=$SECONDS
  release_places
  take_release_lock
  renice -n $(($(nice) + 10)) -p $$ >/dev/null 2>&1 || true # building a release makes way for visitors
  tidy_up
  old=$(current_id)
  trap 'leave_build' EXIT
  trap 'exit 130' INT TERM HUP
  build_release "$source"
  migrate_release "$NEW"
  publish_static "$NEW"
  try_canary "$NEW"
  touch "$RELEASES_DIR/$NEW/.complete"
  trap - EXIT
  # From here on there is only forward or back; a lost terminal changes nothing.
  trap '' INT HUP
  step "switching from $old to $NEW"
  if switch_to "$old" "$NEW"; then
    note_previous "$old"
    wait
    forget_under_way
    prune_releases
    say "Released $NEW in $((SECONDS - began)) s; back to $old: ./setup.sh rollback"
    return
  fi
  local fault=$FAULT
  touch "$RELEASES_DIR/$NEW/.failed"
  go_back "$NEW" "$old"
  die "release $NEW was taken back: $fault"
}

cmd_rollback() {
  (($# <= 1)) || { usage >&2; die "rollback takes one release id"; }
  release_places
  take_release_lock
  tidy_up
  local old target began=$SECONDS
  old=$(current_id)
  target=${1:-$(earlier_than "$old")}
  [[ $target ]] || die "there is no release before $old; those here: $(complete_releases | tr '\n' ' ')"
  is_complete "$target" || die "no release $target; those here: $(complete_releases | tr '\n' ' ')"
  [[ $target != "$old" ]] || die "$old serves already"
  refuse_behind_contract "$RELEASES_DIR/$target"
  trap '' INT HUP
  step "going from $old to $target"
  if WATCH_SECONDS=0 switch_to "$old" "$target" && is_well; then
    note_previous "$(earlier_than "$target")"
    wait
    forget_under_way
    say "$target serves, after $((SECONDS - began)) s; forward again: ./setup.sh rollback $old"
    return
  fi
  local fault=${FAULT:-it is not ready}
  go_back "$target" "$old"
  die "$target does not serve ($fault); $old serves on"
}
