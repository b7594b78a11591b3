"""What is shown of a database's URL: never its password, however it was typed."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridws.errors import OptionError
from gridws.storage.postgres.urls import check_url, is_url, without_password, without_passwords

passwords = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://db/grid", "postgresql://db/grid"),
        ("postgres://anna:secret@db:5433/grid", "postgres://anna@db:5433/grid"),
        ("postgresql://anna@[::1]:5432/grid", "postgresql://anna@[::1]:5432/grid"),
        ("postgresql://anna@a:1,b:2/grid?target_session_attrs=read-write", "postgresql://anna@a:1,b:2/grid"),
        ("postgresql:///grid?host=/run/postgresql&password=secret", "postgresql:///grid"),
        ("postgresql://:secret@db", "postgresql://db"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    check_url(url)

    assert is_url(url)
    assert without_password(url) == shown


@given(passwords)
def test_no_part_of_a_password_is_shown(password: str) -> None:
    encoded = quote(password, safe="")

    assert without_password(f"postgresql://anna:{encoded}@db/grid") == "postgresql://anna@db/grid"
    assert without_password(f"postgresql://anna:{password}@db/grid") in {
        "postgresql://anna@db/grid",
        "postgresql://…",
    }


@pytest.mark.parametrize("password", ["a/b", "a?b", "a#b", "1/b", "1?a=b", "1#b"])
def test_a_password_that_would_be_taken_for_something_else_is_refused_unseen(password: str) -> None:
    with pytest.raises(OptionError) as refused:
        check_url(f"postgresql://anna:{password}@db/grid")

    assert str(refused.value).startswith("postgresql://… is no URL of a database")


@pytest.mark.parametrize("url", ["postgresql://anna:p%2Fq@db/grid", "postgresql://db/grid?password=p%2Fq"])
@pytest.mark.parametrize("word", ["p%2Fq", "p/q"])
def test_what_a_server_says_of_a_password_is_left_out(url: str, word: str) -> None:
    assert without_passwords(f"{word} is wrong", url) == "… is wrong"
