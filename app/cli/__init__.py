"""The names of the `flask <verb>` commands; what they do is loaded when one is called."""

from importlib import import_module

import click
from flask import Flask
from flask.cli import AppGroup

VERBS = {
    "audit": "app.cli.audit:audit",
    "backup": "app.cli.backups:backup",
    "create-admin": "app.cli.verbs:create_admin_verb",
    "db": "flask_migrate.cli:db",
    "doctor": "app.cli.doctor:doctor",
    "mail": "app.cli.mail:mail",
    "payments": "app.cli.payments:payments",
    "restore": "app.cli.backups:restore_verb",
    "scheduler": "app.cli.processes:scheduler_verb",
    "secrets": "app.cli.secrets:secrets",
    "seed": "app.cli.verbs:seed_verb",
    "static": "app.cli.static:static",
    "videos": "app.cli.verbs:videos",
    "worker": "app.cli.processes:worker_verb",
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


class OnlyDoctor(Verbs):
    """The verbs while the settings do not fit: the doctor says why, every other says so, too."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(name)
        self._problem = problem

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the doctor. Raises ClickException for whatever needs settings."""
        if cmd_name != "doctor" and cmd_name in self.list_commands(ctx):
            lines = self._problem.splitlines()
            raise click.ClickException("\n  ".join(["The settings do not fit:", *lines]))
        return super().get_command(ctx, cmd_name)


def app_without_settings(problem: str) -> Flask:
    """Return an application that serves nothing and whose verbs tell what is wrong."""
    app = Flask("app", static_folder=None)
    app.extensions["configuration_error"] = problem
    app.cli = OnlyDoctor(app.name, problem)
    return app
