# shellcheck shell=bash disable=SC2154
# The certificate: signed by ourselves so that nginx can start, then from an ACME authority when
# ACME_EMAIL is set. nginx reads tls/fullchain.pem and tls/privkey.pem. Sourced by production.sh.

install_certificate() { # CHAIN KEY : both or none; nginx reads them at its next reload
  install -m 644 "$1" "$ETC/tls/fullchain.pem.new"
  install -m 600 "$2" "$ETC/tls/privkey.pem.new"
  mv "$ETC/tls/privkey.pem.new" "$ETC/tls/privkey.pem"
  mv "$ETC/tls/fullchain.pem.new" "$ETC/tls/fullchain.pem"
}

certificate_fits() { # is it for this host, for another month, with its key?
  local tls=$ETC/tls kind=-checkhost
  if [[ $SITE_HOST =~ ^[0-9.]+$ ]]; then kind=-checkip; fi
  [[ -s $tls/fullchain.pem && -s $tls/privkey.pem ]] || return 1
  openssl x509 -in "$tls/fullchain.pem" -noout "$kind" "$SITE_HOST" 2>/dev/null | grep -q ' does match' || return 1
  openssl x509 -in "$tls/fullchain.pem" -noout -checkend 2592000 >/dev/null || return 1
  [[ $(openssl x509 -in "$tls/fullchain.pem" -noout -pubkey) == "$(openssl pkey -in "$tls/privkey.pem" -pubout 2>/dev/null)" ]]
}

is_self_signed() {
  [[ $(openssl x509 -in "$ETC/tls/fullchain.pem" -noout -issuer | cut -d= -f2-) == "$(openssl x509 -in "$ETC/tls/fullchain.pem" -noout -subject | cut -d= -f2-)" ]]
}

sign_ourselves() {
  local name=DNS:$SITE_HOST work=$ETC/tls/making
  if [[ $SITE_HOST =~ ^[0-9.]+$ ]]; then name=IP:$SITE_HOST; fi
  rm -rf "$work"
  (umask 077; mkdir "$work")
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 397 -subj "/CN=${SITE_HOST:0:64}" -addext "subjectAltName=$name" \
    -addext "keyUsage=digitalSignature" -addext "extendedKeyUsage=serverAuth" -keyout "$work/key" -out "$work/chain" 2>"$work/log" \
    || { cat "$work/log" >&2; die "openssl could not make a certificate"; }
  install_certificate "$work/chain" "$work/key"
  rm -rf "$work"
}

# A certificate that somebody put there is theirs: one that ends soon is said, not replaced.
provide_certificate() {
  if certificate_fits; then return; fi
  if [[ -s $ETC/tls/fullchain.pem ]] && ! is_self_signed && openssl x509 -in "$ETC/tls/fullchain.pem" -noout -checkend 0 >/dev/null; then
    say "setup.sh: $ETC/tls/fullchain.pem is not for $SITE_HOST, or ends within a month; put a new one there and run: ./setup.sh supervisorctl signal HUP nginx" >&2
    return
  fi
  step "signing a certificate for $SITE_HOST ourselves"
  sign_ourselves
}

# certbot keeps it renewed by Debian's timer and calls `setup.sh certificate` after each renewal.
request_certificate() {
  [[ ${ACME_EMAIL:-} ]] && is_self_signed || return 0
  command -v certbot >/dev/null || apt_install certbot || { say "setup.sh: could not install certbot; the certificate stays our own" >&2; return 0; }
  step "asking for a certificate of $SITE_HOST"
  certbot certonly --non-interactive --agree-tos --quiet --email "$ACME_EMAIL" --webroot --webroot-path "$STATE/acme" \
    --cert-name "$SITE_HOST" --domain "$SITE_HOST" --key-type ecdsa --deploy-hook "env PREFIX=$PREFIX $CURRENT/setup.sh certificate" \
    || say "setup.sh: no certificate for $SITE_HOST yet; see /var/log/letsencrypt, then run ./setup.sh production again" >&2
}

cmd_certificate() { # what certbot got goes to nginx, without a refused connection
  need_host
  local lineage=${RENEWED_LINEAGE:-/etc/letsencrypt/live/$SITE_HOST}
  [[ -r $lineage/fullchain.pem && -r $lineage/privkey.pem ]] || die "$lineage holds no certificate; certbot sets RENEWED_LINEAGE"
  install_certificate "$lineage/fullchain.pem" "$lineage/privkey.pem"
  control signal HUP nginx >/dev/null 2>&1 || true
  say "nginx serves the certificate of $lineage."
}
