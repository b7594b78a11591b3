"""Whose pages may ask: the one meaning of `Host`, `Origin` and `--allow-origin`, for monitor and dashboard alike.

A page of another site could ask in its visitor's browser, and a name that is made to mean 127.0.0.1 (DNS
rebinding) would make that site our own.

1. On the loopback `Host` must be a name of this machine, or that of an allowed origin: a proxy passes it on.
2. An `Origin` must be our own, or allowed. A program that is no web page has none.
3. Pages of an allowed origin may do whatever our own pages may: open WebSockets, use the cookie, change
   something, read the answers (CORS), show ours in a frame.
4. A proxy that ends TLS makes our own origin one with `https`: it has to be allowed, and is then our own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ..errors import OptionError
from ..printable import printable
from .request import Asking, Refusal

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
NO_ORIGIN: Final = "null"
"""What a browser calls the origin of a page that has none, and what any page can have itself called."""
_APP: Final = re.compile(r"(?!(?:https?|wss?|ftp):)[a-z][a-z0-9+.-]*://[a-z0-9.:_-]*", re.ASCII)
"""The origin of a page that comes from no web server, as file:// or capacitor://localhost."""


def is_loopback(host: str) -> bool:
    """Return whether a host name or address means this machine only."""
    name = host.partition("%")[0].lower()
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")  # RFC 6761 section 6.3


def origin_of(text: str) -> str | None:
    """Return an origin as browsers write it: lower case, no default port; None for what is none."""
    lower = text.lower()
    if lower == NO_ORIGIN or _APP.fullmatch(lower):
        return lower
    parts = _split_url(text)
    if parts is None or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = parts.port
    return f"{parts.scheme}://{host}" + (
        f":{port}" if port not in {None, DEFAULT_PORTS[parts.scheme]} else ""
    )


def host_in(origin: str) -> str | None:
    """Return the host name in an origin of the web, None for what is none."""
    parts = _split_url(origin)
    return parts.hostname if parts else None


def check_origins(allowed: Iterable[str]) -> None:
    """Raise `OptionError` for an `--allow-origin` that can be no origin."""
    for origin in allowed:
        if origin_of(origin) is None:
            raise OptionError(
                f"--allow-origin {origin!r} is no origin: write https://HOST or https://HOST:PORT, no path; "
                "file:// and null are origins too"
            )


class Origins:
    """Decides for what listens on `hosts`: `what` is what it calls itself, `scheme` what it speaks."""

    def __init__(
        self, hosts: Collection[str], allowed: Iterable[str], *, what: str, scheme: str = "http"
    ) -> None:
        self.allowed = frozenset(filter(None, map(origin_of, allowed)))
        self._what = what
        self._scheme = scheme
        self._on_loopback = all(map(is_loopback, hosts))
        self._hosts = {*(host.lower() for host in hosts), *map(host_in, self.allowed)}

    def refuse(self, asking: Asking) -> Refusal | None:
        """Return why nothing is answered to who asks from there, None if it is."""
        own = self._own(asking)
        host = host_in(own) if own else None
        if self._on_loopback and (host is None or not (is_loopback(host) or host in self._hosts)):
            return Refusal(
                HTTPStatus.FORBIDDEN,
                f"This {self._what} listens for this machine only: ask for it as localhost, 127.0.0.1 or [::1].",
            )
        if not asking.values("origin"):
            return None
        origin = origin_of(asking.value("origin") or "")
        if origin is not None and origin in {own, *self.allowed}:
            return None
        return self._foreign(", ".join(asking.values("origin")))

    def guest(self, asking: Asking) -> str | None:
        """Return the origin of a page that is not ours and allowed, exactly as its browser writes it."""
        text = asking.value("origin") or ""
        origin = origin_of(text)
        return text if origin in self.allowed and origin != self._own(asking) else None

    def over_tls(self, asking: Asking) -> bool:
        """Return whether the browser of who asks speaks TLS, if only with a proxy."""
        return any(
            origin.startswith("https:")
            for origin in (origin_of(asking.value("origin") or ""), self._own(asking))
            if origin is not None
        )

    def _own(self, asking: Asking) -> str | None:
        host = asking.value("host")
        behind_proxy = origin_of(f"https://{host}")
        return behind_proxy if behind_proxy in self.allowed else origin_of(f"{self._scheme}://{host}")

    def _foreign(self, origin: str) -> Refusal:
        shown = printable(origin, longest=100)
        return Refusal(
            HTTPStatus.FORBIDDEN,
            f"Pages of {shown or 'no origin'} may not ask this {self._what}: start it with --allow-origin and that "
            "origin, or leave the header Origin out where no web page asks.",
        )


def _split_url(text: str) -> SplitResult | None:
    """Return the parts of an `http` or `https` URL, None for what is none."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # reading it checks it
    except ValueError:
        return None
    return parts if parts.scheme in DEFAULT_PORTS and parts.hostname else None
