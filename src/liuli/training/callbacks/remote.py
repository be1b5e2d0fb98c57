"""The logs of every epoch, sent to an address."""

from __future__ import annotations

import json
import math
import urllib.parse
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from liuli.core.errors import SpecError
from liuli.training.callbacks.base import Callback, Logs

if TYPE_CHECKING:
    from liuli.training.run import Run

_SECONDS = 2.0  # that an answer may take


class RemoteMonitor(Callback):
    """POST the epoch and its logs as JSON. What cannot be reached is warned of once, and then left alone.

    root:          the address of the server: ``http://`` or ``https://``.
    path:          the path on it.
    field:         the form field that holds the JSON.
    headers:       more headers of the request.
    send_as_json:  whether the body is the JSON itself; else it is a form. What is not finite is null.

    Raises:
        SpecError: root is no address of HTTP.

    Example:
        >>> from liuli.callbacks import RemoteMonitor
        >>> RemoteMonitor("http://localhost:9000").url
        'http://localhost:9000/publish/epoch/end/'
    """

    every_epoch: ClassVar[bool] = False

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        if urllib.parse.urlsplit(root).scheme not in ("http", "https"):
            raise SpecError(
                "RemoteMonitor.root", got=repr(root), expected="http://... or https://...", fix="add http://"
            )
        self.url, self.field, self.headers, self.send_as_json = root + path, field, dict(headers or {}), send_as_json
        self.reachable = True

    def on_fit_begin(self, run: Run) -> None:
        self.reachable = True

    def on_epoch_end(self, run: Run, logs: Logs) -> None:
        if self.reachable:
            finite = {name: value if math.isfinite(value) else None for name, value in logs.items()}
            self._send(json.dumps({"epoch": run.epoch - 1, **finite}))

    def _send(self, text: str) -> None:
        from urllib.request import Request, urlopen

        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        body = text if self.send_as_json else urllib.parse.urlencode({self.field: text})
        request = Request(self.url, body.encode(), {"Content-Type": kind, **self.headers})
        try:
            with urlopen(request, timeout=_SECONDS):
                pass
        except OSError as error:
            self.reachable = False
            warnings.warn(f"RemoteMonitor: {self.url} cannot be reached ({error})", stacklevel=2)


__all__ = ["RemoteMonitor"]
