"""Stripe's own addresses: who may ask, what was asked before, and what comes back."""

import copy
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.stripe_stand_in.books import Books, Object
from tests.support.stripe_stand_in.parameters import Parameters, Refused, every, first, read

Answer = tuple[int, Object, dict[str, str]]
EXPANDABLE = {"payment_intent": "intents", "latest_charge": "charges", "charge": "charges"}
ROUTES = [
    ("GET", r"/v1/account", "account"),
    ("POST", r"/v1/checkout/sessions", "create_session"),
    ("GET", r"/v1/checkout/sessions", "list_sessions"),
    ("GET", r"/v1/checkout/sessions/(\w+)", "get_session"),
    ("POST", r"/v1/checkout/sessions/(\w+)/expire", "expire_session"),
    ("GET", r"/v1/payment_intents", "list_intents"),
    ("GET", r"/v1/payment_intents/(\w+)", "get_intent"),
    ("GET", r"/v1/charges/(\w+)", "get_charge"),
    ("POST", r"/v1/refunds", "create_refund"),
    ("GET", r"/v1/refunds", "list_refunds"),
    ("GET", r"/v1/refunds/(\w+)", "get_refund"),
    ("GET", r"/v1/disputes", "list_disputes"),
    ("GET", r"/v1/disputes/(\w+)", "get_dispute"),
    ("GET", r"/v1/events", "list_events"),
]
LISTS = {name.partition("_")[2]: path for _, path, name in ROUTES if name.startswith("list_")}
KINDS = {
    "session": "sessions",
    "intent": "intents",
    "charge": "charges",
    "refund": "refunds",
    "dispute": "disputes",
}


@dataclass
class Api:
    """The part of Stripe's HTTP that a shop needs, on one set of books."""

    books: Books
    base: str = ""
    keys: list[str] = field(default_factory=lambda: ["sk_test_stand_in"])
    requests: dict[str, int] = field(default_factory=dict)
    _seen: dict[str, tuple[str, int, Object]] = field(default_factory=dict)

    def reset(self) -> None:
        """Forget who asked what."""
        self.keys = ["sk_test_stand_in"]
        self.requests.clear()
        self.forget_keys()

    def forget_keys(self) -> None:
        """Forget what was done under which key."""
        self._seen.clear()

    def answer(self, method: str, path: str, encoded: str, headers: Any) -> Answer:
        """Answer one request; never raises."""
        with self.books.lock:
            try:
                self._authenticate(headers.get("Authorization", ""))
                name, arguments = _route(method, path)
                self.requests[name] = self.requests.get(name, 0) + 1
                act = lambda: self._act(name, arguments, encoded)  # noqa: E731
                key = headers.get("Idempotency-Key", "")
                if method == "POST" and key:
                    return self._once(key, f"{path} {encoded}", act)
                return 200, act(), {}
            except Refused as refused:
                return refused.status, {"error": refused.error}, {}

    def _authenticate(self, header: str) -> None:
        key = header.removeprefix("Bearer ")
        if key not in self.keys:
            shown = f"{key[:8]}****{key[-4:]}"
            raise Refused(f"Invalid API Key provided: {shown}", status=401)

    def _once(self, key: str, request: str, act: Callable[[], Object]) -> Answer:
        """Do it once for each key; what fails before it began is not remembered."""
        fingerprint = hashlib.sha256(request.encode()).hexdigest()
        if key in self._seen:
            known, status, said = self._seen[key]
            if known != fingerprint:
                raise Refused(
                    "Keys for idempotent requests can only be used with the same parameters they "
                    "were first used with.",
                    kind="idempotency_error",
                )
            return status, said, {"Idempotent-Replayed": "true"}
        said = copy.deepcopy(act())
        self._seen[key] = (fingerprint, 200, said)
        return 200, said, {}

    def _act(self, name: str, arguments: tuple[str, ...], encoded: str) -> Object:
        values = read(name, encoded)
        self.books.expire_due()
        verb, _, noun = name.partition("_")
        if name == "account":
            found: Object = {
                "id": "acct_stand_in",
                "object": "account",
                "business_profile": {"name": "Stand-in School"},
                "charges_enabled": True,
                "country": "US",
                "default_currency": "usd",
                "email": None,
            }
        elif name == "create_session":
            found = self.books.create_session(values, self.base)
        elif name == "expire_session":
            found = self.books.expire_session(self.books.find("sessions", arguments[0]))
        elif name == "create_refund":
            found = self.books.create_refund(values)
        elif verb == "list":
            found = self._list(noun, values)
        else:
            found = self.books.find(KINDS[noun], arguments[0])
        return self._shown(found, every(values, "expand"))

    def _list(self, kind: str, values: Parameters) -> Object:
        """Return a page, newest first."""
        table: dict[str, Object] = getattr(self.books, kind)
        found = list(reversed(table.values()))
        for name in ("payment_intent", "charge", "type", "status"):
            if wanted := first(values, name):
                found = [item for item in found if item.get(name) == wanted]
        if since := first(values, "created[gte]"):
            found = [item for item in found if item["created"] >= int(since)]
        if until := first(values, "created[lte]"):
            found = [item for item in found if item["created"] <= int(until)]
        if after := first(values, "starting_after"):
            ids = [item["id"] for item in found]
            if after not in ids:
                raise Refused(f"No such object: '{after}'", param="starting_after")
            found = found[ids.index(after) + 1 :]
        limit = int(first(values, "limit", "10"))
        if not 1 <= limit <= 100:
            raise Refused("Invalid limit", param="limit")
        return {
            "object": "list",
            "url": LISTS[kind],
            "has_more": len(found) > limit,
            "data": found[:limit],
        }

    def _shown(self, found: Object, paths: list[str]) -> Object:
        """Return a copy with what was to be expanded, less our own notes."""
        shown = copy.deepcopy(found)
        for path in paths:
            if path.count(".") > 3:
                raise Refused("You cannot expand more than 4 levels of a property.")
            self._expand(shown, path.split("."))
        return without_notes(shown)

    def _expand(self, item: Any, parts: list[str]) -> None:
        if not parts or item is None:
            return
        if parts[0] == "data":
            for each in item["data"]:
                self._expand(each, parts[1:])
            return
        if parts[0] not in EXPANDABLE or parts[0] not in item:
            raise Refused(f"This property cannot be expanded ({parts[0]}).")
        if isinstance(item[parts[0]], str):
            table = getattr(self.books, EXPANDABLE[parts[0]])
            item[parts[0]] = copy.deepcopy(table[item[parts[0]]])
        self._expand(item[parts[0]], parts[1:])


def without_notes(item: Any) -> Any:
    """Return `item` without what Stripe would not say: names that begin with an underscore."""
    if isinstance(item, dict):
        return {k: without_notes(v) for k, v in item.items() if not k.startswith("_")}
    if isinstance(item, list):
        return [without_notes(each) for each in item]
    return item


def _route(method: str, path: str) -> tuple[str, tuple[str, ...]]:
    for wanted, pattern, name in ROUTES:
        found = re.fullmatch(pattern, path)
        if found and wanted == method:
            return name, found.groups()
    raise Refused(f"Unrecognized request URL ({method}: {path}).", status=404)
