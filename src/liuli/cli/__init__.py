"""The command line: ``liuli train``, ``predict``, ``evaluate``, ``inspect``.

Exit codes, for scripts: 0 done, 1 failed (the loss became NaN, or a fault of the program), 2 bad usage or bad data,
3 a problem with a file, 130 interrupted.
"""

from __future__ import annotations

import signal

from liuli.cli.app import app


def main() -> None:
    """What the command ``liuli`` runs."""
    if hasattr(
        signal, "SIGPIPE"
    ):  # a reader that goes away, as in ``liuli inspect m | head``, ends the program quietly
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        app(prog_name="liuli")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


__all__ = ["app", "main"]
