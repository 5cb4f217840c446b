# The application (`--target app`, the default) and its reverse proxy (`--target proxy`). BASE is any
# Debian 12, so that an image can be made of a base of one's own.
ARG BASE=debian:bookworm-slim

# hadolint ignore=DL3006
FROM ${BASE} AS proxy
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends nginx-light tini \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -m 1777 /run/triple \
    && install -d -o 10001 -g 33 -m 750 /run/web \
    && install -d -o 33 -g 33 -m 750 /var/cache/triple/nginx /var/log/triple \
    && ln -s /dev/stdout /var/log/triple/nginx-access.log \
    && ln -s /dev/stderr /var/log/triple/nginx-error.log
COPY nginx/ /srv/nginx/
# Ports that need no privilege; people see 443.
ENV SITE_HOST=localhost WEB_UPSTREAM=app:8000 HTTP_PORT=8080 HTTPS_PORT=8443 PUBLIC_PORT=443 \
    NGINX_USER="" ACME_ROOT=/var/lib/acme
USER 33:33
EXPOSE 8080 8443
STOPSIGNAL SIGQUIT
# Any answer will do: the redirect to https is one.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$HTTP_PORT && printf 'GET / HTTP/1.0\\r\\nHost: %s\\r\\n\\r\\n' \"$SITE_HOST\" >&3 && read -r -t 4 line <&3 && [[ $line == HTTP/* ]]"]
ENTRYPOINT ["tini", "--"]
CMD ["/bin/sh", "-c", "/srv/nginx/render.sh /run/triple/nginx && exec nginx -c /run/triple/nginx/nginx.conf -g 'daemon off;'"]

# hadolint ignore=DL3006
FROM ${BASE} AS python
# bubblewrap: the sandbox of hostile media, where the engine allows user namespaces.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends bubblewrap ca-certificates python3 tini tzdata \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/triple

FROM python AS packages
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/*
# Debian's list of certificates, and so those a base adds to it.
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
COPY requirements.txt .
RUN python3 -m venv .venv \
    && awk '/^uv==/ { on = 1 } on { print; if (!/\\$/) exit }' requirements.txt > uv.txt \
    && .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r uv.txt \
    && .venv/bin/uv pip sync --no-cache --compile-bytecode --python .venv/bin/python --require-hashes requirements.txt \
    && .venv/bin/uv pip uninstall --python .venv/bin/python pip setuptools \
    && rm uv.txt

# The bill of materials: what is in .venv, by the packages' own words, in CycloneDX.
FROM packages AS sbom
COPY requirements-sbom.txt .
RUN python3 -m venv /opt/sbom \
    && .venv/bin/uv pip sync --no-cache --python /opt/sbom/bin/python --require-hashes requirements-sbom.txt \
    && /opt/sbom/bin/cyclonedx-py environment --output-reproducible --output-format JSON \
      --output-file /srv/sbom.json .venv/bin/python

FROM python AS app
# www-data (33) is nginx's group: it reads the segments of local storage and knocks at the socket.
RUN useradd --system --uid 10001 --gid 33 --home-dir /srv/triple --shell /usr/sbin/nologin triple \
    && install -d -o 10001 -g 33 -m 750 /var/lib/triple /var/lib/triple/media /run/web \
    && install -d -m 1777 /run/triple \
    && install -d -o 10001 -g 33 -m 750 /run/triple/metrics
COPY --from=packages /srv/triple/.venv .venv
COPY --from=sbom /srv/sbom.json sbom.json
COPY wsgi.py gunicorn.conf.py supervisord.conf ./
COPY migrations/ migrations/
COPY app/ app/
RUN .venv/bin/python -m compileall -q app wsgi.py
ENV PATH=/srv/triple/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    APP_ENV=production DATA_DIR=/var/lib/triple RUN_DIR=/run/triple LOG_DIR=/run/triple \
    WEB_BIND=0.0.0.0:8000 RUN_WEB=true RUN_WORKER=true RUN_SCHEDULER=true
USER 10001:33
EXPOSE 8000
STOPSIGNAL SIGTERM
# Whatever of web, worker and scheduler is on must run; web must be ready as well.
HEALTHCHECK --interval=10s --timeout=8s --start-period=60s --retries=3 CMD ["app/host/container.sh", "health"]
ENTRYPOINT ["tini", "--", "app/host/container.sh"]
