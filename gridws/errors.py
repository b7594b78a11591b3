"""Every exception that gridws raises.

GridError
├── FrameError            a frame that breaks the protocol
├── OptionError           a mistake in an option or in how options go together
├── OutputFailed          a file or a stream could not be written
├── MonitorUnreachable    a client could not reach the monitor, or was refused by it
│   └── MonitorRefused    it answered, and will answer the same until somebody changes something
├── OrderRefused          a monitor does not do what was asked
├── NotKept               what a person asked for is in force, and not on the disk
│   └── NotDecided        it is not in force yet either: the engineers' pool cannot be reached
└── StoreError
    ├── StoreUnusable     the database cannot be opened at all, and is left untouched
    └── StoreFailed       a transaction failed: full, locked, read-only or broken disk
"""

from __future__ import annotations

from .printable import printable


def system_words(error: OSError) -> str:
    """Return why a system call failed, in the system's words and our spelling."""
    return (error.strerror or str(error)).lower()


class GridError(Exception):
    """The root: whoever catches this catches everything that gridws itself raises."""


class FrameError(GridError):
    """A frame that breaks the protocol; `code` goes to the peer beside the sentence `detail`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class OptionError(GridError):
    """An option, or a combination of options, that cannot work; the sentence says what to do instead."""


class OutputFailed(GridError):
    """`output` could not be written; `reason` says why, without a full stop."""

    def __init__(self, output: str, reason: str) -> None:
        super().__init__(output, reason)
        self.output = output
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot write {self.output}: {self.reason}"


class MonitorUnreachable(GridError):
    """The monitor at `url` does not answer, or refuses this client; `reason` says which.

    What was heard of the monitor may be in the reason, which is made fit to be shown.
    """

    def __init__(self, url: str, reason: str) -> None:
        reason = printable(reason, longest=1_000)
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot use the monitor at {self.url}: {self.reason}"


class MonitorRefused(MonitorUnreachable):
    """The monitor answered the handshake with an HTTP status that trying again soon does not change."""


class OrderRefused(GridError):
    """The monitor does not do what was asked; the sentence is its own, without a full stop."""


class NotKept(GridError):
    """What a person asked for is in force and not on the disk yet; `reason` is the cause, without a full stop."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"it is in force, but not stored: {self.reason}; that is tried on and on, and a monitor that ends before "
            "has forgotten it"
        )


class NotDecided(NotKept):
    """What a person asked for waits until the pool of engineers, which several monitors share, can be reached."""

    def __str__(self) -> str:
        return (
            f"it is not in force yet: {self.reason}; that is tried on and on, and a monitor that ends before has "
            "forgotten it"
        )


class StoreError(GridError):
    """Something is wrong with the database at `path`; `reason` is the cause, without a full stop."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason


class StoreUnusable(StoreError):
    """The database cannot be opened; the file was not changed."""

    def __str__(self) -> str:
        return f"cannot use the database {self.path}: {self.reason}"


class StoreFailed(StoreError):
    """A transaction failed; nothing of it may be acknowledged."""

    def __str__(self) -> str:
        return f"cannot write to the database {self.path}: {self.reason}"
