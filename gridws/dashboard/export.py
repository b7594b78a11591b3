"""A turbine's readings of a chosen range as CSV: the form, and the route that streams them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Path, Query
from nicegui import ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments
from starlette.responses import StreamingResponse

from ..errors import MonitorRefused, MonitorUnreachable
from ..settings import MAX_MEASURED_AT, MAX_TURBINE_NUMBER
from .archive import Archive, csv_lines
from .markup import Text, block
from .visitor import Visitor

HOUR: Final = 3_600_000
_ENTERED: Final = (
    "(e) => { e.preventDefault(); const fields = e.target.elements; "
    "emit(fields.from.value, fields.to.value, e.submitter?.value ?? 'show'); }"
)

Number = Annotated[int, Path(ge=1, le=MAX_TURBINE_NUMBER)]
Moment = Annotated[int, Query(ge=0, le=MAX_MEASURED_AT + 1)]


class ExportForm:
    """From, to, and buttons that show what was between the two on the charts, or download it.

    What was entered stays in the browser until then: a value kept here would be put back over what is typed.
    """

    def __init__(self, view: Visitor, on_show: Callable[[int, int], Any]) -> None:
        self._view = view
        self._on_show = on_show
        self._turbine: int | None = None
        self._labels: dict[str, Text] = {}
        self._inputs: dict[str, Element] = {}
        self.is_open = self._filled = False
        with block("form", "export", aria_label="Range of readings") as self._form:
            for name in ("from", "to"):
                with block("label"):
                    self._labels[name] = Text("span", text=name)
                    self._inputs[name] = block("input", type="datetime-local", step="1", name=name)
            for name, text in (("show", "Show"), ("csv", "Download CSV")):
                Text("button", "plain", text).props.update(type="submit", value=name)
            self._said = Text("p", "said")
            self._said.props["role"] = "status"
        self._form.on("submit", self._enter, js_handler=_ENTERED)
        self._form.set_visibility(False)

    def aim(self, turbine_number: int | None) -> None:
        """Say which turbine is meant from now on."""
        self._turbine = turbine_number

    def toggle(self, now: int) -> None:
        """Show or hide the form; it begins with the last hour."""
        self.is_open = not self.is_open
        self._form.set_visibility(self.is_open)
        for name, label in self._labels.items():
            label.show(f"{name} ({self._view.zone.name})")
        if not self._filled:
            self._filled = True
            self._fill("from", now - HOUR)
            self._fill("to", now + 60_000)

    def _fill(self, name: str, at: int) -> None:
        # The default of the element, not its value: that one would be set again with every update of the page.
        self._inputs[name].props["defaultValue"] = self._view.zone.for_input(at)
        self._inputs[name].update()

    def _enter(self, event: GenericEventArguments) -> Any:
        *moments, wanted = (str(text) for text in event.args)
        since, until = (self._view.zone.from_input(text) for text in moments)
        if since is None or until is None:
            self._said.show("Give both moments.")
        elif until <= since:
            self._said.show("The end has to be after the beginning.")
        elif wanted == "csv":
            self._download(since, until)
        else:
            self._said.show("")
            return self._on_show(since, until)
        return None

    def _download(self, since: int, until: int) -> None:
        self._said.show("" if self._turbine else "Select a turbine first.")
        if self._turbine:
            ui.download.from_url(f"/export/turbines/{self._turbine}.csv?since={since}&until={until}")


def export_routes(archive: Archive) -> APIRouter:
    """Return the route of the CSV files."""
    router = APIRouter()

    @router.get("/export/turbines/{turbine_number}.csv")
    async def export(turbine_number: Number, since: Moment, until: Moment) -> StreamingResponse:
        lines = csv_lines(archive, turbine_number, since, until)
        try:
            # What fails at once is answered; what fails later cuts the download short.
            head = [await anext(lines), await anext(lines, "")]
        except MonitorRefused as error:
            raise HTTPException(403, str(error)) from error
        except MonitorUnreachable as error:
            raise HTTPException(502, str(error)) from error
        name = f"turbine-{turbine_number}-{_stamp(since)}-{_stamp(until)}.csv"
        return StreamingResponse(
            _joined(head, lines),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    return router


async def _joined(head: list[str], lines: AsyncIterator[str]) -> AsyncIterator[str]:
    for text in head:
        yield text
    async for text in lines:
        yield text


def _stamp(milliseconds: int) -> str:
    seconds = min(milliseconds, MAX_MEASURED_AT) // 1000
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")
