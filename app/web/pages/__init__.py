"""The pages around the courses: home, training, legal texts, what crawlers and probes read."""

from flask import Blueprint

blueprint: Blueprint = Blueprint("pages", __name__)

from app.web.pages import (
    api_docs,
    client_errors,
    crawlers,
    health,
    home,
    legal,
    look,
    metrics,
    outbox,
)
