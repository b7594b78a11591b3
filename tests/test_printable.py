from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridws.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("turbine 7 läuft — 10 °C", "turbine 7 läuft — 10 °C"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("one\r\nINFO forged", "one\\r\\nINFO forged"),
        ("\x9b31mred", "\\x9b31mred"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_is_not_to_be_seen_is_written_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_the_rest_of_a_long_text_is_cut_off() -> None:
    assert printable("abcdef", longest=3) == "abc…"


@given(st.text(st.characters(exclude_categories=[])))
def test_no_text_makes_two_lines_or_moves_a_cursor(text: str) -> None:
    assert printable(text).isprintable()
