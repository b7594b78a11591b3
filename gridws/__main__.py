"""`python -m gridws` is `gridws`."""

from __future__ import annotations

from .cli import main

main()
