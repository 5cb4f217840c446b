"""The application with nothing that observes it: no log line, figures or request id (row 15)."""

from sqlalchemy import Engine, event

from app import create_app, observability

app = create_app()
for hooks in (app.before_request_funcs[None], app.after_request_funcs[None]):
    hooks[:] = [hook for hook in hooks if hook.__module__ != observability.__name__]
for moment in ("before_cursor_execute", "after_cursor_execute"):
    for listener in (observability._note_sent, observability._note_answered):
        if event.contains(Engine, moment, listener):
            event.remove(Engine, moment, listener)
