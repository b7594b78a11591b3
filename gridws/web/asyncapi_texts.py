"""What a client's author must know and no schema can say, in the words of the AsyncAPI document."""

from __future__ import annotations

from typing import Final

from ..settings import LONGEST_DELAY, SUPERSEDED_DELAY, WINDOW, MonitorSettings
from ..wire.frames import SUBPROTOCOL, CloseCode

LIMITS: Final = MonitorSettings()

CLOSE_CODES: Final = {
    CloseCode.BINARY: "binary frames are not understood.",
    CloseCode.NOT_UTF8: "a frame was not valid UTF-8.",
    CloseCode.POLICY: (
        f"{LIMITS.max_invalid_frames} invalid frames within a minute, or too many frames a second for "
        f"{LIMITS.flood_patience:.0f} s. Mend the client."
    ),
    CloseCode.TOO_LARGE: "a frame was larger than 64 KiB.",
    CloseCode.RESTART: "the monitor stops; connect again soon.",
    CloseCode.SUPERSEDED: (
        "a newer link of the same turbine took over. Never connect again at once, or the two take the link from "
        f"each other for ever, but after {SUPERSEDED_DELAY:.0f} s."
    ),
    CloseCode.MOVED: "this monitor has more links than others of its pool; connect again, to another if you know one.",
    CloseCode.SILENT: "nothing was heard for the silence time-out; connect again.",
}

_INTRODUCTION: Final = (
    "Wind turbines report, and engineers are sent to the broken ones. JSON text frames, one object each; "
    "`type` tells which. Unknown fields are ignored, wrong types are refused. "
    f"The sub-protocol is `{SUBPROTOCOL}`; a client that offers none is served as well."
)
_STREAM: Final = (
    "A client that sends `metrics` alone is stored and served. One that must lose nothing says `hello`, then `status` "
    "at once, and waits for `welcome`: numbered readings that come before it are not stored. It numbers its readings "
    "1, 2, 3 …, keeps each until `ack`, sends in order what is newer than `last_sequence`, and has at most "
    f"{WINDOW} on the way without an `ack`. What it took before this `hello`, and what still waits when a `status` "
    "overtakes it, is `historical`: stored, never dispatched on. A change of status goes up at once, and something "
    "every third of the silence time-out."
)
_RATES: Final = (
    f"At most {LIMITS.frames_per_second:.0f} live frames a second, in bursts of {LIMITS.frames_burst:.0f}; beyond "
    "that reading pauses and one `rate_limited` goes down. Historical readings: "
    f"{LIMITS.historical_frames_per_second:,.0f} a second, beyond which reading pauses."
)
_CLOSING: Final = "The monitor closes with\n\n" + "\n".join(
    f"- {code.value}: {why}" for code, why in CLOSE_CODES.items()
)
_COMING_BACK: Final = (
    "Who lost the link tries again after a random delay below a bound that grows from 1 s to "
    f"{LONGEST_DELAY:.0f} s, and begins anew with `hello`; an engineer who was there has left."
)
_REFUSED: Final = (
    "Refused before the upgrade, with a sentence: HTTP 400 for another sub-protocol or what is no such request, 414 "
    "and 431 for an address or headers that are too large, 401 and 403 for the token or the "
    "origin, 404 for a turbine that cannot exist: somebody has to change something, so try again after half a "
    "minute. 429 after too many bad tokens or new links of one turbine, 503 when there is no room: come back as "
    "after a loss."
)

DESCRIPTION: Final = f"{_INTRODUCTION}\n\n{_STREAM}\n\n{_RATES}\n\n{_CLOSING}\n\n{_COMING_BACK}\n\n{_REFUSED}"
