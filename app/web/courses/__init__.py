"""Finding, joining and following courses: pages and their JSON twins."""

from flask import Blueprint

blueprint: Blueprint = Blueprint("courses", __name__)

from app.web.courses import (
    api,
    catalog,
    checkout,
    covers,
    dashboard,
    learn,
    lesson_files,
    orders,
    orders_api,
    proofs,
    receipts,
    show,
    webhooks,
)
