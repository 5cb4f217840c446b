"""`flask <verb>`: every verb that is named can be called."""

import click
import pytest
from flask import Flask

from app.cli import VERBS

pytestmark = pytest.mark.no_database


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_named_verb_is_there(app: Flask, name: str) -> None:
    result = app.test_cli_runner().invoke(args=[name, "--help"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Usage:")


def test_the_verbs_are_listed(app: Flask) -> None:
    assert set(VERBS) <= set(app.cli.list_commands(click.Context(app.cli)))
