"""The page of signing up."""

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.errors import InvalidInput
from app.web.access import signed_in
from app.web.auth import blueprint, limits
from app.web.auth.destinations import after_sign_in, local_path
from app.web.auth.forms import SignUpForm
from app.web.auth.welcome import welcome

TYPED_EMAIL = "typed_email"


@blueprint.route("/auth/sign-up", methods=["GET", "POST"])
@limits.counts(limits.SIGN_UP)
def sign_up() -> ResponseReturnValue:
    """Ask for what an account needs; the answer is the same whether there was one already."""
    form = SignUpForm()
    if request.method == "GET":
        if signed_in() is not None:
            return redirect(after_sign_in(request.args.get("next")), 303)
        form.next.data = local_path(request.args.get("next")) or ""
        return render_template("auth/sign_up.html", form=form)
    if form.validate():
        try:
            welcome(form.email.data, form.password.data, form.name.data)
        except InvalidInput as error:
            form.blame(error.fields)
        else:
            return _to_sign_in(form)
    return render_template("auth/sign_up.html", form=form), 422


def _to_sign_in(form: SignUpForm) -> ResponseReturnValue:
    flash(
        gettext(
            "Thank you. Your account is ready: sign in with the password you chose. "
            "We have sent you a mail; open the link in it to confirm your address."
        ),
        "ok",
    )
    session[TYPED_EMAIL] = form.email.data
    return redirect(url_for("auth.sign_in", next=local_path(form.next.data)), 303)
