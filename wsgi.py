"""The WSGI entry point: `gunicorn wsgi:app`, `flask --app wsgi <verb>`."""

import click

from app import cli, create_app, loading_for_good
from app.config import ConfigurationError

try:
    with loading_for_good():
        app = create_app()
except ConfigurationError as error:
    if click.get_current_context(silent=True) is None:  # not a verb but a server: it must not start
        raise
    app = cli.app_without_settings(str(error))
