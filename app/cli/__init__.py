"""The names of the `flask <verb>` commands; what they do is loaded when one is called."""

from importlib import import_module

import click
from flask import Flask
from flask.cli import AppGroup

VERBS = {
    "audit": "app.cli.audit:audit",
    "create-admin": "app.cli.verbs:create_admin_verb",
    "db": "flask_migrate.cli:db",
    "mail": "app.cli.mail:mail",
    "payments": "app.cli.payments:payments",
    "seed": "app.cli.verbs:seed_verb",
    "videos": "app.cli.verbs:videos",
    "worker": "app.cli.verbs:worker_verb",
}


class Verbs(AppGroup):
    """Flask's own commands and ours. The web processes never load the demo and the worker."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every name there is."""
        return sorted({*super().list_commands(ctx), *VERBS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name, loading ours."""
        if cmd_name not in VERBS:
            return super().get_command(ctx, cmd_name)
        module, _, name = VERBS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


def init_app(app: Flask) -> None:
    """Give the application our verbs."""
    app.cli = Verbs(app.name)
