"""Figures that stand in the database: asked when somebody wants them, in bounded time.

A connection of its own, so that an exhausted pool can still be seen; a few seconds' memory, so that
no number of onlookers is felt. What cannot be told is left out, and `triple_database_up` says so.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg2
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from psycopg2.extras import NamedTupleCursor

from app.config import Settings

log = logging.getLogger("metrics")

CONNECT_SECONDS = 2
STATEMENT_MS = 1000
LONGEST_LOOK_SECONDS = 4.0
KEPT_SECONDS = 5.0


@dataclass(frozen=True)
class Query:
    """A query whose columns are labels and figures; `figures` says what each of those means."""

    sql: str
    figures: dict[str, str]
    labels: tuple[str, ...] = ()


QUERIES = (
    Query(
        "SELECT queue_name AS queue, status::text, count(*) AS jobs"
        " FROM procrastinate_jobs GROUP BY 1, 2",
        {"jobs": "Jobs in the queue"},
        ("queue", "status"),
    ),
    # A job that failed and waits for its next try counts from that time on. The first to come are
    # the first to go, so the oldest is among the first.
    Query(
        """
        SELECT queue, count(*) AS jobs_due,
            coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0)::float
                AS job_oldest_seconds
        FROM (
            SELECT queue_name AS queue, CASE
                WHEN row_number() OVER (PARTITION BY queue_name ORDER BY id) <= 200 THEN coalesce(
                    scheduled_at,
                    (SELECT min(at) FROM procrastinate_events e WHERE e.job_id = j.id))
                END AS since
            FROM procrastinate_jobs j
            WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
        ) due
        GROUP BY queue
        """,
        {
            "jobs_due": "Jobs that wait for a worker",
            "job_oldest_seconds": "How long the oldest of them has waited",
        },
        ("queue",),
    ),
    Query(
        """
        SELECT count(*) FILTER (WHERE last_heartbeat > clock_timestamp() - interval '15 s')
                AS workers,
            extract(epoch FROM clock_timestamp() - max(last_heartbeat))::float
                AS worker_silence_seconds
        FROM procrastinate_workers
        """,
        {
            "workers": "Workers of a queue that gave a sign of life within 15 s",
            "worker_silence_seconds": "Since the last sign of life of any worker",
        },
    ),
    Query(
        "SELECT extract(epoch FROM clock_timestamp())::float - max(defer_timestamp)"
        " AS scheduler_silence_seconds FROM procrastinate_periodic_defers",
        {"scheduler_silence_seconds": "Since something due by the clock was last queued"},
    ),
    Query(
        "SELECT count(*) AS active_leases FROM playback_sessions"
        " WHERE ended_at IS NULL AND lease_expires_at > now()",
        {"active_leases": "Streams that run"},
    ),
    Query(
        """
        SELECT count(*) AS webhooks_waiting,
            coalesce(extract(epoch FROM clock_timestamp() - min(received_at)), 0)::float
                AS webhook_oldest_seconds
        FROM webhook_events WHERE outcome = 'waiting'
        """,
        {
            "webhooks_waiting": "Events of gateways that are not processed yet",
            "webhook_oldest_seconds": "How long the oldest of them has waited",
        },
    ),
    Query(
        """
        SELECT count(*) AS mails_waiting,
            coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float
                AS mail_oldest_seconds
        FROM mails WHERE sent_at IS NULL AND failed_at IS NULL
        """,
        {
            "mails_waiting": "Mails that are not sent yet",
            "mail_oldest_seconds": "How long the oldest of them has waited",
        },
    ),
    Query(
        "SELECT count(*) AS database_connections,"
        " current_setting('max_connections')::int AS database_connections_limit"
        " FROM pg_stat_activity WHERE backend_type = 'client backend'",
        {
            "database_connections": "Connections that PostgreSQL serves",
            "database_connections_limit": "Connections that PostgreSQL allows",
        },
    ),
)
_POSITION = "SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::float AS bytes"
_REPLAYED = (
    "SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::float AS bytes,"
    " extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float AS seconds"
)


class LiveFigures:
    """The figures of one application's database, kept for some seconds."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._families: list[Metric] = []

    def families(self) -> list[Metric]:
        """Return the figures, none older than some seconds."""
        with self._lock:
            if time.monotonic() - self._looked_at > KEPT_SECONDS:
                self._families = list(self._look())
                self._looked_at = time.monotonic()
            return self._families

    def _look(self) -> Iterator[Metric]:
        until = time.monotonic() + LONGEST_LOOK_SECONDS
        written = None
        try:
            with closing(_connect(self._settings.database_url)) as connection:
                yield _gauge("database_up", "Whether PostgreSQL answers", 1)
                for query in QUERIES:
                    if time.monotonic() < until:
                        yield from _ask(connection, query)
                written = _position(connection)
        except psycopg2.Error as error:
            log.warning("figures are missing: %s", type(error).__name__)
            yield _gauge("database_up", "Whether PostgreSQL answers", 0)
        if self._settings.database_replica_url:
            yield from self._look_at_replica(written)

    def _look_at_replica(self, written: float | None) -> Iterator[Metric]:
        try:
            with (
                closing(_connect(self._settings.database_replica_url)) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute(_REPLAYED)
                there = cursor.fetchone()
        except psycopg2.Error:
            there = None
        is_one = there is not None and there.bytes is not None
        yield _gauge("replica_up", "Whether the replica answers, as a replica", float(is_one))
        if there is None or there.bytes is None or written is None:
            return
        behind = max(0.0, written - there.bytes)
        yield _gauge("replica_lag_bytes", "How far the replica is behind", behind)
        seconds = there.seconds or 0.0 if behind else 0.0
        yield _gauge("replica_lag_seconds", "How old the replica's last change is", seconds)


def _connect(url: str) -> Any:
    connection = psycopg2.connect(
        url.replace("postgresql+psycopg2://", "postgresql://", 1),
        connect_timeout=CONNECT_SECONDS,
        tcp_user_timeout=(CONNECT_SECONDS + 1) * 1000,
        application_name="metrics",
        options=f"-c statement_timeout={STATEMENT_MS}",
        cursor_factory=NamedTupleCursor,
    )
    connection.set_session(readonly=True, autocommit=True)
    return connection


def _ask(connection: Any, query: Query) -> Iterator[Metric]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(query.sql)
            rows = cursor.fetchall()
    except psycopg2.Error as error:
        if connection.closed:
            raise
        log.warning("figures are missing: %s", type(error).__name__)
        return
    for name, meaning in query.figures.items():
        family = GaugeMetricFamily(f"triple_{name}", meaning, labels=query.labels)
        for row in rows:
            if (value := getattr(row, name)) is not None:
                family.add_metric([getattr(row, label) for label in query.labels], value)
        yield family


def _position(connection: Any) -> float | None:
    with connection.cursor() as cursor:
        cursor.execute(_POSITION)
        return float(cursor.fetchone().bytes)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"triple_{name}", meaning, value=value)
