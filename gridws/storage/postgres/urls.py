"""URLs of PostgreSQL: what names a database and is no file, and what of it may be shown.

A password stands behind the user's name or among the parameters; neither is in any sentence. A character in it that
ends the names of hosts has to be written with %, or what follows it would be taken for a host or a database, and shown.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from ...errors import OptionError

SCHEMES: Final = ("postgresql://", "postgres://")
_HOST: Final = r"(?:[\w.-]+|\[[\w:.%]+\])?(?::\d{1,5})?"
_URL: Final = re.compile(
    r"(?P<scheme>postgres(?:ql)?)://"
    r"(?:(?P<user>[^:/?#@]*)(?::(?P<password>[^/?#]*))?@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?P<path>/[^?#@]*)?"
    r"(?:\?(?P<parameters>\w+=[^&#@]*(?:&\w+=[^&#@]*)*)?)?"
)
_PASSWORD: Final = re.compile(r"(?:^|&)password=([^&]*)")


def is_url(database: str) -> bool:
    """Return whether a database is named by a URL of PostgreSQL, and is no file."""
    return database.startswith(SCHEMES)


def check_url(url: str) -> None:
    """Raise `OptionError` unless it is plain what each part of a URL is."""
    if not _URL.fullmatch(url):
        raise OptionError(
            f"{without_password(url)} is no URL of a database: write postgresql://USER:PASSWORD@HOST:PORT/NAME, and in"
            " the password %2F, %3F, %23, %40 and %25 for / ? # @ and %"
        )


def without_password(url: str) -> str:
    """Return the URL as it may be shown: without what follows the user's name, and without its parameters."""
    found = _URL.fullmatch(url)
    if found is None:
        return f"{url.partition('://')[0]}://…"
    user = f"{found['user']}@" if found["user"] else ""
    return f"{found['scheme']}://{user}{found['hosts']}{found['path'] or ''}"


def without_passwords(sentence: str, url: str) -> str:
    """Return the sentence without what is a password in the URL, as it is written there and as it is meant."""
    found = _URL.fullmatch(url)
    written = {found["password"], *_PASSWORD.findall(found["parameters"] or "")} if found else set()
    both = {each for word in written if word for each in (word, unquote(word))}
    for word in sorted(both, key=len, reverse=True):
        sentence = sentence.replace(word, "…")
    return sentence
