"""Counts failures for each address, so that guessing gets slow; a bounded table that forgets the oldest."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Final

ADDRESSES: Final = 10_000
"""Addresses remembered, some 2 MiB; whoever has more than these guesses no better for it."""


class Attempts:
    """So many failures of one address within so many seconds, and no more."""

    def __init__(self, failures: int, within: float, *, clock: Callable[[], float] = monotonic) -> None:
        self._failures = failures
        self._within = within
        self._clock = clock
        self._table: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def exhausted(self, address: str) -> bool:
        """Return whether this address has failed as often as it may."""
        return self._current(address_key(address))[0] >= self._failures

    def fail(self, address: str) -> None:
        """Count one failure; the time begins with the first."""
        key = address_key(address)
        count, since = self._current(key)
        self._table[key] = (min(count + 1, self._failures), since)
        self._table.move_to_end(key)
        if len(self._table) > ADDRESSES:
            self._table.popitem(last=False)

    def retry_after(self, address: str) -> int:
        """Return the seconds until this address may fail again, at least 1."""
        _, since = self._current(address_key(address))
        return max(1, round(since + self._within - self._clock()))

    def __len__(self) -> int:
        return len(self._table)

    def _current(self, key: str) -> tuple[int, float]:
        now = self._clock()
        count, since = self._table.get(key, (0, now))
        return (count, since) if now < since + self._within else (0, now)


def address_key(address: str) -> str:
    """Return the address, of IPv6 the /64: one machine has all the addresses in it."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is None:
        return str(IPv6Address(int(ip) >> 64 << 64))
    return str(ip)
