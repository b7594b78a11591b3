"""Every exception that gridws raises.

GridError
├── FrameError            a frame that breaks the protocol
├── OptionError           a mistake in an option or in how options go together
├── MonitorUnreachable    a client could not reach the monitor, or was refused by it
│   └── MonitorRefused    it answered, and will answer the same until somebody changes something
└── StoreError
    ├── StoreUnusable     the database cannot be opened at all, and is left untouched
    └── StoreFailed       a transaction failed: full, locked, read-only or broken disk
"""

from __future__ import annotations


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


class MonitorUnreachable(GridError):
    """The monitor at `url` does not answer, or refuses this client; `reason` says which."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot use the monitor at {self.url}: {self.reason}"


class MonitorRefused(MonitorUnreachable):
    """The monitor answered the handshake with an HTTP status that trying again soon does not change."""


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
