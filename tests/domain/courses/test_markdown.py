"""Markdown as safe HTML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from app.domain.courses.markdown import TAGS, render
from tests.support import html

pytestmark = pytest.mark.no_database


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("*soft* **loud** `code`", "<em>soft</em> <strong>loud</strong> <code>code</code>"),
        ("# Title", "<h3>Title</h3>"),
        ("###### Deep", "<h6>Deep</h6>"),
        ("- one\n- two", "<li>one</li>"),
        ("| a |\n|---|\n| 1 |", "<td>1</td>"),
        ("~~gone~~", "<s>gone</s>"),
        ("5 < 6 & 7", "5 &lt; 6 &amp; 7"),
        ("ሰላም", "<p>ሰላም</p>"),
    ],
)
def test_markdown_becomes_html(source: str, expected: str) -> None:
    assert expected in render(source)


def test_links_leave_without_a_word_about_us() -> None:
    rendered = render("[out](https://example.com)")
    assert 'href="https://example.com"' in rendered
    assert 'rel="noopener noreferrer nofollow"' in rendered


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://example.com/x.png)",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<a href='https://example.com' onclick='x()'>x</a>",
        "<p style='color:red'>x</p>",
        "<iframe src=//evil.example></iframe>",
        "<svg onload=alert(1)>",
        "| a |\n|:-:|\n| 1 |",
    ],
)
def test_nothing_that_acts_gets_through(source: str) -> None:
    for tag in html.parse(render(source)).find_all(True):
        assert tag.name in TAGS
        assert set(tag.attrs) <= {"href", "title", "rel", "start", "class"}
        assert str(tag.get("href", "https:")).startswith(("https:", "http:", "mailto:"))


def test_the_result_is_markup_for_templates() -> None:
    assert isinstance(render("x"), Markup)


@given(st.text(max_size=200))
def test_any_text_at_all_is_rendered_without_a_script(source: str) -> None:
    found = {tag.name for tag in html.parse(render(source)).find_all(True)}
    assert found <= TAGS
