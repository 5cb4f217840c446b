"""Settings that lie sealed on the disk: who reads them, what goes before, and what is refused."""

from pathlib import Path

import pytest

from app import sealed
from app.config import ConfigurationError, load_settings

pytestmark = pytest.mark.no_database
DATABASE = {"DATABASE_URL": "postgresql://app@/app"}


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    path = tmp_path / "identity.txt"
    path.write_text(sealed.make_identity()[0], encoding="utf-8")
    return path


def _recipient(identity: Path) -> str:
    return identity.read_text(encoding="utf-8").splitlines()[0].rpartition(" ")[2]


def _sealed(identity: Path, text: str) -> dict[str, str]:
    path = identity.with_name("settings.age")
    path.write_bytes(sealed.seal(text, [_recipient(identity)]))
    return {**DATABASE, "SECRETS_FILE": str(path), "SECRETS_IDENTITY_FILE": str(identity)}


def test_sealed_settings_are_read_and_nothing_of_them_shows_on_the_disk(identity: Path) -> None:
    environ = _sealed(identity, "# keys\nSTRIPE_SECRET_KEY=sk_live_0001\nMAX_STREAMS='3'\n")
    settings = load_settings(environ)
    assert (settings.stripe_secret_key, settings.max_streams) == ("sk_live_0001", 3)
    assert b"sk_live" not in Path(environ["SECRETS_FILE"]).read_bytes()


def test_what_the_environment_says_goes_before_what_is_sealed(identity: Path) -> None:
    environ = _sealed(identity, "SITE_NAME=Sealed\nSMTP_URL=smtp://one\nMAIL_FROM=a@example.com")
    named = identity.with_name("smtp")
    named.write_text("smtp://two", encoding="utf-8")
    settings = load_settings({**environ, "SITE_NAME": "Open", "SMTP_URL_FILE": str(named)})
    assert (settings.site_name, settings.smtp_url) == ("Open", "smtp://two")


def test_the_wrong_identity_is_named(identity: Path) -> None:
    environ = _sealed(identity, "SITE_NAME=Sealed")
    other = identity.with_name("other.txt")
    other.write_text(sealed.make_identity()[0], encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"other\.txt does not open .*settings\.age"):
        load_settings({**environ, "SECRETS_IDENTITY_FILE": str(other)})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"SECRETS_IDENTITY_FILE": ""}, "needs SECRETS_IDENTITY_FILE"),
        ({"SECRETS_FILE": "/nowhere/settings.age"}, "/nowhere/settings.age"),
        ({"SECRETS_IDENTITY_FILE": "/nowhere/identity"}, "/nowhere/identity"),
    ],
    ids=["no identity", "no file", "identity missing"],
)
def test_what_is_missing_is_named(identity: Path, changes: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        load_settings({**_sealed(identity, "SITE_NAME=Sealed"), **changes})


def test_a_cut_off_file_and_an_unknown_name_are_refused(identity: Path) -> None:
    environ = _sealed(identity, "SITE_NAEM=Sealed")
    with pytest.raises(ConfigurationError, match="SITE_NAEM"):
        load_settings(environ)
    path = Path(environ["SECRETS_FILE"])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ConfigurationError, match=r"settings\.age"):
        load_settings(environ)


def test_what_is_no_list_of_settings_is_not_sealed(identity: Path) -> None:
    with pytest.raises(sealed.SealedError, match="Line 2"):
        sealed.seal("SITE_NAME=Fine\nrandom words", [_recipient(identity)])
    with pytest.raises(sealed.SealedError, match="recipient"):
        sealed.seal("SITE_NAME=Fine", ["age1nonsense"])
