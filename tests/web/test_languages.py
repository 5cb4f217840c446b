"""Which language somebody is answered in."""

from dataclasses import replace

import pytest
from flask import Flask, g
from flask_babel import get_locale

from app.domain.accounts.models import User
from app.domain.accounts.sessions import find_signed_in
from app.web.languages import language_of
from tests.support.client import CheckedClient, sign_in

HEADERS = {
    "": "en",
    "am": "am",
    "am-ET": "am",
    "fr, am;q=0.3, en;q=0.8": "en",
    "en;q=0, am;q=0.1": "am",
    "de": "en",
    "*": "en",
    ";;q=,": "en",
}


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("cookie", [None, "am", "en", "de"])
@pytest.mark.parametrize("locale", [None, "am", "en"])
def test_a_choice_goes_before_what_the_browser_asks_for(
    app: Flask,
    client: CheckedClient,
    learner: User,
    header: str,
    cookie: str | None,
    locale: str | None,
) -> None:
    person = find_signed_in(sign_in(client, learner))
    assert person
    headers = {"Accept-Language": header}
    if cookie:
        headers["Cookie"] = f"language={cookie}"
    with app.test_request_context("/", headers=headers):
        asked = cookie if cookie in ("am", "en") else HEADERS[header]
        assert language_of(None) == asked
        g._login_user = person = replace(person, locale=locale)
        assert language_of(person) == (locale or asked)
        assert str(get_locale()) == language_of(person)
