"""What each request may carry, as Stripe checks it: an unknown parameter is an error."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

LOCALES = re.compile(
    "auto|bg|cs|da|de|el|en|en-GB|es|es-419|et|fi|fil|fr|fr-CA|hr|hu|id|it|ja|ko|lt|lv|ms|mt|nb|nl"
    "|pl|pt|pt-BR|ro|ru|sk|sl|sv|th|tr|vi|zh|zh-HK|zh-TW"
)
INDEX = re.compile(r"\[\d*\]")
NESTED = re.compile(r"[a-z_]+(\[[A-Za-z0-9_.-]*\])*")

_LIST = {"limit": "int", "starting_after": "text", "ending_before": "text", "expand[]": "text"}
_CREATED = {f"created[{bound}]": "int" for bound in ("gt", "gte", "lt", "lte")}
_ONE = {"expand[]": "text"}
_NEW_SESSION = {
    "mode": "text",
    "client_reference_id": "text",
    "customer_email": "text",
    "expires_at": "int",
    "locale": "locale",
    "success_url": "url",
    "cancel_url": "url",
    "submit_type": "text",
    "metadata[*]": "text",
    "payment_method_types[]": "text",
    "adaptive_pricing[enabled]": "bool",
    "payment_intent_data[description]": "text",
    "payment_intent_data[metadata][*]": "text",
    "line_items[][quantity]": "int",
    "line_items[][price_data][currency]": "text",
    "line_items[][price_data][unit_amount]": "int",
    "line_items[][price_data][product_data][name]": "text",
    "line_items[][price_data][product_data][description]": "text",
    **_ONE,
}
_NEW_REFUND = {
    "payment_intent": "text",
    "charge": "text",
    "amount": "int",
    "reason": "text",
    "metadata[*]": "text",
    **_ONE,
}
SPECS: dict[str, Mapping[str, str]] = {
    "account": _ONE,
    "create_session": _NEW_SESSION,
    "get_session": _ONE,
    "expire_session": _ONE,
    "list_sessions": {**_LIST, **_CREATED, "payment_intent": "text", "status": "text"},
    "get_intent": _ONE,
    "list_intents": {**_LIST, **_CREATED},
    "get_charge": _ONE,
    "create_refund": _NEW_REFUND,
    "get_refund": _ONE,
    "list_refunds": {**_LIST, **_CREATED, "payment_intent": "text", "charge": "text"},
    "get_dispute": _ONE,
    "list_disputes": {**_LIST, **_CREATED, "payment_intent": "text", "charge": "text"},
    "list_events": {**_LIST, **_CREATED, "type": "text"},
}


class Refused(Exception):
    """An answer that is an error, in Stripe's words."""

    def __init__(
        self,
        message: str,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"type": kind, "message": message, "code": code, "param": param}


Parameters = dict[str, list[str]]


def read(name: str, encoded: str) -> Parameters:
    """Decode and check a form or a query for the request called `name`. Raises Refused."""
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, strict_parsing=bool(encoded))
    except ValueError:
        raise Refused("The body is not a form.") from None
    values: Parameters = {}
    for key, value in pairs:
        _check(SPECS[name], key, value)
        values.setdefault(key, []).append(value)
    return values


def first(values: Parameters, key: str, default: str = "") -> str:
    """Return the parameter `key`, or `default`."""
    return values.get(key, [default])[0]


def group(values: Parameters, prefix: str) -> dict[str, str]:
    """Return `prefix[name]=value` as a dictionary."""
    opening = prefix + "["
    return {
        key[len(opening) : -1]: value[0] for key, value in values.items() if key.startswith(opening)
    }


def every(values: Parameters, prefix: str) -> list[str]:
    """Return `prefix[]` or `prefix[0]`, `prefix[1]` … as a list."""
    return [v for key, all_of in values.items() if INDEX.sub("", key) == prefix for v in all_of]


def _check(spec: Mapping[str, str], key: str, value: str) -> None:
    if not NESTED.fullmatch(key):
        raise Refused(f"Invalid parameter name: {key}", param=key)
    plain = INDEX.sub("[]", key)
    kind = spec.get(plain) or spec.get(re.sub(r"\[[^\[\]]+\]$", "[*]", plain))
    if kind is None:
        raise Refused(f"Received unknown parameter: {key}", code="parameter_unknown", param=key)
    if value == "" and kind != "text":
        raise Refused(f"You passed an empty string for '{key}'.", code="parameter_invalid_empty")
    if kind == "int" and not re.fullmatch(r"-?\d{1,15}", value):
        raise Refused(f"Invalid integer: {value}", code="parameter_invalid_integer", param=key)
    if kind == "bool" and value not in ("true", "false"):
        raise Refused(f"Invalid boolean: {value}", param=key)
    if kind == "url" and not value.startswith(("http://", "https://")):
        raise Refused("Not a valid URL", code="url_invalid", param=key)
    if kind == "locale" and not LOCALES.fullmatch(value):
        raise Refused(f"Invalid locale: {value}", param=key)
