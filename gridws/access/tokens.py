"""Bearer tokens: who somebody is, signed with the secret that only the monitor and its operator know.

A token is a JWT (RFC 7519) signed with HS256 and nothing else; it ends by itself, names its issuer and its
audience, and says one role. What is wrong with a token is told in words that hold nothing of it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import GridError, OptionError
from ..printable import printable
from ..settings import MAX_MEASURED_AT, MAX_TURBINE_NUMBER

ALGORITHM: Final = "HS256"
ISSUER: Final = "gridws"
AUDIENCE: Final = "gridws-monitor"
SHORTEST_SECRET: Final = 32
"""Bytes; RFC 7518 section 3.2 asks for a key as long as the hash."""
LONGEST_NAME: Final = 100
"""Characters of a bearer's name: it is told with all that they do."""
LONGEST_TOKEN: Final = 4096
"""Characters; ours have some 250, and a cookie cannot hold more."""
CLOCKS_APART: Final = 30.0
"""Seconds by which the clock of whoever made a token may be ahead or behind."""


class Role(StrEnum):
    """What its bearer may do: see `guard.py`."""

    turbine = "turbine"
    viewer = "viewer"
    operator = "operator"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, until `expires_at` (seconds since 1970); `turbine_number` belongs to a turbine only.

    `name` is what whoever made the token called its bearer, None where they did not.
    """

    role: Role
    turbine_number: int | None
    expires_at: int
    name: str | None = None


class BadToken(GridError):
    """A token that is good for nothing; the sentence holds nothing of it."""


class _Claims(BaseModel):
    """What a token must say besides issuer and audience."""

    model_config = ConfigDict(strict=True, extra="ignore")

    role: Literal["turbine", "viewer", "operator"]
    turbine_number: Annotated[int, Field(ge=1, le=MAX_TURBINE_NUMBER)] | None = None
    exp: Annotated[int, Field(ge=0, le=MAX_MEASURED_AT // 1000)]
    sub: str | None = None


def check_secret(secret: str) -> None:
    """Raise `OptionError` for a secret that could be guessed."""
    if len(secret.encode()) < SHORTEST_SECRET:
        raise OptionError(
            f"the secret (GRIDWS_SECRET or --secret-file) must have at least {SHORTEST_SECRET} bytes: "
            "`openssl rand -hex 32` makes a good one"
        )


def make_token(
    secret: str, role: Role, *, turbine_number: int | None = None, name: str | None = None, expires: float
) -> str:
    """Return a token that is good for `expires` seconds; a turbine's needs its number, others may have a name.

    Raises `OptionError` for a secret that is too short and for a role and a number that don't go together.
    """
    check_secret(secret)
    if (role is Role.turbine) != (turbine_number is not None):
        raise OptionError("a turbine's token needs the turbine's number, and no other token has one")
    now = time.time()
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": int(now),
        "exp": int(now + expires),
        "role": role.value,
    }
    if turbine_number is not None:
        claims["turbine_number"] = turbine_number
    if name is not None:
        claims["sub"] = name
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


def read_token(secret: str, text: str) -> Identity:
    """Return whose token this is; raise `BadToken`. The signature is compared in constant time."""
    if len(text) > LONGEST_TOKEN:
        raise BadToken("the token is too long to be one")
    try:
        payload = jwt.decode(
            text,
            secret,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=CLOCKS_APART,
            options={"require": ["exp", "iat", "iss", "aud"], "strict_aud": True},
        )
        claims = _Claims.model_validate(payload)
    except jwt.ExpiredSignatureError:
        raise BadToken("the token has expired: ask for a new one") from None
    except (jwt.PyJWTError, ValidationError, ValueError, RecursionError):
        # Which of the checks failed would help only whoever forges tokens.
        raise BadToken("the token is not valid here") from None
    if (claims.role == Role.turbine) != (claims.turbine_number is not None):
        raise BadToken("the token is not valid here")
    name = printable(claims.sub, longest=LONGEST_NAME) if claims.sub else None
    return Identity(Role(claims.role), claims.turbine_number, claims.exp, name)
