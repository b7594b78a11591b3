"""Who may what: the one place that decides, for every route, HTTP or WebSocket, whichever adapter serves it.

| asks for | turbine | viewer | operator | nobody |
| --- | --- | --- | --- | --- |
| `/healthz`, `/readyz`, `/login`, `/logout` | yes | yes | yes | yes |
| `/ws/turbines/{n}` | its own n | no | no | no |
| `/ws/watch`, `/ws/frames` | no | yes | yes | no |
| GET of anything else | no | yes | yes | no |
| whatever changes something | no | no | yes | no |

Without a secret everybody may everything. `Host` and `Origin` are checked in either case, and first.
A token that is valid is always let in, however often others at the same address failed: a farm shares one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from .asking import Asking, Refusal, host_in, origin_of
from .attempts import Attempts
from .exposure import is_loopback
from .settings import MonitorSettings
from .tokens import BadToken, Identity, Role, read_token

COOKIE: Final = "gridws_token"
OPEN: Final = {"/healthz", "/readyz", "/login", "/logout"}
VIEWER_SOCKETS: Final = {"/ws/watch", "/ws/frames"}
LOOPBACK_NAMES: Final = {"localhost", "127.0.0.1", "::1"}
BEARER: Final = ("WWW-Authenticate", 'Bearer realm="gridws"')

NOT_FROM_HERE: Final = Refusal(
    HTTPStatus.FORBIDDEN,
    "This monitor listens for this machine only: ask for it as localhost, 127.0.0.1 or [::1].",
)
FOREIGN_ORIGIN: Final = Refusal(
    HTTPStatus.FORBIDDEN,
    "Pages of another origin may not ask this monitor: start it with --allow-origin and that origin.",
)
NO_TOKEN: Final = Refusal(
    HTTPStatus.UNAUTHORIZED,
    "A token is needed: send it as `Authorization: Bearer TOKEN`; `gridws token` makes one, pages log in at /login.",
    (BEARER,),
)
NOT_ALLOWED: Final = Refusal(
    HTTPStatus.FORBIDDEN, "This token is not good for that: it was made for another use."
)

log = logging.getLogger("gridws.guard")


class Guard:
    """Decides for one monitor."""

    def __init__(self, settings: MonitorSettings) -> None:
        self._secret = settings.secret
        self._scheme = "https" if settings.ssl_certfile else "http"
        self._allowed = frozenset(origin_of(each) for each in settings.allow_origins) - {None}
        self._hosts: frozenset[str | None] | None = None
        if is_loopback(settings.host):
            self._hosts = frozenset(
                {*LOOPBACK_NAMES, settings.host.lower(), *map(host_in, settings.allow_origins)}
            )
        self._bad_tokens = Attempts(settings.failed_logins, settings.failed_logins_within)
        self._bad_logins = Attempts(settings.failed_logins, settings.failed_logins_within)

    @property
    def asks_for_tokens(self) -> bool:
        """Whether there is a secret; without one nobody needs a token."""
        return self._secret is not None

    @property
    def behind_tls(self) -> bool:
        """Whether this monitor itself speaks TLS."""
        return self._scheme == "https"

    def refuse_request(self, asking: Asking) -> Refusal | None:
        """Return why an HTTP request is not answered, None if it is."""
        refusal = self._refuse_place(asking)
        if refusal is not None or self._secret is None or asking.path in OPEN:
            return refusal
        role = Role.operator if asking.changes_something else Role.viewer
        return self._refuse_bearer(asking, lambda identity: identity.role in {role, Role.operator})

    def refuse_link(self, asking: Asking, turbine_number: int | None) -> Refusal | None:
        """Return why a turbine's link is not accepted, None if it is."""
        return self._refuse_place(asking) or self._refuse_bearer(
            asking, lambda who: who.role is Role.turbine and who.turbine_number == turbine_number
        )

    def refuse_viewer(self, asking: Asking) -> Refusal | None:
        """Return why a viewer's WebSocket is not accepted, None if it is."""
        return self._refuse_place(asking) or self._refuse_bearer(
            asking, lambda who: who.role is not Role.turbine
        )

    def log_in(self, asking: Asking, token: str) -> Identity | Refusal:
        """Return who logs in with this token at the login page, or why nobody does."""
        if self._bad_logins.exhausted(asking.address):
            return _too_many(self._bad_logins, asking.address)
        try:
            identity = read_token(self._secret or "", token)
        except BadToken as error:
            return self._refuse_token(asking, error, self._bad_logins)
        if identity.role is Role.turbine:
            return Refusal(
                HTTPStatus.FORBIDDEN, "this is a turbine's token: pages need a viewer's or operator's"
            )
        return identity

    # Where it came from.

    def _refuse_place(self, asking: Asking) -> Refusal | None:
        host = asking.value("host")
        own = origin_of(f"{self._scheme}://{host}")
        if self._hosts is not None and (own is None or host_in(own) not in self._hosts):
            return NOT_FROM_HERE
        if not asking.values("origin"):
            return None
        origin = origin_of(asking.value("origin") or "")
        return None if origin is not None and origin in {own, *self._allowed} else FOREIGN_ORIGIN

    # Who it is.

    def _refuse_bearer(self, asking: Asking, may: Callable[[Identity], bool]) -> Refusal | None:
        if self._secret is None:
            return None
        token = self._token_of(asking)
        if token is None:
            return NO_TOKEN
        try:
            identity = read_token(self._secret, token)
        except BadToken as error:
            return self._refuse_token(asking, error, self._bad_tokens)
        return None if may(identity) else NOT_ALLOWED

    def _token_of(self, asking: Asking) -> str | None:
        """Return the token in the header, else the cookie's where no foreign page can have sent it."""
        if asking.values("authorization"):
            scheme, _, token = (asking.value("authorization") or "").partition(" ")
            return token.strip() if scheme.lower() == "bearer" else ""
        if asking.changes_something and not self._is_same_origin(asking):
            return None
        if asking.values("upgrade") and not asking.values("origin"):
            return None
        return asking.cookie(COOKIE)

    def _is_same_origin(self, asking: Asking) -> bool:
        origin = origin_of(asking.value("origin") or "")
        return origin is not None and origin == origin_of(f"{self._scheme}://{asking.value('host')}")

    def _refuse_token(self, asking: Asking, error: BadToken, attempts: Attempts) -> Refusal:
        if attempts.exhausted(asking.address):
            return _too_many(attempts, asking.address)
        attempts.fail(asking.address)
        log.warning("refused %s: %s", asking.address or "somebody", error)
        return Refusal(HTTPStatus.UNAUTHORIZED, _sentence(str(error)), (BEARER,))


def _too_many(attempts: Attempts, address: str) -> Refusal:
    return Refusal(
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many tokens from this address were not valid: wait a little.",
        (("Retry-After", str(attempts.retry_after(address))),),
    )


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
