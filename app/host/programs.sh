# shellcheck shell=bash disable=SC2154
# What a host adds to supervisord.conf: who runs each program, PostgreSQL, nginx, more job workers, and
# the rotation of nginx's logs. Written anew at each start. Sourced by setup.sh.

log_settings() { # NAME SIZE
  printf '%s\n' "redirect_stderr=true" "stdout_logfile=$LOG_DIR/$1.log" "stdout_logfile_maxbytes=$2" "stdout_logfile_backups=5"
}

postgres_program() {
  cat <<EOF
[program:postgres]
command="$PG_BIN/postgres" -D "$PGDATA"
directory=/
user=$DB_USER
priority=10
autorestart=true
startsecs=1
startretries=1000
stopsignal=INT
stopwaitsecs=60
$(log_settings postgres 20MB)
EOF
}

nginx_program() { # QUIT lets it finish its answers
  cat <<EOF
[program:nginx]
command="$CURRENT/app/host/start_nginx.sh" "$ETC/nginx" "$RUN_DIR/nginx.pid"
directory=/
priority=40
autorestart=true
startsecs=1
startretries=1000
stopsignal=QUIT
stopwaitsecs=30
$(log_settings nginx 10MB)
[eventlistener:logs]
command="$CURRENT/app/host/rotate_logs.sh" "$LOG_DIR" "$RUN_DIR/nginx.pid"
directory=/
events=TICK_60
priority=50
autorestart=true
startsecs=1
startretries=1000
stdout_logfile=NONE
stderr_logfile=$LOG_DIR/logs.log
stderr_logfile_maxbytes=1MB
stderr_logfile_backups=1
EOF
}

host_programs() {
  local name own=("user=$APP_USER" "environment=HOME=\"$STATE/data\",USER=\"$APP_USER\"")
  printf '%s\n' "[supervisord]" "user=root" "pidfile=$RUN_DIR/supervisor.d/supervisord.pid"
  for name in web worker scheduler; do printf '%s\n' "[program:$name]" "${own[@]}"; done
  more_workers "${own[@]}"
  if is_local_database; then postgres_program; fi
  if [[ $RUN_WEB == true ]]; then nginx_program; fi
}

write_host_programs() {
  host_programs >"$RUN_DIR/supervisor.d/host.conf.new"
  mv "$RUN_DIR/supervisor.d/host.conf.new" "$RUN_DIR/supervisor.d/host.conf"
}
