"""Connections to the database, and the one seam at which what goes wrong with them becomes ours.

A connection on which anything went wrong but a refused statement is thrown away: what it still does is not known.
The URL's password is in no sentence.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
from asyncpg import Connection

from ...errors import StoreFailed, StoreUnusable
from .urls import check_url, without_password, without_passwords

CONNECT_WITHIN: Final = 5.0
"""Seconds until a database that does not answer counts as failing."""

_SESSION: Final = {
    "idle_in_transaction_session_timeout": "2000",  # a frozen process must not hold its rows for long
    "jit": "off",  # compiling costs more than our short statements
    "timezone": "UTC",
}

_MISTAKES: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ClientConfigurationError,
    ValueError,
)
"""What trying again does not change."""

_TROUBLE: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)

TRY_AGAIN: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""A transaction that failed so has left nothing behind, and may work at once."""


def session_of(writer_id: int) -> str:
    """Return the name of the session in which this writer writes, for whoever has to end it."""
    return f"gridws {writer_id}"


async def connect(url: str, *, name: str = "gridws") -> Connection:
    """Connect; `name` is what the database's owner sees. Raise `OptionError`, `StoreUnusable` or `StoreFailed`."""
    check_url(url)
    shown = without_password(url)
    try:
        async with asyncio.timeout(CONNECT_WITHIN):
            return await asyncpg.connect(url, server_settings={**_SESSION, "application_name": name})
    except _MISTAKES as error:
        raise StoreUnusable(shown, _reason(error, url)) from None
    except _TROUBLE as error:
        raise StoreFailed(shown, _reason(error, url)) from None


@contextmanager
def failures(url: str) -> Iterator[None]:
    """Turn what the database or the way to it does wrong into `StoreFailed`."""
    try:
        yield
    except _TROUBLE as error:
        raise StoreFailed(without_password(url), _reason(error, url)) from error


def _reason(error: Exception, url: str) -> str:
    match error:
        case TimeoutError():
            return "the database does not answer"
        case ssl.SSLCertVerificationError():
            return f"its certificate cannot be trusted: {error.verify_message}"
        case OSError() if words := _of_system(error):
            return words
    lines = str(error).splitlines() or [type(error).__name__]
    return without_passwords(lines[0], url)


def _of_system(error: OSError) -> str | None:
    """Return what the system says, in a few words, None where it is not the system that speaks."""
    if isinstance(error, socket.gaierror):
        return "nobody knows a host of this name"
    if isinstance(error, FileNotFoundError):
        return "there is no certificate, or no socket, where its URL says"
    # Where all addresses of a name refuse, it is one error with all texts in it.
    refused = f"[Errno {errno.ECONNREFUSED}]" in str(error)
    number = errno.ECONNREFUSED if refused else error.errno
    return None if number is None or isinstance(error, ssl.SSLError) else os.strerror(number).lower()
