# shellcheck shell=bash disable=SC2154
# What a host needs of the machine: Debian's packages, users, folders, and systemd to start it all.
# Everything here is for root alone. Sourced by app/host/production.sh.

install_host_packages() {
  local missing=() pair
  for pair in nginx-light:nginx python3:python3 python3-venv: bubblewrap:bwrap openssl:openssl ca-certificates: util-linux:setpriv; do
    if [[ ${pair#*:} ]]; then
      command -v "${pair#*:}" >/dev/null || [[ -x /usr/sbin/${pair#*:} ]] || missing+=("${pair%:*}")
    elif command -v dpkg >/dev/null; then
      dpkg -s "${pair%:*}" >/dev/null 2>&1 || missing+=("${pair%:*}")
    fi
  done
  ((${#missing[@]})) || return 0
  step "installing ${missing[*]}"
  local had_nginx=""
  if [[ -x /usr/sbin/nginx ]]; then had_nginx=1; fi
  apt_install "${missing[@]}" || die "could not install ${missing[*]}; install them by hand and run this again"
  # Debian starts its nginx at once and at every boot; port 80 is ours.
  if [[ ! $had_nginx ]] && has_systemd; then systemctl disable --now nginx >/dev/null 2>&1 || true; fi
}

create_user() { # NAME GROUP
  local parts
  if ! getent group "$1" >/dev/null; then groupadd --system "$1" || getent group "$1" >/dev/null || die "could not create the group $1"; fi
  if ! getent passwd "$1" >/dev/null; then
    parts=(--system --gid "$2" --home-dir "$STATE" --no-create-home --shell /usr/sbin/nologin)
    useradd "${parts[@]}" "$1" || getent passwd "$1" >/dev/null || die "could not create the user $1"
  fi
  if [[ " $(id -nG "$1") " != *" $1 "* ]]; then usermod -a -G "$1" "$1"; fi
}

# The application's files belong to nginx's group, which may so read videos; its secrets belong to a
# group of its own, which nginx is not in.
create_users() {
  create_user "$APP_USER" www-data
  create_user "$DB_USER" "$DB_USER"
}

folder() { # MODE OWNER GROUP PATH... : root's parents, so that nobody else can put something in their place
  install -d -m "$1" -o "$2" -g "$3" "${@:4}"
}

create_folders() {
  folder 755 root root "$HOUSE" "$HOUSE/releases" "$ETC" "$STATE" "$CACHE"
  folder 750 root "$APP_USER" "$ETC/secrets"
  folder 700 root root "$ETC/tls"
  folder 755 root root "$ETC/nginx" "$STATE/acme"
  folder 711 root root "$PG_HOME"
  folder 750 "$APP_USER" www-data "$STATE/media"
  folder 755 "$APP_USER" www-data "$STATE/static"
  folder 700 "$APP_USER" www-data "$STATE/data"
  folder 2770 "$APP_USER" "$DB_USER" "$STATE/backups"
  folder 700 www-data www-data "$CACHE/nginx"
  folder 750 root www-data "$LOG_DIR" # nginx's workers open their new logs themselves
  create_run_folders
}

create_run_folders() { # /run is empty after a boot; the sticky bit keeps each one's files its own
  folder 1771 root "$APP_USER" "$RUN_DIR"
  folder 700 root root "$RUN_DIR/supervisor.d"
  folder 755 "$DB_USER" "$DB_USER" "$RUN_DIR/postgres"
}

has_systemd() { [[ -z $PREFIX && -d /run/systemd/system ]]; }

install_unit() { # 0 when the unit was not there or another
  local unit=/etc/systemd/system/triple.service
  cmp -s "$CURRENT/app/host/triple.service" "$unit" && return 1
  install -m 644 "$CURRENT/app/host/triple.service" "$unit"
  systemctl daemon-reload
  systemctl enable --quiet triple
}
