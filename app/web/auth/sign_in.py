"""The pages of signing in and out."""

from flask import Response, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from app.errors import InvalidCredentials
from app.web.access import signed_in
from app.web.auth import blueprint, doors, limits
from app.web.auth.destinations import after_sign_in, local_path
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
        return render_template("auth/sign_in.html", form=form)
    if form.validate():
        try:
            user = doors.check(form.email.data, form.password.data)
        except InvalidCredentials as error:
            form.blame({"": error.detail})
        else:
            answer = make_response(redirect(after_sign_in(form.next.data), 303))
            return doors.let_in(user, answer)
    return render_template("auth/sign_in.html", form=form), 422


@blueprint.post("/auth/sign-out")
def sign_out() -> Response:
    """End this session and go home."""
    return doors.let_out(make_response(redirect(url_for("pages.home"), 303)))
