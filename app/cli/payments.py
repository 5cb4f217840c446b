"""`flask payments`: our books against the gateways'."""

from datetime import timedelta

import click
from flask.cli import AppGroup

from app.clock import utcnow
from app.errors import GatewayRefused, GatewayUnavailable
from app.worker.reconciling import reconcile

payments = AppGroup("payments", help="Payments and the gateways they come by.")


@payments.command("reconcile")
@click.option(
    "--since", "days", type=click.IntRange(1, 365), default=3, show_default=True, metavar="DAYS",
    help="How many days back to look.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what differs and change nothing.")
def reconcile_verb(days: int, dry_run: bool) -> None:
    """Compare orders, payments, refunds, disputes and access, and repair what differs.

    Ends with 1 where something is left that people have to look at.
    """
    count = left = 0
    try:
        for found in reconcile(utcnow() - timedelta(days=days), is_dry_run=dry_run):
            count += 1
            left += not found.is_repaired
            became = "differs" if dry_run else "repaired" if found.is_repaired else "look at it"
            click.echo(f"{found.method}, order {found.order}: {found.what} ({became})")
    except (GatewayUnavailable, GatewayRefused) as error:
        raise click.ClickException(error.detail) from error
    click.echo("1 difference" if count == 1 else f"{count} differences")
    if left:
        raise click.exceptions.Exit(1)
