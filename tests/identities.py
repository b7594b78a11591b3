"""Who asks, in tests: one of each kind, and each kind of token that is good for nothing."""

from __future__ import annotations

import time
from typing import Final

import jwt

from gridws.access.tokens import AUDIENCE, ISSUER, Role, make_token

SECRET: Final = "the secret of the tests, long enough to be one"
OTHER_SECRET: Final = "the secret of somebody else, and just as long"
HOUR: Final = 3600.0

TURBINE_7: Final = make_token(SECRET, Role.turbine, turbine_number=7, expires=HOUR)
TURBINE_8: Final = make_token(SECRET, Role.turbine, turbine_number=8, expires=HOUR)
VIEWER: Final = make_token(SECRET, Role.viewer, expires=HOUR)
OPERATOR: Final = make_token(SECRET, Role.operator, expires=HOUR)
FORGED: Final = make_token(OTHER_SECRET, Role.operator, expires=HOUR)
EXPIRED: Final = make_token(SECRET, Role.operator, expires=-HOUR)
UNSIGNED: Final = jwt.encode(
    {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": int(time.time()),
        "exp": int(time.time()) + 60,
        "role": "operator",
    },
    "",
    algorithm="none",
)

ALL: Final = (TURBINE_7, TURBINE_8, VIEWER, OPERATOR, FORGED, EXPIRED, UNSIGNED)


def bearer(token: str | None) -> dict[str, str]:
    """Return the header of a program that has this token."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def cookie(token: str) -> dict[str, str]:
    """Return the header of a browser that logged in with this token."""
    return {"Cookie": f"theme=dark; gridws_token={token}"}
