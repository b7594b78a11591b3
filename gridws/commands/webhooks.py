"""The options of webhooks: to whom, of what, and signed with what."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from ..errors import OptionError
from ..settings import MonitorSettings

DEFAULT_KINDS: Final = ",".join(MonitorSettings().webhook_kinds)
SHORTEST_SECRET: Final = 16

WebhookUrls = Annotated[
    list[str] | None,
    typer.Option(
        "--webhook",
        envvar="GRIDWS_WEBHOOK",
        metavar="URL",
        help="An address that is told what happens, by POST, as JSON; repeatable.",
    ),
]
WebhookSecret = Annotated[
    str | None,
    typer.Option(
        "--webhook-secret",
        envvar="GRIDWS_WEBHOOK_SECRET",
        metavar="SECRET",
        help="What X-Gridws-Signature is made with, by HMAC-SHA256. Better in the variable: other users see options.",
    ),
]
WebhookKinds = Annotated[
    str,
    typer.Option(
        "--webhook-kinds",
        envvar="GRIDWS_WEBHOOK_KINDS",
        metavar="KINDS",
        help="What is told, with commas between.",
    ),
]
LongWait = Annotated[
    str,
    typer.Option(
        "--webhook-wait",
        envvar="GRIDWS_WEBHOOK_WAIT",
        metavar="LENGTH",
        help="How long a turbine waits before waits_long is told.",
    ),
]


def kinds_in(text: str) -> tuple[str, ...]:
    """Return the kinds of events in a list with commas; raise `OptionError` for one that there is not."""
    from ..wire.frames import EventKind

    kinds = tuple(each.strip() for each in text.split(",") if each.strip())
    unknown = [each for each in kinds if each not in {*EventKind}]
    if unknown or not kinds:
        what = f"there is no kind {', '.join(unknown)}" if unknown else "there is none in it"
        raise OptionError(f"--webhook-kinds {text!r}: {what}; there are {', '.join(EventKind)}")
    return kinds


def check_webhooks(urls: list[str], secret: str | None) -> tuple[str, ...]:
    """Return the addresses; raise `OptionError` for one that cannot be, and for a secret that could be guessed."""
    if not urls:
        return ()  # most monitors: nothing more is imported
    from ..webhook.delivery import check_url

    if secret is not None and len(secret) < SHORTEST_SECRET:
        raise OptionError(f"--webhook-secret must have at least {SHORTEST_SECRET} characters")
    return tuple(map(check_url, urls))
