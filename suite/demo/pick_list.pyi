"""A list of rows to pick from. Alone in its file: Gradio writes a stub beside each that defines a component."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gradio as gr

from suite.demo.markup import Content, Markup, css, tag
from suite.demo.tables import Row, parts, widths

_CSS = """
.kit-row { width: 100%; margin: 0; text-align: left; font: inherit; color: inherit; cursor: pointer; }
.kit-row:is(:hover, :focus-visible) { border-color: var(--color-accent); }
.kit-row.kit-strong { border-width: 1px; border-color: var(--color-accent); box-shadow: inset 4px 0 var(--color-accent);
  padding: 0.65rem 0.9rem; }
.kit-row.kit-strong > .kit-lead { color: inherit; }
"""
_PICK = """element.addEventListener('click', (event) => {
  const row = event.target.closest('[data-row]');
  if (!row) return;
  element.querySelectorAll('.kit-strong[data-row]').forEach((one) => one.classList.remove('kit-strong'));
  row.classList.add('kit-strong');
  trigger('select', {index: Number(row.dataset.row), value: row.dataset.row});
});"""

from gradio.events import Dependency

class PickList(gr.HTML):
    """Rows of which a visitor picks one: `select` tells its key as `event.index`, `rows` makes the value.

    The template is never given text to fill in: Gradio runs what it fills in as a program. Whatever a row holds comes
    inside the value, which is HTML made by `rows`.
    """

    def __init__(self, value: Content = "", **options: Any) -> None:
        """`options` are those of `gr.HTML`; a `value` that is text is escaped."""
        looks: dict[str, Any] = {"padding": False, "elem_classes": "suite-flush"}
        super().__init__(Markup.escape(value), css_template=_CSS, js_on_load=_PICK, **looks | options)

    @staticmethod
    def rows(
        items: Iterable[Row],
        *,
        head: Content = "",
        foot: Content = "",
        lead: str = "3rem",
        end: str = "auto",
        halves: bool = False,
        most_height: str = "none",
    ) -> Markup:
        """The value of the list: a button for each row, between `head` and `foot`.

        `lead` and `end` are the widths of the first and the last column; `halves` makes body and end equally wide;
        a list higher than `most_height` scrolls. All three are CSS lengths.
        """
        buttons = (
            tag(
                "button",
                *parts(row),
                type="button",
                class_=css("kit-row", "kit-halves" if halves else "", "kit-strong" if row.strong else ""),
                data_row=place if row.key is None else row.key,
            )
            for place, row in enumerate(items)
        )
        style = f"{widths(lead, end)};max-height:{most_height}"
        return tag("div", head, tag("div", *buttons, class_="kit-rows", style=style), foot, class_="kit-picks")
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component