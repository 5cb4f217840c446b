"""The WSGI entry point: `gunicorn wsgi:app`, `flask --app wsgi <verb>`."""

from app import create_app

app = create_app()
