"""Slow queries: which statements take PostgreSQL's time, and counting them anew."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.database import db
from app.domain.accounts.models import Role
from app.domain.audit.actions import Action
from app.domain.site import slow_statements
from app.domain.site.slow_statements import Standing
from app.web import audit
from app.web.access import require_role
from app.web.admin import blueprint


@blueprint.get("/admin/system/statements")
def system_statements() -> str:
    """Show the statements that take most of PostgreSQL's time, or how to have them counted."""
    require_role(Role.ADMIN)
    return render_template("admin/system_statements.html", report=slow_statements.read())


@blueprint.post("/admin/system/statements/reset")
def reset_statements() -> ResponseReturnValue:
    """Count the statements anew."""
    require_role(Role.ADMIN)
    standing = slow_statements.reset()
    if standing is Standing.COUNTED:
        audit.note(Action.STATEMENTS_RESET, subject_kind="system")
        db.session.commit()
        flash(gettext("Statements are counted anew."), "ok")
    else:
        db.session.rollback()
        flash(gettext("PostgreSQL did not let this application do that."), "danger")
    return redirect(url_for("admin.system_statements"), 303)
