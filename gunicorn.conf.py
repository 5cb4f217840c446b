"""The web cluster: a process per core, eight threads each, replaced without losing a request.

Nothing of `app` is imported here: the master would keep the old code in memory, and a HUP would
fork workers that serve it for ever. On a host this file is read through the link to the current
release, again at each HUP; a worker stays with the release that the link named at its birth.
"""

import gc
import importlib
import json
import logging
import os
import re
import resource
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gunicorn
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger as GunicornLogger
from gunicorn.sock import TCPSocket, UnixSocket
from gunicorn.workers.gthread import ThreadWorker


def _read_environment() -> None:
    """Take the settings from ENV_FILE, so that a HUP takes up what changed there."""
    file = os.environ.get("ENV_FILE")
    if not file:
        return
    for name in os.environ.pop("ENV_FILE_NAMES", "").split():
        os.environ.pop(name, None)
    lines = (line.partition("=") for line in Path(file).read_text(encoding="utf-8").splitlines())
    settings = {name: value for name, sign, value in lines if sign and name.isidentifier()}
    for name, value in settings.items():
        is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        os.environ[name] = value[1:-1] if is_quoted else value
    os.environ["ENV_FILE_NAMES"] = " ".join(settings)


_read_environment()
HERE = Path(__file__).parent  # perhaps a link
# What gunicorn still imports must be of the gunicorn that runs, not of the release that comes next.
gunicorn.__path__[:] = [str(Path(folder).resolve()) for folder in gunicorn.__path__]
RUN_DIR = Path(os.environ.get("RUN_DIR") or "var/run").resolve()
SERVING = RUN_DIR / "web.serving"  # the youngest worker that loaded the application, and its birth
RELOADED = RUN_DIR / "web.reloaded"  # touched at each HUP
# How long a worker serves on while its successors start: on a host that is busy to the limit half a
# minute did not do, and then nobody served.
SUCCESSION_SECONDS = 120
RELOAD_SECONDS = 30  # how long after a HUP its SIGTERM may reach a worker
MEMORY_LIMIT_BYTES = int(os.environ.get("WEB_MEMORY_LIMIT_MB") or 512) * 1024 * 1024
MEMORY_CHECK_EVERY = 50  # requests
# How long a worker lets others go first, for each connection it has.
ACCEPT_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 0.00005, 0.001


class Worker(ThreadWorker):
    """A threaded worker that goes only when its successors serve.

    gunicorn stops workers at once when their master died, which refuses connections until the next
    master listens; and at a HUP before the new workers have loaded the application, which lets
    every request wait for them.
    """

    booted_at = 0.0
    retires_at: float | None = None
    heirs_after = 0.0  # whoever was born later may take over
    parent_seen_at = 0.0
    niceness = 0

    def init_process(self) -> None:
        """Note the time and the release before the application is loaded."""
        self.booted_at = time.time()
        self.cfg.set("chdir", _stay_with_release())
        self._make_way()
        # What is loaded stays: looking for garbage in it meanwhile takes a fifth of the loading.
        gc.disable()
        super().init_process()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Answer SIGTERM: at a HUP serve on for a while, else finish what is in flight."""
        if self.retires_at is None and not self.booted_at < _reloaded_at() > _lately():
            super().handle_exit(sig, frame)
        else:
            self._retire(_reloaded_at())

    def _make_way(self) -> None:
        """At a HUP load the application behind those who serve, where the way back is allowed.

        Loading takes a core for seconds; requests would share it.
        """
        self.niceness = os.getpriority(os.PRIO_PROCESS, 0)
        may_return = resource.getrlimit(resource.RLIMIT_NICE)[0] >= 20 - self.niceness
        if may_return and _reloaded_at() > _lately():
            os.setpriority(os.PRIO_PROCESS, 0, 15)

    def serve_as_others(self) -> None:
        """Take the priority of before again."""
        if os.getpriority(os.PRIO_PROCESS, 0) != self.niceness:
            os.setpriority(os.PRIO_PROCESS, 0, self.niceness)

    def is_parent_alive(self) -> bool:
        """Tell the loop, which asks at least once a second, whether to go on serving."""
        if self.ppid != os.getppid():
            self._retire(max(self.parent_seen_at, self.booted_at))
        if self.retires_at is None:
            self.parent_seen_at = time.time()
            return True
        if _serving_since() <= self.heirs_after and time.monotonic() < self.retires_at:
            return True
        self._stop_listening()
        return False

    def _retire(self, heirs_after: float) -> None:
        if self.retires_at is None:
            self.heirs_after = heirs_after
            self.retires_at = time.monotonic() + SUCCESSION_SECONDS
            self.log.info("Serving until a successor does")

    def accept(self, listener: Any) -> None:
        """Take a connection, unless a worker with fewer of them comes before.

        Whoever is awake first would have them all: sixteen at once went to one worker of two in
        half of all cases, which then answered half as much while the other one slept.
        """
        time.sleep(min(self.nr_conns * ACCEPT_PAUSE_SECONDS, MOST_PAUSE_SECONDS))
        super().accept(listener)

    def _stop_listening(self) -> None:
        """Take over the connections queued here, which closing would reset, then close at once."""
        self.alive = False
        self.set_accept_enabled(False)
        for listener in self.sockets:
            for _ in range(self.worker_connections):
                super().accept(listener)
            listener.close()


class Logger(GunicornLogger):
    """The log of gunicorn's own life, without the pieces of a line for each request."""

    def access(self, *_about: object) -> None:
        """Write nothing: the application logs requests."""


class JsonFormatter(logging.Formatter):
    """One line of JSON with the keys of the application's own log."""

    def format(self, record: logging.LogRecord) -> str:
        """Return `record` as JSON."""
        entry = {
            "event": _without_secrets(record.getMessage()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        if RELEASE:
            entry["release"] = RELEASE
        if record.exc_info:
            entry["exception"] = _without_secrets(self.formatException(record.exc_info))
        return json.dumps(entry)


def _without_secrets(text: str) -> str:
    """Take out what gunicorn quotes of a request it cannot handle: queries and mailed links."""
    text = re.sub(r"(/auth/(?:reset|verify)/)[^\s\"']+", r"\1-", text)
    return re.sub(r"\?[^\s\"']+", "?-", text)


def _release() -> str:
    """Return what the application calls itself in its own lines."""
    file = os.environ.get("RELEASE_FILE")
    if file and Path(file).is_file():
        return Path(file).read_text(encoding="utf-8").strip()
    return os.environ.get("RELEASE", "")


def _is_for_people() -> bool:
    """Whether lines are text: by default in development."""
    in_development = os.environ.get("APP_ENV") in (None, "", "development")
    return (os.environ.get("LOG_FORMAT") or ("text" if in_development else "json")) == "text"


def _stay_with_release() -> str:
    """Replace the link by the folder it names, wherever Python looks for things; return that."""
    link, folder = str(HERE), str(HERE.resolve())

    def really(path: str) -> str:
        return folder + path[len(link) :] if f"{path}/".startswith(f"{link}/") else path

    sys.path[:] = [really(path) for path in sys.path]
    for name in ("executable", "prefix", "exec_prefix"):
        setattr(sys, name, really(getattr(sys, name)))
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()
    return folder


def _serving_since() -> float:
    """Return when the youngest worker was born that has loaded the application."""
    try:
        return float(SERVING.read_text().split()[1])
    except (FileNotFoundError, IndexError, ValueError):
        return 0.0


def _lately() -> float:
    return time.time() - RELOAD_SECONDS


def _reloaded_at() -> float:
    try:
        return RELOADED.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # not Linux: the peak, in bytes on macOS
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * resource.getpagesize()


def _listener(server: Arbiter) -> TCPSocket | UnixSocket:
    """Open the listening socket so that a killed master's orphans do not block it.

    TCP: SO_REUSEPORT lets both listen. Unix: the new socket takes the old one's name in one step.
    """
    address = server.address[0]
    if isinstance(address, str):
        path = Path(address)
        fresh = path.with_suffix(f".{os.getpid()}")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(fresh))
        fresh.chmod(0o660)
        listener.listen(server.cfg.backlog)
        fresh.rename(path)
        # As with systemd's sockets the file is not gunicorn's to remove: it would look for `fresh`.
        server.systemd = True
        return UnixSocket(address, server.cfg, server.log, fd=listener.detach())
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(address)
    listener.listen(server.cfg.backlog)
    return TCPSocket(address, server.cfg, server.log, fd=listener.detach())


def on_starting(server: Arbiter) -> None:
    """Listen before gunicorn would."""
    RUN_DIR.mkdir(parents=True, exist_ok=True)
    try:
        server.LISTENERS = [_listener(server)]
    except OSError as error:
        sys.exit(f"Cannot listen on {bind}: {error.strerror}")


def on_reload(_server: Arbiter) -> None:
    """Let the workers that are told to stop next know why."""
    RELOADED.touch()


def _warm_up(worker: Worker) -> None:
    """At a HUP have the application warm before visitors ask it; others serve meanwhile."""
    if _reloaded_at() > _lately() and hasattr(worker.wsgi, "jinja_env"):
        importlib.import_module("app.web.warming").warm_up(worker.wsgi)


def post_worker_init(worker: Worker) -> None:
    """Tell retiring workers that one with the new application serves."""
    if hasattr(worker.wsgi, "jinja_env"):
        importlib.import_module("app.metrics").share(RUN_DIR / "metrics", "web")
    _warm_up(worker)
    gc.freeze()
    gc.enable()
    worker.serve_as_others()
    if _serving_since() > worker.booted_at:
        return
    fresh = SERVING.with_suffix(f".{worker.pid}")
    fresh.write_text(f"{worker.pid} {worker.booted_at}")
    fresh.replace(SERVING)


def post_request(worker: Worker, _request: Any, _environ: Any, _response: Any) -> None:
    """Ask a worker that grew beyond its limit to finish and be replaced, as max_requests does."""
    if worker.nr % MEMORY_CHECK_EVERY or not worker.alive:
        return
    resident = _resident_bytes()
    if resident > MEMORY_LIMIT_BYTES:
        worker.log.warning("Replacing a worker of %d MB", resident >> 20)
        worker.alive = False


bind = os.environ.get("WEB_BIND") or f"127.0.0.1:{os.environ.get('PORT') or 3000}"
backlog = 2048
chdir = str(HERE)

worker_class = Worker
workers = int(os.environ.get("WEB_WORKERS") or os.cpu_count() or 1)
threads = 8
# Behind nginx's kept connections one worker would otherwise take them all; browsers that come
# straight here need more room.
worker_connections = 64 if bind.startswith("unix:") else 1000
keepalive = 75  # longer than nginx keeps an idle connection, so nginx closes first
preload_app = False

timeout = 60
graceful_timeout = 30
max_requests = 100_000
max_requests_jitter = 20_000
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
control_socket_disable = True

# Only nginx on this host may say how the client came.
forwarded_allow_ips = "127.0.0.1,::1"
limit_request_line = 8190
limit_request_fields = 100

accesslog = None
logger_class = Logger
RELEASE = _release()
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": JsonFormatter},
        "text": {"format": "%(asctime)s %(levelname)s %(process)d %(message)s"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "text" if _is_for_people() else "json",
        }
    },
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
        "gunicorn.access": {"level": "INFO", "handlers": [], "propagate": False},
    },
}
