"""Bringing people in from a CSV file: what it would do, then doing it. For administrators."""

from uuid import UUID

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext, ngettext
from flask_wtf.file import FileField
from pydantic import BaseModel
from wtforms import HiddenField, SelectField
from wtforms.fields.choices import SelectChoice

from app.database import db
from app.domain.accounts import importing
from app.domain.accounts.models import Role
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.domain.courses import people_import, roster
from app.domain.courses.people_import import ENROLS, MAKES_ACCOUNT, Outcome, Report
from app.errors import InvalidInput
from app.web import audit
from app.web.access import require_recent, require_role
from app.web.admin import blueprint
from app.web.admin.admission_schemas import Id
from app.web.admin.forms import BlamedForm
from app.web.json import Body, read_body
from app.web.openapi import describe


class ImportForm(BlamedForm):
    """The file; once looked at, its text comes back with the confirmation."""

    file = FileField(lazy_gettext("CSV file"), render_kw={"accept": ".csv,text/csv,text/plain"})
    course_id = SelectField(lazy_gettext("Course"), validate_choice=False)
    text = HiddenField()

    def offer(self) -> None:
        """Give the courses to choose from."""
        self.course_id.choices = [
            SelectChoice("", lazy_gettext("None, or what the line says")),
            *(SelectChoice(str(one.id), one.title) for one in roster.list_choices(None)),
        ]

    def course(self) -> UUID | None:
        """Return the chosen course's id, None for none. Raises InvalidInput."""
        try:
            return UUID(self.course_id.data) if self.course_id.data else None
        except ValueError:
            raise InvalidInput({"course_id": gettext("Choose a course.")}) from None

    def lines(self) -> list[importing.Line]:
        """Return the lines of the file, or of its text. Raises InvalidInput."""
        if self.text.data:
            return importing.read(self.text.data)
        if not self.file.data:
            raise InvalidInput({"file": gettext("Choose a file.")})
        self.text.data = importing.decode(self.file.data.read(importing.MAX_BYTES + 1))
        return importing.read(self.text.data)


class Import(Body):
    """The text of a CSV file with the columns email, name and course (the course's slug)."""

    text: str
    course_id: Id | None = None
    dry_run: bool = True


class ImportedLine(BaseModel):
    """What a line brings about; `message` says what is wrong with one that is left out."""

    line: int
    email: str
    name: str
    course: str | None
    outcome: Outcome
    message: str | None


class ImportedDocument(BaseModel):
    """What the file would do, or did."""

    dry_run: bool
    accounts: int
    enrollments: int
    faults: int
    lines: list[ImportedLine]


def _require_importer() -> SignedIn:
    person = require_role(Role.ADMIN)
    require_recent(person)
    return person


@blueprint.route("/admin/users/import", methods=["GET", "POST"])
def import_people() -> ResponseReturnValue:
    """Take a file, show what it would do line by line, and do it once that is confirmed."""
    person = _require_importer()
    form = ImportForm()
    form.offer()
    report: Report | None = None
    if form.validate_on_submit():
        try:
            lines, course_id = form.lines(), form.course()
            if "confirmed" in request.form:
                flash(_said(_carry_out(person, lines, course_id)), "ok")
                return redirect(url_for("admin.enrollments", course_id=course_id), 303)
            report = people_import.plan(person, lines, course_id)
        except InvalidInput as error:
            form.blame(error.fields)
    status = 422 if form.is_submitted() and report is None else 200
    return render_template("admin/import_people.html", form=form, report=report), status


@blueprint.post("/api/admin/users/import")
@describe({200: ImportedDocument}, body=Import)
def import_people_by_program() -> Response:
    """Say what a CSV file of people would do, or with `dry_run` false do it."""
    person, body = _require_importer(), read_body(Import)
    lines = importing.read(body.text)
    run = people_import.plan if body.dry_run else _carry_out
    report = run(person, lines, body.course_id)
    return jsonify(
        dry_run=body.dry_run,
        accounts=report.account_count,
        enrollments=report.enrollment_count,
        faults=report.fault_count,
        lines=[
            {
                "line": planned.line.number,
                "email": planned.line.email,
                "name": planned.line.name,
                "course": planned.course.slug if planned.course else None,
                "outcome": planned.outcome.value,
                "message": planned.fault,
            }
            for planned in report.lines
        ],
    )


def _carry_out(person: SignedIn, lines: list[importing.Line], course_id: UUID | None) -> Report:
    report = people_import.carry_out(person, lines, course_id)
    for planned in report.lines:
        if planned.user_id is None:
            continue
        if planned.outcome in MAKES_ACCOUNT:
            audit.note(Action.ACCOUNT_CREATED, subject=planned.user_id, by="import")
        if planned.outcome in ENROLS and planned.course is not None:
            course = str(planned.course.id)
            audit.note(Action.ENROLLMENT_GRANTED, subject=planned.user_id, course_id=course)
    audit.note(
        Action.PEOPLE_IMPORTED,
        accounts=report.account_count,
        enrollments=report.enrollment_count,
        faults=report.fault_count,
    )
    db.session.commit()
    return report


def _said(report: Report) -> str:
    accounts, enrolled = report.account_count, report.enrollment_count
    parts = [
        ngettext("%(num)d account is made.", "%(num)d accounts are made.", accounts),
        ngettext("%(num)d person is enrolled.", "%(num)d people are enrolled.", enrolled),
    ]
    if report.fault_count:
        faults = report.fault_count
        parts.append(ngettext("%(num)d line was left out.", "%(num)d lines were left out.", faults))
    return " ".join(parts)
