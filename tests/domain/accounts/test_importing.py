"""Reading a CSV file of people, whichever program wrote it, and accounts for the new ones."""

import pytest

from app.database import db
from app.domain.accounts import importing, recovery
from app.domain.accounts.models import Role, User
from app.domain.outbox.models import Mail
from app.errors import InvalidInput
from tests import factories

HEADER = "email,name,course\n"


def _fault(text: str) -> str:
    with pytest.raises(InvalidInput) as refused:
        importing.read(text)
    return refused.value.fields["file"]


@pytest.mark.parametrize(
    "text",
    [
        "email,name,course\nLea@Example.com,Lea  Learner,weaving\n",
        "\ufeffemail;name;course\r\nlea@example.com;Lea Learner;weaving\r\n",
        "E-Mail\tName\tCourse\nlea@example.com\tLea Learner\tweaving",
        '"name","course","email"\n"Lea Learner","weaving"," lea@example.com "\n\n,,\n',
    ],
    ids=["plain", "spreadsheet", "tabs", "quoted"],
)
def test_a_file_is_read_however_it_was_written(text: str) -> None:
    (line,) = importing.read(text)
    assert (line.email, line.name, line.course) == ("lea@example.com", "Lea Learner", "weaving")
    assert (line.number, line.fault) == (2, None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_letters_survive_the_encoding(encoding: str) -> None:
    text = importing.decode((HEADER + "a@example.com,አበባ ታደሰ,\n").encode(encoding))
    assert importing.read(text)[0].name == "አበባ ታደሰ"


def test_a_file_in_another_encoding_says_what_to_do() -> None:
    with pytest.raises(InvalidInput) as refused:
        importing.decode((HEADER + "a@example.com,Zoë,\n").encode("latin-1"))
    assert "UTF-8" in refused.value.fields["file"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line that names its columns"),
        ("lea@example.com,Lea\n", "line that names its columns"),
        ("email,email\n", "line that names its columns"),
        ("name,course\nLea,x\n", "line that names its columns"),
        (HEADER, "nobody in the file"),
        (HEADER + "a@example.com,A,\n" * 501, "500 lines"),
        (HEADER + '"' + "a" * 140_000, "is no CSV"),
        (HEADER + "a" * importing.MAX_BYTES, "at most 256 KB"),
    ],
    ids=["empty", "no-header", "twice", "no-email", "nobody", "too-many", "broken", "too-big"],
)
def test_a_file_that_cannot_be_used_names_the_remedy(text: str, told: str) -> None:
    assert told in _fault(text)


@pytest.mark.parametrize(
    "line",
    ["nobody,Lea,", ",Lea,", "a@example.com,Lea\x07,", "a@example.com,Lea\0,", "a@b.example,L,c,d"],
)
def test_a_line_that_cannot_be_used_is_named_and_stops_no_other(line: str) -> None:
    wrong, right = importing.read(f"{HEADER}{line}\nlea@example.com,Lea,\n")
    assert wrong.fault
    assert right.fault is None


def test_a_new_person_sets_a_password_by_the_mailed_link() -> None:
    user, is_new = importing.add_person("new@example.com", "New Person", "Weaving", "en")
    assert is_new
    assert (user.role, user.password_hash, user.email_verified_at) == (Role.LEARNER, None, None)
    (mail,) = db.session.query(Mail).filter_by(to_email="new@example.com")
    assert mail.template == "account_made"
    token = str(mail.context["link"]).rsplit("/", 1)[1]
    recovered = recovery.reset(token, "a-long-password-of-mine", "tests")
    assert recovered.email_verified_at is not None


def test_who_has_an_account_is_not_made_again(learner: User) -> None:
    found, is_new = importing.add_person(learner.email, "Another Name", "", None)
    assert (found.id, found.name, is_new) == (learner.id, "Lea Learner", False)
    assert db.session.query(Mail).count() == 0


def test_an_import_never_touches_staff() -> None:
    admin = factories.make_user(Role.ADMIN)
    found, _ = importing.add_person(admin.email, "X", "", None)
    assert found.role is Role.ADMIN
