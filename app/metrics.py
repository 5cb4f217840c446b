"""What is counted, for /metrics: every name once, added up over all processes of the host.

Durations are seconds, sizes bytes. Where PROMETHEUS_MULTIPROC_DIR is set before this is imported,
each process counts in files of its own there; without it, as in a test, in its memory.
Label values come from fixed sets (endpoints, statuses, reasons), never from what visitors send.
"""

from prometheus_client import Counter, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

requests = Counter(
    "triple_http_requests",
    "Answers, by endpoint, method and status",
    ["endpoint", "method", "status"],
)
request_seconds = Histogram(
    "triple_http_request_seconds", "Time to an answer", ["endpoint"], buckets=SECONDS
)
sql_statements = Counter("triple_sql_statements", "Statements sent while answering", ["endpoint"])
sql_seconds = Counter("triple_sql_seconds", "Time spent waiting for PostgreSQL", ["endpoint"])
cache_lookups = Counter(
    "triple_cache_lookups", "Look-ups in the application's cache", ["cache", "outcome"]
)
