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

from ..settings import MonitorSettings
from .attempts import Attempts
from .origin import Origins
from .request import Asking, Refusal
from .tokens import BadToken, Identity, Role, read_token
from .viewer_places import ViewerPlaces

COOKIE: Final = "gridws_token"
OPEN: Final = {"/healthz", "/readyz", "/login", "/logout"}
BEARER: Final = ("WWW-Authenticate", 'Bearer realm="gridws"')

NO_TOKEN: Final = Refusal(
    HTTPStatus.UNAUTHORIZED,
    "A token is needed: send it as `Authorization: Bearer TOKEN`; `gridws token` makes one, pages log in at /login.",
    (BEARER,),
)
NOT_ALLOWED: Final = Refusal(
    HTTPStatus.FORBIDDEN, "This token is not good for that: it was made for another use."
)

NOBODY: Final = "somebody without a token"
NAMELESS: Final = "somebody whose token has no name"

log = logging.getLogger("gridws.guard")


class Guard:
    """Decides for one monitor."""

    def __init__(self, settings: MonitorSettings) -> None:
        self._secret = settings.secret
        scheme = "https" if settings.ssl_certfile else "http"
        self.origins = Origins(settings.hosts, settings.allow_origins, what="monitor", scheme=scheme)
        self.viewer_places = ViewerPlaces(settings.max_viewers)
        self._bad_tokens = Attempts(settings.failed_logins, settings.failed_logins_within)
        self._bad_logins = Attempts(settings.failed_logins, settings.failed_logins_within)

    def renew_secret(self, secret: str) -> None:
        """Let tokens be signed with this secret from now on, and with the one before no more."""
        self._secret = secret

    @property
    def asks_for_tokens(self) -> bool:
        """Whether there is a secret; without one nobody needs a token."""
        return self._secret is not None

    def refuse_request(self, asking: Asking) -> Refusal | None:
        """Return why an HTTP request is not answered, None if it is."""
        refusal = self.origins.refuse(asking)
        if refusal is not None or self._secret is None or asking.path in OPEN:
            return refusal
        role = Role.operator if asking.changes_something else Role.viewer
        return self._refuse_bearer(asking, lambda identity: identity.role in {role, Role.operator})

    def refuse_link(self, asking: Asking, turbine_number: int | None) -> Refusal | None:
        """Return why a turbine's link is not accepted, None if it is."""
        return self.origins.refuse(asking) or self._refuse_bearer(
            asking, lambda who: who.role is Role.turbine and who.turbine_number == turbine_number
        )

    def refuse_viewer(self, asking: Asking) -> Refusal | None:
        """Return why a viewer's WebSocket is not accepted, None if it is."""
        return self.origins.refuse(asking) or self._refuse_bearer(
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

    def asked_by(self, asking: Asking) -> str:
        """Return whose request this is, in words; it was let in before."""
        token = None if self._secret is None else self._token_of(asking)
        if self._secret is None or token is None:
            return NOBODY
        return read_token(self._secret, token).name or NAMELESS

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
        """Return the token in the header, else the cookie's where no foreign page can have sent it.

        Browsers name the page that changes something or opens a WebSocket, and foreign ones are refused already.
        """
        if asking.values("authorization"):
            scheme, _, token = (asking.value("authorization") or "").partition(" ")
            return token.strip() if scheme.lower() == "bearer" else ""
        if (asking.changes_something or asking.values("upgrade")) and not asking.values("origin"):
            return None
        return asking.cookie(COOKIE)

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
