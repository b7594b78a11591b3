"""`gridws`, and `python -m gridws`: until a command begins there is nothing to end, so a signal gets no traceback."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run `gridws`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: os._exit(0))
    from .cli import main as run  # takes a third of a second

    run()


if __name__ == "__main__":
    main()
