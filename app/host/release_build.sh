# shellcheck shell=bash disable=SC2154
# How a release comes to be: its code, its packages, its migrations, and a trial on a socket of its own
# before anybody is sent there. Sourced by app/host/releases.sh, whose places it uses.

NEEDED_FILES=(wsgi.py gunicorn.conf.py supervisord.conf requirements.txt setup.sh app/__init__.py migrations/env.py)
CANARY_SECONDS=30

# --- Code ----------------------------------------------------------------------------------------

git_in() { git -c safe.directory='*' -C "$@"; }

files_of() { # FOLDER : its files, NUL-separated, without what a machine made there
  if [[ $(git_in "$1" rev-parse --show-toplevel 2>/dev/null) == "$(cd "$1" && pwd -P)" ]]; then
    (cd "$1" && git -c safe.directory='*' ls-files -z --cached --others --exclude-standard --deduplicate \
      | while IFS= read -r -d '' file; do [[ ! -e $file && ! -L $file ]] || printf '%s\0' "$file"; done)
  else
    (cd "$1" && find . \( -name .git -o -name .venv -o -name __pycache__ -o -path ./var -o -name '.env' -o -name '.*_cache' \
      -o -name .complete -o -name .failed -o -name RELEASE \) -prune -o \( -type f -o -type l \) -print0)
  fi
}

short_name_of() { # FOLDER : its commit, the one it was released as, or a sum of its contents
  git_in "$1" rev-parse --short=8 HEAD 2>/dev/null && return
  if [[ -r $1/RELEASE ]]; then sed 's/.*-//' "$1/RELEASE"; else (cd "$1" && files_of . | LC_ALL=C sort -z | xargs -0 cat | sha256sum | cut -c1-8); fi
}

unpack_tar() { # FILE FOLDER
  tar -xf "$1" -C "$2" --no-same-owner || die "$1 is no tar file that can be unpacked"
  local inner=("$2"/*)
  if [[ ! -e $2/wsgi.py && ${#inner[@]} == 1 && -e ${inner[0]}/wsgi.py ]]; then
    find "${inner[0]}" -mindepth 1 -maxdepth 1 -exec mv -t "$2" {} +
    rmdir "${inner[0]}"
  fi
}

unpack() { # SOURCE FOLDER : prints the short name
  local file
  if [[ -d $1 ]]; then
    files_of "$1" | tar -c -C "$1" --null --no-recursion -T - | tar -x -C "$2" --no-same-owner
    short_name_of "$1"
  elif [[ -f $1 ]]; then
    unpack_tar "$1" "$2"
    short_name_of "$2"
  elif git_in "$ROOT" rev-parse --verify --quiet "$1^{commit}" >/dev/null 2>&1; then
    git_in "$ROOT" archive "$1" | tar -x -C "$2" --no-same-owner
    git_in "$ROOT" rev-parse --short=8 "$1^{commit}"
  else
    die "$1 is no folder, no tar file and no revision of the repository in $ROOT"
  fi
  for file in "${NEEDED_FILES[@]}"; do
    [[ -e $2/$file ]] || die "$1 is not this platform: it has no $file"
  done
}

# --- Packages ------------------------------------------------------------------------------------

# The environment of the release before is borrowed by hard links: uv replaces files, it never writes
# into them. What is written in place, and what names its own path, gets a copy.
borrow_packages() { # FROM TO : folders of releases
  local file
  [[ -x $1/.venv/bin/python ]] || return 0
  cp -al "$1/.venv" "$2/.venv" 2>/dev/null || { rm -rf "$2/.venv"; return 0; }
  for file in "$2"/.venv/.[a-z]* "$2"/.venv/pyvenv.cfg; do
    if [[ -f $file ]]; then cp -p "$file" "$file.copy" && mv "$file.copy" "$file"; fi
  done
  { grep -rlI '/\.venv/bin/python' "$2/.venv/bin" || true; } | xargs -r sed -i "s|[^ '\"!]*/\.venv/bin/python|$2/.venv/bin/python|"
}

install_packages() ( # FOLDER
  cd "$1" || die "$1 is gone"
  VENV=$1/.venv PY=$VENV/bin/python PYTHON=${PYTHON:-/usr/bin/python3}
  if [[ -L $CURRENT ]]; then borrow_packages "$(readlink -f "$CURRENT")" "$1"; elif [[ ${PACKAGES_FROM:-} ]]; then borrow_packages "$PACKAGES_FROM" "$1"; fi
  local before
  before=$(cat "$VENV/.installed" 2>/dev/null || true)
  install_lock runtime
  chmod -R a+rX "$VENV"
  as_app_user "$PY" -c '' 2>/dev/null || die "$APP_USER cannot run $(readlink -f "$PY"); set PYTHON to one that everybody may run: apt-get install python3"
  step "compiling"
  # What a worker would have to compile at each start, for it may not write here.
  if [[ $(cat "$VENV/.installed") != "$before" ]]; then nice "$PY" -m compileall -q -j 0 "$VENV"/lib/python*/site-packages >/dev/null || true; fi
  nice "$PY" -m compileall -q -j 0 app migrations wsgi.py || die "the release does not compile"
)

build_release() { # SOURCE : makes a folder of it, named in NEW
  local folder name
  mkdir -p "$RELEASES_DIR"
  rm -rf "$RELEASES_DIR/.unpacked"
  mkdir "$RELEASES_DIR/.unpacked"
  step "unpacking $1"
  name=$(unpack "$1" "$RELEASES_DIR/.unpacked")
  NEW=$(date -u +%Y%m%dT%H%M%SZ)-$name
  folder=$RELEASES_DIR/$NEW
  [[ ! -e $folder ]] || die "$NEW exists already; try again in a second"
  if is_root; then chown -R root:root "$RELEASES_DIR/.unpacked"; fi
  chmod -R u=rwX,go=rX "$RELEASES_DIR/.unpacked"
  printf '%s\n' "$NEW" >"$RELEASES_DIR/.unpacked/RELEASE"
  mv -T "$RELEASES_DIR/.unpacked" "$folder"
  install_packages "$folder"
}

# The first release of a host, before anything runs: nobody is to notice, so nothing is tried.
first_release() { # SOURCE
  RELEASES_DIR=$HOUSE/releases
  build_release "$1"
  touch "$RELEASES_DIR/$NEW/.complete"
  point_at "$NEW"
}

# --- Migrations ----------------------------------------------------------------------------------

# The release that serves goes on serving while these run, and may have to serve again afterwards.
migrate_release() { # ID
  refuse_behind_contract "$RELEASES_DIR/$1"
  step "migrating"
  (cd "$RELEASES_DIR/$1" && as_migrator env RELEASE_FILE="$PWD/RELEASE" .venv/bin/python -m flask --app wsgi db upgrade) >"$LOG_DIR/upgrade.log" 2>&1 \
    || { tail -n 20 "$LOG_DIR/upgrade.log" >&2; die "the migrations failed; nothing was switched, and the whole log is $LOG_DIR/upgrade.log"; }
}

publish_static() { # ID : beside those of the release that serves, whose pages still name theirs
  [[ $RUN_WEB == true ]] || return 0
  (cd "$RELEASES_DIR/$1" && as_app_user env RELEASE_FILE="$PWD/RELEASE" .venv/bin/python -m flask --app wsgi static publish "$STATE/static") >"$LOG_DIR/static.log" 2>&1 \
    || { tail -n 20 "$LOG_DIR/static.log" >&2; die "the static files could not be published; nothing was switched"; }
}

# A contract migration took away what older code needs. The release before the one that brought it does
# without already; older ones do not.
refuse_behind_contract() { # FOLDER of the release that is to serve
  local file name id newest
  for file in "$CURRENT"/migrations/versions/*.py; do
    name=$(basename "$file")
    if [[ -e $1/migrations/versions/$name ]] || ! grep -q '^contract = ' "$file"; then continue; fi
    newest=""
    for id in $(complete_releases); do
      [[ -e $RELEASES_DIR/$id/migrations/versions/$name ]] || newest=$id
    done
    [[ $newest == "$(basename "$1")" ]] \
      || die "$name took away what $(basename "$1") needs; only ${newest:-none of those here} may follow. Release newer code instead"
  done
}

# --- The canary ----------------------------------------------------------------------------------

smoke() { # SOCKET [ready] : are the pages there, each within two seconds?
  "$CURRENT/.venv/bin/python" -I "$ROOT/app/host/smoke_script.py" "$1" "${PUBLIC_BASE_URL:-http://localhost}" "${2:-all}" 8>&-
}

start_canary() { # FOLDER
  if is_root; then install -d -m 750 -o "$APP_USER" "$RUN_DIR/canary"; else mkdir -p "$RUN_DIR/canary"; fi
  (
    cd "$1" || exit
    # Not ENV_FILE: gunicorn.conf.py would take what is to differ here from there.
    as_app_user env -u ENV_FILE WEB_BIND="unix:$CANARY_SOCKET" RUN_DIR="$RUN_DIR/canary" WEB_WORKERS=1 RELEASE_FILE="$1/RELEASE" \
      "$1/.venv/bin/python" -P -m gunicorn -c "$1/gunicorn.conf.py" wsgi:app
  ) >"$LOG_DIR/canary.log" 2>&1 8>&- &
  printf '%s\n' "$!" >"$CANARY_PID_FILE"
}

canary_pids() { # of this one and of one that an interrupted release left behind
  grep -lzxF "WEB_BIND=unix:$CANARY_SOCKET" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3
}

stop_canary() {
  local try pids
  for try in {1..40}; do
    mapfile -t pids < <(canary_pids)
    ((${#pids[@]})) || break
    if ((try == 1)); then kill -TERM "${pids[@]}" 2>/dev/null || true; fi
    if ((try == 30)); then kill -KILL "${pids[@]}" 2>/dev/null || true; fi
    sleep 0.25
  done
  rm -rf "$CANARY_PID_FILE" "$CANARY_SOCKET" "$RUN_DIR/canary"
}

try_canary() { # ID
  local try
  step "trying $1 on a socket of its own"
  start_canary "$RELEASES_DIR/$1"
  for ((try = 0; try < CANARY_SECONDS * 4; try++)); do
    if smoke "$CANARY_SOCKET" ready >/dev/null 2>&1; then break; fi
    [[ -e /proc/$(cat "$CANARY_PID_FILE") ]] || break
    sleep 0.25
  done
  smoke "$CANARY_SOCKET" || { tail -n 15 "$LOG_DIR/canary.log" >&2; die "release $1 does not serve; nothing was switched, and the whole log is $LOG_DIR/canary.log"; }
  stop_canary
}

leave_build() { # whatever stopped a release before the switch: nobody has seen it
  local status=$?
  trap - EXIT
  stop_canary
  rm -rf "$RELEASES_DIR/.unpacked"
  if [[ ${NEW:-} && $NEW != "$(current_id)" ]]; then rm -rf "${RELEASES_DIR:?}/$NEW"; fi
  exit $status
}
