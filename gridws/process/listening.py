"""The sockets a server listens on: every address that a host name stands for, all on one port."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

from ..errors import OptionError, system_words

TRIES: Final = 20
"""How often a free port is drawn that must be free on every address."""
MISSING: Final = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
"""What a machine without that address says."""
EVERYWHERE: Final = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}  # noqa: S104 - where it is asked for
BACKLOG: Final = 2048

RECEIVE_BUFFER: Final = 8 * 1024
"""Bytes that a peer may have on the way unread, some 50 readings: what is not read from is kept by the peer, and
what is on the way must still be stored when an overload is over."""


@dataclass(frozen=True, slots=True)
class Place:
    """One address of a host; a machine may do without an `optional` one."""

    host: str
    family: socket.AddressFamily
    address: str
    optional: bool = False


def open_sockets(hosts: tuple[str, ...], port: int) -> list[socket.socket]:
    """Return listening sockets of all `hosts` on one port; port 0 takes a free one.

    `localhost` is 127.0.0.1 and, where there is one, ::1, whatever the machine's hosts file says; `::` is every
    address of both families. Raises `OptionError` with a sentence if one of them cannot be had.
    """
    places = _without_repeats([place for host in hosts for place in _places_of(host)])
    for _ in range(TRIES - 1 if port == 0 else 0):
        with suppress(_Taken):
            return _open_all(places, port)
    return _open_all(places, port)


class _Taken(OptionError):
    """An address cannot be listened on, at least not with this port."""


def _places_of(host: str) -> list[Place]:
    if host == "localhost":
        return [
            Place(host, socket.AF_INET, "127.0.0.1"),
            Place(host, socket.AF_INET6, "::1", optional=True),
        ]
    if host == "::":
        return [Place(host, family, address) for family, address in EVERYWHERE.items()]
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError as error:
        raise OptionError(f"cannot listen on {host}: this is no name of a host") from error
    except OSError as error:
        raise OptionError(f"cannot listen on {host}: {system_words(error)}") from error
    return [Place(host, family, str(address[0])) for family, _, _, _, address in found]


def _without_repeats(places: list[Place]) -> list[Place]:
    """Leave out what is listened on already, by the same address or by that of everywhere."""
    by_address = {place.address: place for place in reversed(places)}
    everywhere = {place.family for place in places if place.address == EVERYWHERE.get(place.family)}
    return [
        place
        for place in places
        if by_address[place.address] is place
        and (place.family not in everywhere or place.address == EVERYWHERE[place.family])
    ]


def _open_all(places: list[Place], port: int) -> list[socket.socket]:
    with ExitStack() as opened:
        sockets: list[socket.socket] = []
        for place in places:
            listener = _open_or_miss(place, port)
            if listener is not None:
                sockets.append(opened.enter_context(listener))
                port = listener.getsockname()[1]
        opened.pop_all()
        return sockets


def _open_or_miss(place: Place, port: int) -> socket.socket | None:
    try:
        return _open(place.family, place.address, port)
    except OSError as error:
        if place.optional and error.errno in MISSING:
            return None
        raise _Taken(f"cannot listen on {place.host} port {port}: {system_words(error)}") from error


def _open(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited by what is accepted, as is
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
