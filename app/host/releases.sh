# shellcheck shell=bash disable=SC2154
# Releases of a production host: each lies in a folder of its own, the link `current` names the one
# that serves. `release` tries a new one before and after it changes the link, and goes back by itself.
# Sourced by setup.sh, whose say, step, die and is_root it uses. docs/DEPLOYMENT.md tells the story.

# shellcheck source=app/host/release_build.sh
source "$ROOT/app/host/release_build.sh"

BOOT_SECONDS=20   # how long new web workers may take to load the application
KEEP_RELEASES=3

release_places() {
  production_places
  RELEASES_DIR=$HOUSE/releases CURRENT=$HOUSE/current UNDER_WAY=$HOUSE/.under-way
  CANARY_SOCKET=$RUN_DIR/canary.sock CANARY_PID_FILE=$RUN_DIR/canary.pid
  WATCH_SECONDS=${WATCH_SECONDS:-20}
  [[ -L $CURRENT && -d $CURRENT/app ]] || die "no release serves in $HOUSE; set the host up first: ./setup.sh production"
  [[ -w $HOUSE ]] || die "$HOUSE is not yours to write; run this as root"
}

release_control() { "$CURRENT/.venv/bin/python" -m supervisor.supervisorctl -c "$CURRENT/supervisord.conf" "$@" 8>&-; }
current_id() { basename "$(readlink "$CURRENT")"; }
state_of() { release_control status "$1" 2>/dev/null | awk '{ print $2; exit }'; }

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

restart_jobs() { # a stopped worker takes no job at once, so none of a new kind meets the old code
  local program programs=()
  while read -r program _; do programs+=("$program"); done < <(release_control status 2>/dev/null | awk '$1 ~ /^(worker|scheduler)/ && $2 == "RUNNING"')
  ((${#programs[@]} == 0)) || release_control restart "${programs[@]}" >/dev/null 2>&1 || true
}

take_up() { # FROM TO : let every process load what the link names; 1 when the web does not
  local before signal=HUP try
  restart_jobs &
  if [[ $(state_of web) == STOPPED ]]; then wait; return 0; fi
  before=$(cat "$RUN_DIR/web.serving" 2>/dev/null || true)
  if needs_another_master "$1" "$2"; then signal=KILL; fi
  release_control signal "$signal" web >/dev/null 2>&1 || release_control start web >/dev/null 2>&1 || true
  for ((try = 0; try < BOOT_SECONDS * 5; try++)); do
    [[ $(cat "$RUN_DIR/web.serving" 2>/dev/null) == "$before" ]] || break
    sleep 0.2
  done
  [[ $(cat "$RUN_DIR/web.serving" 2>/dev/null) != "$before" ]] || { FAULT="no web worker of it serves within $BOOT_SECONDS s; ${LOG_DIR}/web.log says why"; return 1; }
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

watch_release() { # ACCESS_LOG FROM_BYTE USUAL : 1 with FAULT when it is not well; USUAL: failed in a thousand before
  local until=$((SECONDS + WATCH_SECONDS)) unwell=0 all failed
  while ((SECONDS < until)); do
    if smoke "$RUN_DIR/web.sock" ready >/dev/null 2>&1; then unwell=0; else unwell=$((unwell + 1)); fi
    ((unwell < 3)) || { FAULT="it is not ready: $(smoke "$RUN_DIR/web.sock" ready 2>&1 | tail -n 1)"; return 1; }
    read -r all failed < <(answers_of "$1" "$2")
    if ((failed >= 3 && failed * 1000 > all * ($3 + 20))); then FAULT="$failed of $all answers failed since"; return 1; fi
    sleep 0.5
  done
}

usual_failures() { # LOG : how many in a thousand of the last answers failed
  local size all failed
  size=$(stat -c %s "$1" 2>/dev/null || echo 0)
  read -r all failed < <(answers_of "$1" $((size > 400000 ? size - 400000 : 0)))
  echo $((all ? failed * 1000 / all : 0))
}

switch_to() { # FROM TO : flip, take up, watch; 1 with FAULT when TO is not well
  local log=${ACCESS_LOG:-$LOG_DIR/web.log} start usual
  usual=$(usual_failures "$log")
  start=$(stat -c %s "$log" 2>/dev/null || echo 0)
  printf '%s %s\n' "$1" "$2" >"$UNDER_WAY"
  point_at "$2"
  take_up "$1" "$2" || return
  [[ $(state_of web) == STOPPED ]] || watch_release "$log" "$start" "$usual"
}

go_back() { # FROM TO : after a release that is not well
  local began=$SECONDS try
  touch "$RELEASES_DIR/$1/.failed"
  point_at "$2"
  take_up "$1" "$2" || say "setup.sh: $2 does not come back by itself: $FAULT" >&2
  for try in {1..40}; do
    if smoke "$RUN_DIR/web.sock" ready >/dev/null 2>&1; then break; fi
    sleep 0.25
  done
  rm -f "$UNDER_WAY"
  say "setup.sh: $2 serves again, $((SECONDS - began)) s after the fault" >&2
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
  if read -r from to 2>/dev/null <"$UNDER_WAY" && [[ $(current_id) == "$to" ]] && is_complete "$from"; then
    step "an earlier release was interrupted; taking up $to once more"
    if take_up "$from" "$to" && smoke "$RUN_DIR/web.sock" >/dev/null 2>&1; then note_previous "$from"; else go_back "$to" "$from"; fi
  fi
  rm -f "$UNDER_WAY" "$CURRENT.new"
}

prune_releases() { # all but the newest three; the one that serves and the one before it stay
  local id kept
  kept=" $(complete_releases | tail -n "$KEEP_RELEASES" | tr '\n' ' ') $(current_id) $(cat "$HOUSE/previous" 2>/dev/null) "
  for id in $(complete_releases); do
    [[ $kept == *" $id "* ]] || rm -rf "${RELEASES_DIR:?}/$id"
  done
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
  tidy_up
  old=$(current_id)
  trap 'leave_build' EXIT
  trap 'exit 130' INT TERM HUP
  build_release "$source"
  migrate_release "$NEW"
  try_canary "$NEW"
  touch "$RELEASES_DIR/$NEW/.complete"
  trap - EXIT
  # From here on there is only forward or back; a lost terminal changes nothing.
  trap '' INT HUP
  step "switching from $old to $NEW"
  if switch_to "$old" "$NEW"; then
    note_previous "$old"
    rm -f "$UNDER_WAY"
    prune_releases
    say "Released $NEW in $((SECONDS - began)) s; back to $old: ./setup.sh rollback"
    return
  fi
  local fault=$FAULT
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
  printf '%s %s\n' "$old" "$target" >"$UNDER_WAY"
  if WATCH_SECONDS=0 switch_to "$old" "$target" && smoke "$RUN_DIR/web.sock" >/dev/null; then
    note_previous "$(earlier_than "$target")"
    rm -f "$UNDER_WAY"
    say "$target serves, after $((SECONDS - began)) s; forward again: ./setup.sh rollback $old"
    return
  fi
  point_at "$old"
  take_up "$target" "$old" || true
  rm -f "$UNDER_WAY"
  die "$target does not serve (${FAULT:-its pages do not answer}); $old serves on"
}
