"""The pages of signing in and out."""

from flask import (
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.domain.accounts.models import User
from app.domain.accounts.second_factor import factors_of
from app.errors import InvalidCredentials
from app.web.access import signed_in
from app.web.auth import blueprint, doors, limits
from app.web.auth.destinations import after_sign_in, local_path
from app.web.auth.factor_forms import SecondStepForm
from app.web.auth.forms import SignInForm
from app.web.auth.sign_up import TYPED_EMAIL


@blueprint.route("/auth/sign-in", methods=["GET", "POST"])
@limits.counts(limits.SIGN_IN)
def sign_in() -> ResponseReturnValue:
    """Ask who it is, and let them in."""
    form = SignInForm()
    if request.method == "GET":
        if signed_in() is not None:
            return redirect(after_sign_in(request.args.get("next")), 303)
        form.next.data = local_path(request.args.get("next")) or ""
        form.email.data = session.pop(TYPED_EMAIL, None)
        return _ask(form)
    if form.validate():
        try:
            user = doors.check(form.email.data, form.password.data)
        except InvalidCredentials as error:
            form.blame({"": error.detail})
        else:
            return _after_password(user, form.next.data)
    return _ask(form), 422


@blueprint.route("/auth/second-factor", methods=["GET", "POST"])
@limits.counts(limits.SECOND_FACTOR)
def second_factor() -> ResponseReturnValue:
    """Ask for what the password alone does not show, and let them in."""
    form = SecondStepForm()
    wanted = form.next.data if request.method == "POST" else request.args.get("next")
    user = doors.awaited()
    if user is None:
        return _begin_again(wanted)
    status = 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                user, proof = doors.end_second_step(form.code.data)
            except InvalidCredentials as error:
                if doors.awaited() is None:
                    return _begin_again(wanted)
                form.blame({"code": error.detail})
            else:
                answer = make_response(redirect(after_sign_in(wanted), 303))
                return doors.let_in(user, answer, proof)
    form.next.data = local_path(wanted) or ""
    form.code.data = None
    page = render_template(
        "auth/second_factor.html",
        form=form,
        factors=factors_of(user.id),
        onward=after_sign_in(wanted),
    )
    return page, status


@blueprint.post("/auth/sign-out")
def sign_out() -> Response:
    """End this session and go home."""
    return doors.let_out(make_response(redirect(url_for("pages.home"), 303)))


def _ask(form: SignInForm) -> str:
    onward = after_sign_in(form.next.data)
    return render_template("auth/sign_in.html", form=form, onward=onward)


def _after_password(user: User, wanted: str | None) -> Response:
    if doors.needs_second_step(user):
        doors.begin_second_step(user)
        page = url_for("auth.second_factor", next=local_path(wanted) or None)
        return make_response(redirect(page, 303))
    return doors.let_in(user, make_response(redirect(after_sign_in(wanted), 303)))


def _begin_again(wanted: str | None) -> Response:
    if session.pop(doors.SECOND_STEP, None) is not None:
        flash(gettext(doors.STEP_OVER), "warn")
    return make_response(redirect(url_for("auth.sign_in", next=local_path(wanted) or None), 303))
