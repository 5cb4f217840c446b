"""The application with views that crash, each with all it was sent in the words of its error."""

from flask import request

from app import create_app
from app.web import access
from app.web.json import Body, read_body

NOTHING: dict[tuple[str, str | None], str] = {}


class Sent(Body):
    """A JSON body with what nobody should read."""

    email: str
    password: str


def crash_by_form() -> str:
    """Fail with a form's values in the message and in locals."""
    sent = dict(request.form)
    raise RuntimeError(f"cannot take {sent} of {dict(request.cookies)} with {request.full_path}")


def crash_by_json() -> str:
    """Fail in a chain, the words of both errors in the log."""
    sent = read_body(Sent)
    try:
        return NOTHING[sent.password, request.headers.get("Authorization")]
    except KeyError as error:
        raise ValueError(f"not understood: {sent}") from error


access.PUBLIC_ENDPOINTS |= {"crash_by_form", "crash_by_json", "crash_in_link"}
access.SIGNED_ENDPOINTS |= {"crash_by_form", "crash_by_json", "crash_in_link"}
app = create_app()
app.add_url_rule("/crash", view_func=crash_by_form, methods=["POST"])
app.add_url_rule("/auth/reset/<token>/crash", "crash_in_link", crash_by_form, methods=["POST"])
app.add_url_rule("/api/crash", view_func=crash_by_json, methods=["POST"])
