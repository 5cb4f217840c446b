"""The page where a buyer would type a card number; here three buttons stand for what can come."""

from html import escape
from typing import Any

SAID = {
    "decline": "Your card was declined.",
    "fail-3ds": "We are unable to authenticate your payment method.",
}


def draw(session: dict[str, Any], said: str = "") -> str:
    """Return the page of one session."""
    amount = f"{session['amount_total']} {session['currency'].upper()} in minor units"
    back = session["cancel_url"] or session["success_url"]
    parts = [f"<h1>{escape(session['_title'])}</h1>", f"<p>{amount}</p>"]
    if said:
        parts.append(f'<p role="alert">{escape(said)}</p>')
    if session["status"] == "open":
        parts += [
            '<form method="post">',
            _button("pay", "Pay"),
            _button("decline", "Decline"),
            _button("fail-3ds", "3-D Secure fail"),
            "</form>",
        ]
    elif session["status"] == "complete":
        back = session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])
        parts.append("<p>You have paid.</p>")
    else:
        parts.append("<p>This page has expired.</p>")
    parts.append(f'<p><a href="{escape(back)}">Back to the shop</a></p>')
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Stand-in gateway</title>'
        '<meta name="viewport" content="width=device-width"></head><body><main>'
        + "".join(parts)
        + "</main></body></html>"
    )


def _button(value: str, label: str) -> str:
    return f'<p><button name="act" value="{value}">{label}</button></p>'
