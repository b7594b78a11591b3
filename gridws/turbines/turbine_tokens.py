"""Where the turbines of one process have their tokens from: one token, a file of them, or the secret itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from ..access.tokens import Role, check_secret, make_token
from ..errors import OptionError, system_words
from ..settings import MAX_TURBINE_NUMBER, TurbineSettings

TokenOf = Callable[[int], str | None]

MADE_FOR: Final = 3600.0
"""Seconds: one is made for each dial, and needed only until the handshake is over."""


class RenewableTokens:
    """A source of tokens that can be made anew while turbines ask it; raises what `make` raises."""

    def __init__(self, make: Callable[[], TokenOf]) -> None:
        self._make = make
        self._token_of = make()

    def __call__(self, number: int) -> str | None:
        """Return the token of a turbine, None where there are none."""
        return self._token_of(number)

    def renew(self) -> None:
        """Take up a new source; where there is none, the old one stays and what is wrong is raised."""
        self._token_of = self._make()


def token_source(settings: TurbineSettings) -> TokenOf:
    """Return how to find a turbine's token; raise `OptionError` for what cannot be one."""
    if settings.token is not None and settings.token_file is not None:
        raise OptionError("give either --token or --token-file")
    if settings.token is not None:
        return _one_token(settings.token, settings.count)
    if settings.token_file is not None:
        return _tokens_in(settings.token_file, settings)
    secret = settings.secret
    if secret is None:
        return lambda _number: None
    check_secret(secret)
    return lambda number: make_token(secret, Role.turbine, turbine_number=number, expires=MADE_FOR)


def checked_token(text: str, source: str) -> str:
    """Return a token that may stand in a header; raise `OptionError` that shows nothing of it."""
    if not (text.isascii() and text.isprintable() and text) or " " in text:
        raise OptionError(f"{source} holds characters that no token has")
    return text


def _one_token(token: str, count: int) -> TokenOf:
    if count != 1:
        raise OptionError(
            f"--token is good for one turbine and --count is {count}: run one with --count 1 --first-number N, "
            "or give a --token-file"
        )
    token = checked_token(token, "--token")
    return lambda _number: token


def _tokens_in(path: Path, settings: TurbineSettings) -> TokenOf:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"cannot read --token-file {path}: {_cause(error)}") from error
    tokens = dict(_line(path, at, line) for at, line in enumerate(lines, 1) if line.strip())
    numbers = range(settings.first_number, settings.first_number + settings.count)
    missing = next((number for number in numbers if number not in tokens), None)
    if missing is not None:
        raise OptionError(f"--token-file {path} has no token for turbine {missing}")
    return tokens.get


def _line(path: Path, at: int, line: str) -> tuple[int, str]:
    number, _, token = line.strip().partition(" ")
    if not (number.isascii() and number.isdecimal() and 1 <= int(number[:10]) <= MAX_TURBINE_NUMBER):
        raise OptionError(f"--token-file {path}, line {at}: write a turbine's number, a space and its token")
    return int(number), checked_token(token.strip(), f"--token-file {path}, line {at},")


def _cause(error: OSError | UnicodeDecodeError) -> str:
    return system_words(error) if isinstance(error, OSError) else "it is no text"
