#!/usr/bin/env bash
# Writes nginx's configuration for one site to a folder: nginx/render.sh FOLDER
# What it fills in comes from the environment:
#   SITE_HOST       the one host answered (needed); every other gets no answer
#   WEB_UPSTREAM    where gunicorn listens: unix:/path or host:port; several, parted by spaces (needed)
#   PREFIX          below which the host's folders lie; empty on a real host. The rest has defaults:
#   MEDIA_ROOT STATIC_ROOT ACME_ROOT TLS_ROOT CACHE_ROOT LOG_ROOT PID_FILE MIME_TYPES
#   HTTP_PORT HTTPS_PORT LISTEN_ADDRESS (empty: every address) PUBLIC_PORT (HTTPS_PORT, as people reach it)
#   PAGE_CACHE_KEY or PAGE_CACHE_KEY_FILE (empty: nobody may empty the page cache)
#   NGINX_USER (empty: as whoever starts it) NGINX_WORKERS NGINX_CONNECTIONS NGINX_FILES
# What is in the folder under the same names is replaced; nothing else there is touched.
set -euo pipefail

SOURCE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
NAMES=(SITE_HOST MEDIA_ROOT STATIC_ROOT ACME_ROOT TLS_ROOT CACHE_ROOT LOG_ROOT PID_FILE MIME_TYPES
  HTTP_PORT HTTPS_PORT PUBLIC_ADDRESS NGINX_WORKERS NGINX_CONNECTIONS NGINX_FILES PAGES_ROOT SELF
  LISTEN_HTTP LISTEN_HTTPS LISTEN_HTTP_DEFAULT LISTEN_HTTPS_DEFAULT
  UPSTREAM_SERVERS USER_LINE PURGE_RULE)

die() { printf 'nginx/render.sh: %s\n' "$*" >&2; exit 1; }

set_defaults() {
  local prefix=${PREFIX:-}
  : "${MEDIA_ROOT:=$prefix/var/lib/triple/media}"
  : "${STATIC_ROOT:=$prefix/var/lib/triple/static}"
  : "${ACME_ROOT:=$prefix/var/lib/triple/acme}"
  : "${TLS_ROOT:=$prefix/etc/triple/tls}"
  : "${CACHE_ROOT:=$prefix/var/cache/triple/nginx}"
  : "${LOG_ROOT:=$prefix/var/log/triple}"
  : "${PID_FILE:=$prefix/run/triple/nginx.pid}"
  : "${MIME_TYPES:=/etc/nginx/mime.types}"
  : "${HTTP_PORT:=80}" "${HTTPS_PORT:=443}" "${LISTEN_ADDRESS:=}" "${PAGE_CACHE_KEY:=}"
  : "${PUBLIC_PORT:=$HTTPS_PORT}" "${NGINX_WORKERS:=auto}" "${NGINX_FILES:=$(most_files)}"
  # Two files a connection: a browser's, and one to gunicorn or on the disk.
  : "${NGINX_CONNECTIONS:=$((NGINX_FILES / 2))}"
  NGINX_USER=${NGINX_USER-www-data}
  if [[ ! $PAGE_CACHE_KEY && ${PAGE_CACHE_KEY_FILE:-} ]]; then
    PAGE_CACHE_KEY=$(<"$PAGE_CACHE_KEY_FILE") || die "cannot read PAGE_CACHE_KEY_FILE=$PAGE_CACHE_KEY_FILE"
  fi
}

# Ten thousand idle browsers fit into one process, unless this machine allows it fewer files.
most_files() {
  local limit wanted=32768
  limit=$(ulimit -Hn)
  [[ $limit != unlimited ]] && ((limit < wanted)) && wanted=$limit
  printf %s "$wanted"
}

# A value goes into the configuration as it is, so it must not be able to end a directive.
check() { # NAME PATTERN WHAT
  [[ ${!1} =~ ^$2$ ]] || die "$1='${!1}' is not $3"
}

check_port() { # NAME
  check "$1" '[1-9][0-9]{0,4}' "a port number"
  ((${!1} <= 65535)) || die "$1=${!1} is not a port number"
}

check_all() {
  local name
  [[ ${SITE_HOST:-} ]] || die "SITE_HOST is not set; give it the site's host name, like courses.example.com"
  [[ ${WEB_UPSTREAM:-} ]] || die "WEB_UPSTREAM is not set; give it gunicorn's address, like unix:/run/triple/web.sock"
  check SITE_HOST '[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?' "a host name"
  for name in MEDIA_ROOT STATIC_ROOT ACME_ROOT TLS_ROOT CACHE_ROOT LOG_ROOT PID_FILE MIME_TYPES; do
    check "$name" '/[A-Za-z0-9._/@%+=:,-]*' "an absolute path of letters, digits and ._/@%+=:,-"
  done
  for name in HTTP_PORT HTTPS_PORT PUBLIC_PORT; do check_port "$name"; done
  check LISTEN_ADDRESS '([0-9.]+|\[[0-9a-fA-F:]+\])?' "an address to listen on, like 127.0.0.1 or [::1]"
  check NGINX_WORKERS '(auto|[1-9][0-9]?)' "a number of processes or auto"
  check NGINX_CONNECTIONS '[1-9][0-9]{2,5}' "a number of connections"
  check NGINX_FILES '[1-9][0-9]{2,6}' "a number of files"
  check NGINX_USER '([a-z_][a-z0-9_-]*)?' "the name of a user"
  check PAGE_CACHE_KEY '([A-Za-z0-9_-]{32,128})?' "a key; make one with: openssl rand -hex 32"
}

upstream_servers() {
  local -a servers
  local server
  read -ra servers <<<"$WEB_UPSTREAM"
  for server in "${servers[@]}"; do
    [[ $server =~ ^(unix:/[A-Za-z0-9._/@%+=,-]+|[A-Za-z0-9._-]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5})$ ]] \
      || die "WEB_UPSTREAM names '$server', which is neither unix:/path nor host:port"
  done
  if ((${#servers[@]} == 1)); then
    # Twice the same: a request that fails before an answer began is tried once more.
    printf 'server %s max_fails=0;\n  server %s max_fails=0;' "${servers[0]}" "${servers[0]}"
    return
  fi
  printf 'least_conn;'
  for server in "${servers[@]}"; do printf '\n  server %s max_fails=3 fail_timeout=5s;' "$server"; done
}

listen() { # PORT OPTIONS : every address of the machine, or the one that was given
  printf 'listen %s%s;' "${LISTEN_ADDRESS:+$LISTEN_ADDRESS:}" "$1$2"
  # A file of /proc has no size; it is there and empty where IPv6 is switched off.
  [[ ! $LISTEN_ADDRESS ]] && grep -q . /proc/net/if_inet6 2>/dev/null || return 0
  printf '\n  listen [::]:%s;' "$1$2"
}

# shellcheck disable=SC2034 # read by name in `fill`
derive() {
  PAGES_ROOT=$FOLDER/pages
  SELF=${LISTEN_ADDRESS:-127.0.0.1}:$HTTP_PORT
  UPSTREAM_SERVERS=$(upstream_servers)
  LISTEN_HTTP=$(listen "$HTTP_PORT" "")
  LISTEN_HTTPS=$(listen "$HTTPS_PORT" " ssl http2")
  LISTEN_HTTP_DEFAULT=$(listen "$HTTP_PORT" " default_server")
  LISTEN_HTTPS_DEFAULT=$(listen "$HTTPS_PORT" " ssl http2 default_server")
  PUBLIC_ADDRESS=https://$SITE_HOST
  [[ $PUBLIC_PORT == 443 ]] || PUBLIC_ADDRESS+=:$PUBLIC_PORT
  USER_LINE=${NGINX_USER:+user $NGINX_USER;}
  PURGE_RULE=${PAGE_CACHE_KEY:+\"$PAGE_CACHE_KEY\" 1;}
}

fill() { # SOURCE : its text with every ${NAME} of ours filled in; nginx's own are lower case
  local text name
  text=$(<"$1")
  for name in "${NAMES[@]}"; do text=${text//"\${$name}"/"${!name}"}; done
  # shellcheck disable=SC2016
  [[ ! $text =~ \$\{[A-Z] ]] || die "$1 names something that is not filled in"
  printf '%s\n' "$text"
}

write() { # FILE below the source : replaced in one step, so that a reload never reads half of it
  local target=$FOLDER/$1 mode=0644
  [[ $1 != conf.d/* ]] || mode=0640 # the cache's key is in it
  mkdir -p "${target%/*}"
  fill "$SOURCE/$1" >"$target.new"
  chmod "$mode" "$target.new"
  mv -f "$target.new" "$target"
}

(($# == 1)) && [[ $1 != -* ]] || die "usage: nginx/render.sh FOLDER (the head of this file lists the variables)"
set_defaults
check_all
mkdir -p "$1" || die "cannot make the folder $1"
FOLDER=$(cd -- "$1" && pwd -P)
[[ $FOLDER != "$SOURCE" ]] || die "the folder must be another than the one of the sources"
derive
while IFS= read -r file; do write "$file"; done < <(cd "$SOURCE" && find . -name '*.conf' -o -path './pages/*' -type f | sed 's|^\./||' | sort)
