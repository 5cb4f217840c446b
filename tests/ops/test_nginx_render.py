"""nginx/render.sh: what it fills in, what it refuses, and that it may run again."""

import subprocess
from pathlib import Path

import pytest

from tests.ops.proxy import Proxy, command, environment_of, render, serving, telling
from tests.support.server import ROOT, free_port

pytestmark = [pytest.mark.no_database, pytest.mark.at_once]


def _run(folder: Path, **values: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(ROOT / "nginx" / "render.sh"), str(folder / "nginx")],
        env=environment_of(folder, **values),
        capture_output=True,
        text=True,
        check=False,
    )


def _site(folder: Path) -> str:
    return (folder / "nginx" / "conf.d" / "default.conf").read_text()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SITE_HOST", "", "SITE_HOST is not set"),
        ("SITE_HOST", "a.test; return 200", "is not a host name"),
        ("WEB_UPSTREAM", "", "WEB_UPSTREAM is not set"),
        ("WEB_UPSTREAM", "somewhere", "neither unix:/path nor host:port"),
        ("WEB_UPSTREAM", "a:1;} b:2", "neither unix:/path nor host:port"),
        ("MEDIA_ROOT", "relative/path", "not an absolute path"),
        ("MEDIA_ROOT", "/a;b", "not an absolute path"),
        ("TLS_ROOT", "/a b", "not an absolute path"),
        ("HTTPS_PORT", "99999", "not a port number"),
        ("HTTP_PORT", "http", "not a port number"),
        ("LISTEN_ADDRESS", "everywhere", "not an address to listen on"),
        ("PAGE_CACHE_KEY", "short", "openssl rand -hex 32"),
        ("NGINX_USER", "root; daemon off", "not the name of a user"),
    ],
)
def test_what_could_break_the_configuration_is_refused_with_its_name(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    done = _run(tmp_path, **{name: value})
    assert done.returncode == 1
    assert name in done.stderr
    assert said in done.stderr
    assert not (tmp_path / "nginx" / "conf.d").exists()


def test_a_second_run_writes_the_same_and_leaves_other_files_alone(tmp_path: Path) -> None:
    render(tmp_path)
    other = tmp_path / "nginx" / "conf.d" / "own.conf"
    other.write_text("# somebody's own\n")
    before = {p: p.read_bytes() for p in (tmp_path / "nginx").rglob("*") if p.is_file()}
    render(tmp_path)
    after = {p: p.read_bytes() for p in (tmp_path / "nginx").rglob("*") if p.is_file()}
    assert before == after


def test_the_key_is_not_for_everybody_to_read(tmp_path: Path) -> None:
    render(tmp_path)
    assert (tmp_path / "nginx" / "conf.d" / "default.conf").stat().st_mode & 0o007 == 0


def test_the_key_may_lie_in_a_file_and_may_be_left_out(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("f" * 64 + "\n")
    render(tmp_path, PAGE_CACHE_KEY="", PAGE_CACHE_KEY_FILE=str(key))
    assert f'"{"f" * 64}" 1;' in _site(tmp_path)
    render(tmp_path, PAGE_CACHE_KEY="")
    assert '"" 1;' not in _site(tmp_path)


def test_without_a_key_nobody_empties_the_cache(tmp_path: Path) -> None:
    with telling() as upstream, serving(tmp_path, WEB_UPSTREAM=upstream, PAGE_CACHE_KEY="") as own:
        for headers in ({}, {"X_Page_Cache_Key": ""}, {"X_Page_Cache_Key": "0"}):
            assert own.ask("/courses", **headers)[0].headers["X-Page-Cache"] is None
            assert own.ask_plainly("/courses", **headers)[0].status == 308


def test_a_prefix_moves_every_folder(tmp_path: Path) -> None:
    values = {"PREFIX": str(tmp_path), "TLS_ROOT": "", "CACHE_ROOT": "", "STATIC_ROOT": ""}
    assert _run(tmp_path, **values).returncode == 0
    site = _site(tmp_path)
    assert f"{tmp_path}/etc/triple/tls/privkey.pem" in site
    assert f"{tmp_path}/var/cache/triple/nginx" in site
    assert f"{tmp_path}/var/lib/triple/static" in site


def test_every_address_of_a_machine_is_listened_on_unless_one_is_named(tmp_path: Path) -> None:
    render(tmp_path, LISTEN_ADDRESS="")
    assert "listen 8443 ssl http2 default_server;" in _site(tmp_path)
    has_ipv6 = Path("/proc/net/if_inet6").exists() and Path("/proc/net/if_inet6").read_text()
    assert ("listen [::]:8443 ssl http2" in _site(tmp_path)) == bool(has_ipv6)
    checked = subprocess.run(command(tmp_path / "nginx" / "nginx.conf", "-t"), check=False)
    assert checked.returncode == 0


def _statuses(proxy: Proxy, method: str) -> set[int]:
    return {proxy.ask("/api/webhooks/any", method=method)[0].status for _ in range(12)}


def test_of_several_servers_those_that_live_answer(tmp_path: Path) -> None:
    dead = f"127.0.0.1:{free_port()}"
    with (
        telling() as one,
        telling() as two,
        serving(tmp_path, WEB_UPSTREAM=f"{one} {dead} {two}") as proxy,
    ):
        assert _statuses(proxy, "GET") == {200}
        assert _statuses(proxy, "POST") == {200}, "nothing was sent before it failed"
