"""Routes that learn their address late write the same ones as Werkzeug's own."""

import pytest
from werkzeug.routing import Map, Rule

from app.web.rules import PatientRule

pytestmark = pytest.mark.no_database

PATHS = (
    ("home", "/", {}),
    ("course", "/courses/<slug>", {"slug": "clay & fire"}),
    ("lesson", "/courses/<slug>/<int:number>", {"slug": "clay", "number": 7}),
    ("file", "/files/<path:name>", {"name": "a/b ü.pdf"}),
)


@pytest.mark.parametrize("more", [{}, {"page": 2, "q": ["a", "b"]}])
@pytest.mark.parametrize("append_unknown", [True, False])
@pytest.mark.parametrize(("endpoint", "path", "values"), PATHS)
def test_the_same_address_the_first_time_and_later(
    endpoint: str,
    path: str,
    values: dict[str, object],
    append_unknown: bool,
    more: dict[str, object],
) -> None:
    known = {**values, **more}
    usual = Map([Rule(path, endpoint=endpoint)]).bind("example.com")
    ours = Map([PatientRule(path, endpoint=endpoint)]).bind("example.com")
    wanted = usual.build(endpoint, known, append_unknown=append_unknown)
    for _ in range(2):
        assert ours.build(endpoint, known, append_unknown=append_unknown) == wanted


def test_it_learns_once(monkeypatch: pytest.MonkeyPatch) -> None:
    learned: list[bool] = []
    usual = Rule._compile_builder

    def counted(rule: Rule, append_unknown: bool = True) -> object:
        learned.append(append_unknown)
        return usual(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", counted)
    site = Map([PatientRule("/courses/<slug>", endpoint="course")]).bind("example.com")
    assert site.match("/courses/clay") == ("course", {"slug": "clay"})
    assert learned == []
    for slug in ("clay", "fire"):
        site.build("course", {"slug": slug})
    assert learned == [True]
