"""Finding, joining and following courses: pages and their JSON twins."""

from flask import Blueprint

blueprint: Blueprint = Blueprint("courses", __name__)

from app.web.courses import api, catalog, covers, dashboard, learn, lesson_files, receipts, show
