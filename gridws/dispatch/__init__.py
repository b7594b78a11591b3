"""Who goes where: pure, events in, commands out.

The rules
* The pool is shared: one engineer repairs one turbine at a time. The turbine with the earliest place goes first;
  among free engineers the one idle longest goes.
* A turbine's place is when the monitor learned that it broke, or, after `timed_out`, that moment.
* broken and online and nobody assigned: it waits, until an engineer is free.
* `ok`: the repair is over, or the turbine healed while it waited; the next one is served in the same step.
* Link lost or silent: the engineer is free in the same step (`disconnected`, or `superseded` where a newer link of
  the same turbine took over). Its status is unknown until it reports; still broken, it has its old place, kept for
  `place_kept_for` offline.
* `repair_timeout`, the time with engineers added up since it broke: ends `timed_out`, the turbine goes to the back
  of the queue. One that never gets well must not keep an engineer for ever.
* A person may hold a turbine: nobody is sent there, an engineer who is there is withdrawn (`held`) and goes on in the
  same step, and its place is kept. The hold ends by time or by hand.
* A person may put a waiting turbine first, and have one that is offline forgotten, with its place and its hold.
* Engineers come and go while all runs: the free ones leave first, one who is at work finishes first.

The invariants, each checked by `check`, or by the tests where a state cannot show it
* I1: an engineer is on at most one turbine.
* I2: a turbine has at most one engineer.
* I3: an assigned turbine is online, broken, and assigned on its current session.
* I4: free and assigned engineers are the roster.
* I5: one live session per turbine.
* I6: never a free engineer while a broken online turbine that is not held waits.
* I7: first broken, first served; nobody starves.
* I8: an event of an ended session changes nothing.
* I9: storage trouble never stops dispatch.
* I10: every queue is bounded.

Whoever changes what is decided raises `RULES_VERSION`: monitors that share a pool decide each for itself, and so by
the same rules only. `dispatcher` is the machine, `states` has the legal moves, `roster` knows who goes, `line` where
next, `holds` where nobody goes, `invariants` what must never be otherwise, and `port` is the seam between all of it
and a monitor.
"""

from __future__ import annotations

from .dispatcher import RULES_VERSION, Dispatcher
from .events import (
    Assign,
    Assignment,
    ChosenNext,
    Command,
    Connected,
    Disconnected,
    DispatchEvent,
    Engineer,
    Forget,
    Forgotten,
    GoesFirst,
    Healed,
    Held,
    Hold,
    HoldBegins,
    HoldEnded,
    HoldEnds,
    MonitorLost,
    MonitorStarted,
    MonitorStopped,
    Named,
    Naming,
    Noted,
    Notice,
    Release,
    Remark,
    RosterChanged,
    Staffed,
    StatusReported,
    TimePassed,
    ToldToForget,
    Waits,
)
from .invariants import check
from .port import (
    CarryOut,
    DispatchPort,
    Elsewhere,
    KeepStatuses,
    LinkNews,
    LocalDispatch,
    MonitorNews,
    MonitorSeen,
    Number,
    Pool,
    PortCommand,
    SeenElsewhere,
    Settle,
    Superseded,
    Told,
    Withdraw,
)

__all__ = [
    "RULES_VERSION",
    "Assign",
    "Assignment",
    "CarryOut",
    "ChosenNext",
    "Command",
    "Connected",
    "Disconnected",
    "DispatchEvent",
    "DispatchPort",
    "Dispatcher",
    "Elsewhere",
    "Engineer",
    "Forget",
    "Forgotten",
    "GoesFirst",
    "Healed",
    "Held",
    "Hold",
    "HoldBegins",
    "HoldEnded",
    "HoldEnds",
    "KeepStatuses",
    "LinkNews",
    "LocalDispatch",
    "MonitorLost",
    "MonitorNews",
    "MonitorSeen",
    "MonitorStarted",
    "MonitorStopped",
    "Named",
    "Naming",
    "Noted",
    "Notice",
    "Number",
    "Pool",
    "PortCommand",
    "Release",
    "Remark",
    "RosterChanged",
    "SeenElsewhere",
    "Settle",
    "Staffed",
    "StatusReported",
    "Superseded",
    "TimePassed",
    "Told",
    "ToldToForget",
    "Waits",
    "Withdraw",
    "check",
]
