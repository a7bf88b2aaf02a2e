"""Gradio components that show the kit's HTML: a panel, a list to pick from, a style sheet for one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from suite.demo.markup import Content, Markup, join, tag

STYLE = Path(__file__).with_name("style.css")
"""The style sheet of every piece; the app serves it with its own."""
_FOLLOW = "watch('value', () => element.scrollIntoView({block: 'nearest', behavior: 'smooth'}));"
_LINKED = """const light = (event) => {
  const word = event.target.closest('[data-group]');
  element.querySelectorAll('[data-group]').forEach((one) =>
    one.classList.toggle('kit-lit', Boolean(word) && one.dataset.group === word.dataset.group));
};
element.addEventListener('mouseover', light);
element.addEventListener('click', light);
"""


def panel(value: Content = "", *, follow: bool = False, linked: bool = False, **options: Any) -> gr.HTML:
    """An HTML component that shows a piece, drawn inside an open Blocks.

    `follow` scrolls it into view when it changes; `linked` lights up all marks of the group under the pointer.
    `options` are those of `gr.HTML`. A `value` that is text is escaped; what handlers return for it must be `Markup`,
    for Gradio shows any string as HTML.
    """
    script = (_LINKED if linked else "") + (_FOLLOW if follow else "")
    fixed: dict[str, Any] = {"elem_classes": "suite-flush", "padding": False, "js_on_load": script or None}
    return gr.HTML(join([value]), **fixed | options)


def stylesheet(path: Path) -> None:
    """Gives the page the style sheet of a file beside it, inside an open Blocks: for what is its trade's alone.

    Raises `OSError` where there is no such file.
    """
    text = Markup(path.read_text(encoding="utf-8"))  # a file of the plugin, not text from outside
    gr.HTML(tag("style", text), elem_classes="kit-style", padding=False, js_on_load=None)
