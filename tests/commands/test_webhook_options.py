"""The options of webhooks, and the mistakes in them."""

from __future__ import annotations

import pytest

from gridws.commands.webhooks import DEFAULT_KINDS, check_webhooks, kinds_in
from gridws.errors import OptionError
from gridws.settings import MonitorSettings
from gridws.wire.frames import EventKind

URL = "https://example.org/hook"


def test_kinds_are_words_of_events() -> None:
    assert kinds_in("broke, repaired,") == ("broke", "repaired")
    assert kinds_in(DEFAULT_KINDS) == MonitorSettings().webhook_kinds
    assert set(MonitorSettings().webhook_kinds) <= {*EventKind}


@pytest.mark.parametrize(
    ("text", "what"), [("broke,broken", "there is no kind broken; there are"), (",", "there is none in it")]
)
def test_a_kind_that_there_is_not_is_refused_with_those_that_there_are(text: str, what: str) -> None:
    with pytest.raises(OptionError, match=what):
        kinds_in(text)


def test_addresses_and_a_secret_are_looked_at_before_anything_starts() -> None:
    assert check_webhooks([URL], "0123456789abcdef") == (URL,)
    with pytest.raises(OptionError, match="must have at least 16 characters"):
        check_webhooks([URL], "short")
    with pytest.raises(OptionError, match="--webhook example is no address"):
        check_webhooks(["example"], None)
