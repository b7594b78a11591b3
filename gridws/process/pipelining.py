"""uvicorn's HTTP protocol, with one mistake mended: every request on a connection is told when its peer leaves.

A peer may send many requests at once (HTTP pipelining). uvicorn tells only the one that came last, so the others
wait for a body that never comes, or write to a transport that is closed, which is a traceback for each.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


class PipelinedHttpProtocol(HttpToolsProtocol):
    """Made for each connection that is accepted; `unanswered` are the requests whose answer is not complete."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.unanswered: set[RequestResponseCycle] = set()

    def on_headers_complete(self) -> None:
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            self.unanswered.add(self.cycle)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.unanswered = {cycle for cycle in self.unanswered if not cycle.response_complete}

    def connection_lost(self, exc: Exception | None) -> None:
        for cycle in self.unanswered:
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)
