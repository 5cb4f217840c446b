"""Where a sign-in may lead: a path on this very site."""

import pytest

from app.web.auth.destinations import local_path

pytestmark = pytest.mark.no_database


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/dashboard",
        "/courses?q=loom&page=2#results",
        "/courses/ሽመና",
        "/learn/weaving/3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "/courses?next=https://example.com",
    ],
)
def test_path_of_this_site_is_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "elsewhere",
    [
        None,
        "",
        "dashboard",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "/\\/evil.example",
        "\\\\evil.example",
        "/dashboard\\..\\evil",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        " //evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\nSet-Cookie: a=b",
        "/\0",
        "/\u2028",
        "/\u202eevil",
        "/with space",
        "/" + "x" * 3000,
    ],
)
def test_everything_else_is_dropped(elsewhere: str | None) -> None:
    assert local_path(elsewhere) is None
