"""Makes text of strangers fit to be shown: in logs, on terminals, on pages and in sentences about it."""

from __future__ import annotations


def printable(text: str, *, longest: int | None = None) -> str:
    """Return text in one line that no terminal obeys: what is not to be seen is written as an escape.

    That is control characters (also ESC, CR and LF, with which a line could be forged), those that change the
    direction of writing, and lone surrogates. Of more than `longest` characters the rest is cut off, and
    `…` says so.
    """
    if longest is not None and len(text) > longest:
        text = f"{text[:longest]}…"
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
