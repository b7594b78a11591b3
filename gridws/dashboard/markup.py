"""Plain HTML as NiceGUI elements: texts, buttons and lists of rows that change without being made anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from ..printable import printable

Item = TypeVar("Item")


class Text(TextElement):
    """An element with nothing but printable text in it; setting the same text again costs nothing."""

    def __init__(self, tag: str, classes: str = "", text: str = "") -> None:
        super().__init__(tag=tag, text=printable(text))
        self.classes(classes)
        self._kind = ""

    def show(self, text: str, kind: str | None = None) -> None:
        """Set the text, and the one class that tells the kind of what is shown."""
        text = printable(text)
        if text != self.text:
            self.set_text(text)
        if kind is not None and kind != self._kind:
            self.classes(remove=self._kind, add=kind)
            self._kind = kind


class Button(Text):
    """A button with a text; `name` is what a screen reader says where the text alone would not do."""

    def __init__(
        self, text: str, on_press: Callable[[], Any], *, name: str = "", classes: str = "plain"
    ) -> None:
        super().__init__("button", classes, text)
        self.props["type"] = "button"
        if name:
            self.props["aria-label"] = name
        self.on("click", lambda _event: on_press())

    def press(self, *, pressed: bool) -> None:
        """Show whether the button is the chosen one."""
        set_pressed(self, pressed=pressed)

    def enable(self, *, enabled: bool) -> None:
        """Let the button be pressed, or show that it cannot be."""
        if self.props.get("disabled", False) == enabled:
            self.props["disabled"] = not enabled
            self.update()


def block(tag: str = "div", classes: str = "", **attributes: str) -> Element:
    """Return an element; `_` in an attribute's name stands for `-`."""
    element = Element(tag).classes(classes)
    for name, value in attributes.items():
        element.props[name.replace("_", "-")] = value
    return element


def press_block(classes: str, on_press: Callable[[], Any]) -> Element:
    """Return an element that holds others and can be pressed."""
    element = block("button", classes, type="button")
    element.on("click", lambda _event: on_press())
    return element


def set_pressed(element: Element, *, pressed: bool) -> None:
    """Show whether a button is the chosen one."""
    value = "true" if pressed else "false"
    if element.props.get("aria-pressed") != value:
        element.props["aria-pressed"] = value
        element.update()


class Rows:
    """A table whose rows are made once and filled again and again; `columns` are the cells' classes.

    A column of class `pick` holds buttons: pressed, they hand their turbine's number on.
    """

    def __init__(
        self, columns: Sequence[str], *, title: str, on_pick: Callable[[int], Any] | None = None
    ) -> None:
        self._columns = columns
        self._on_pick = on_pick
        self._rows: list[_Row] = []
        with block("table"):
            Text("caption", "visually-hidden", title)
            self._body = block("tbody")

    def show(
        self, rows: Sequence[Sequence[str]], kinds: Sequence[str] = (), picks: Sequence[int | None] = ()
    ) -> None:
        """Show these rows; `kinds` colour the column `sign`, `picks` are the turbines that buttons stand for."""
        while len(self._rows) < len(rows):
            with self._body:
                self._rows.append(_Row(self._columns, self._on_pick))
        for index, row in enumerate(self._rows):
            if index < len(rows):
                row.fill(rows[index], kinds[index] if kinds else "", picks[index] if picks else None)
            row.show(shown=index < len(rows))


class ShortList:
    """A list's heading, which says how many of how many it shows, and a button that opens it to all."""

    def __init__(self, title: str, on_toggle: Callable[[], Any], *, most: int) -> None:
        self._on_toggle, self._most = on_toggle, most
        self.is_open = False
        with block(classes="panel-head"):
            Text("h2", text=title)
            self._of = Text("span", "muted")
            self._button = Button("all", self._toggle, classes="link")

    def cut(self, items: Sequence[Item], few: int) -> Sequence[Item]:
        """Return the items to show: the first few, or all of them, as far as a page can bear."""
        shown = items[: self._most if self.is_open else few]
        self._of.show(f"{len(shown):,} of {len(items):,}" if len(shown) < len(items) else "")
        self._button.show("fewer" if self.is_open else "all")
        self._button.set_visibility(len(items) > few)
        return shown

    def _toggle(self) -> None:
        self.is_open = not self.is_open
        self._on_toggle()


class _Row:
    def __init__(self, columns: Sequence[str], on_pick: Callable[[int], Any] | None) -> None:
        self._pick: int | None = None
        self._cells: list[Text] = []
        self._signs: list[Text] = []
        self._element = block("tr")
        self._shown = True
        with self._element:
            for column in columns:
                self._cells.append(self._cell(column, on_pick))
                if column == "sign":
                    self._signs.append(self._cells[-1])

    def _cell(self, column: str, on_pick: Callable[[int], Any] | None) -> Text:
        if column != "pick" or on_pick is None:
            return Text("td", column)

        def press() -> None:
            if self._pick is not None:
                on_pick(self._pick)

        with block("td"):
            return Button("", press, classes="link")

    def fill(self, texts: Sequence[str], kind: str, pick: int | None) -> None:
        self._pick = pick
        for cell, text in zip(self._cells, texts, strict=True):
            cell.show(text, kind if cell in self._signs else None)

    def show(self, *, shown: bool) -> None:
        if shown != self._shown:
            self._shown = shown
            self._element.set_visibility(shown)
