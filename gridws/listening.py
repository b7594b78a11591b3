"""The sockets a server listens on: every address that a host name stands for, all on one port."""

from __future__ import annotations

import errno
import socket
from typing import Final

from .errors import OptionError, system_words

TRIES: Final = 20
"""How often a free port is drawn that must be free on every address."""
MISSING: Final = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
"""What a machine without that address says."""
BACKLOG: Final = 2048

Address = tuple[socket.AddressFamily, str]


def open_sockets(host: str, port: int) -> list[socket.socket]:
    """Return listening sockets of `host`, all on one port; port 0 takes a free one.

    `localhost` is 127.0.0.1 and, where there is one, ::1, whatever the machine's hosts file says. Raises
    `OptionError` with a sentence if one of them cannot be had.
    """
    addresses = _addresses_of(host)
    for _ in range(TRIES if port == 0 else 1):
        try:
            return _open_all(addresses, port, may_miss=host == "localhost")
        except OSError as error:
            failure = error
    raise OptionError(f"cannot listen on {host} port {port}: {system_words(failure)}")


def _addresses_of(host: str) -> list[Address]:
    if host == "localhost":
        return [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError as error:
        raise OptionError(f"cannot listen on {host}: this is no name of a host") from error
    except OSError as error:
        raise OptionError(f"cannot listen on {host}: {system_words(error)}") from error
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _open_all(addresses: list[Address], port: int, *, may_miss: bool) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for family, address in addresses:
            try:
                sockets.append(_open(family, address, port))
            except OSError as error:
                if not (may_miss and sockets and error.errno in MISSING):
                    raise
            port = port or sockets[0].getsockname()[1]
    except OSError:
        for each in sockets:
            each.close()
        raise
    return sockets


def _open(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited by what is accepted
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
