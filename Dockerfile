# The application (`--target app`, the default) and its reverse proxy (`--target proxy`). BASE is any
# Debian 12, so that an image can be made of a base of one's own.
ARG BASE=debian:bookworm-slim

# hadolint ignore=DL3006
FROM ${BASE} AS proxy
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends nginx-light gettext-base tini \
    && rm -rf /var/lib/apt/lists/* /etc/nginx/sites-enabled \
    && ln -sf /dev/stdout /var/log/nginx/access.log \
    && ln -sf /dev/stderr /var/log/nginx/error.log \
    && install -d -o www-data /var/cache/nginx
COPY nginx/nginx.conf nginx/proxy.conf nginx/headers.conf nginx/headers-documents.conf /etc/nginx/
COPY nginx/pages/ /etc/nginx/pages/
COPY nginx/conf.d/default.conf /etc/nginx/default.conf.in
ENV SITE_HOST=localhost WEB_UPSTREAM=app:8000 MEDIA_ROOT=/var/lib/triple/media
EXPOSE 80 443
CMD ["/bin/sh", "-c", "envsubst '$SITE_HOST $WEB_UPSTREAM $MEDIA_ROOT' < /etc/nginx/default.conf.in > /etc/nginx/conf.d/default.conf && exec nginx -g 'daemon off;'"]

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
COPY requirements.txt .
RUN python3 -m venv .venv \
    && awk '/^uv==/ { on = 1 } on { print; if (!/\\$/) exit }' requirements.txt > uv.txt \
    && .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r uv.txt \
    && .venv/bin/uv pip sync --no-cache --compile-bytecode --python .venv/bin/python --require-hashes requirements.txt

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
    && install -d -o 10001 -g 33 -m 750 /var/lib/triple /var/lib/triple/media /run/triple /run/web /var/log/triple
COPY --from=packages /srv/triple/.venv .venv
COPY --from=sbom /srv/sbom.json sbom.json
COPY wsgi.py gunicorn.conf.py supervisord.conf ./
COPY migrations/ migrations/
COPY app/ app/
RUN .venv/bin/python -m compileall -q app wsgi.py
ENV PATH=/srv/triple/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    APP_ENV=production DATA_DIR=/var/lib/triple RUN_DIR=/run/triple LOG_DIR=/var/log/triple \
    WEB_BIND=0.0.0.0:8000 RUN_WEB=true RUN_WORKER=true RUN_SCHEDULER=true
USER 10001:33
EXPOSE 8000
STOPSIGNAL SIGTERM
# Whatever of web, worker and scheduler is on must run; web must be ready as well.
HEALTHCHECK --interval=10s --timeout=8s --start-period=60s --retries=3 CMD ["app/host/container.sh", "health"]
ENTRYPOINT ["tini", "--", "app/host/container.sh"]
