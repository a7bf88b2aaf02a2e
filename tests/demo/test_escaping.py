"""The kit of the demo pages: whatever a text holds, it is shown and never run."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from types import SimpleNamespace

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from suite import demo
from suite.demo import (
    Bar,
    Mark,
    Markup,
    PickList,
    Row,
    Tile,
    badge,
    banner,
    bars,
    card,
    chips,
    code,
    curve,
    curves,
    facts,
    failed,
    figure,
    figures,
    finished,
    heading,
    join,
    legend,
    marked,
    meter,
    more,
    notice,
    panel,
    paragraph,
    passage,
    picture,
    rows,
    stored,
    table,
    tag,
    threshold_key,
    tiles,
    tinted,
    waiting,
)

SMALL = Image.new("RGB", (2, 1), "white")
LINE = "0123456789"

# ---- text is never markup ----------------------------------------------------------------------------------------


PIECES = {
    "tag": lambda t: tag("p", t, title=t),
    "join": lambda t: join([t, t], t),
    "card": lambda t: card(t, title=t, foot=t),
    "paragraph": lambda t: paragraph(t, t),
    "waiting": lambda t: waiting(t, t, t),
    "failed": lambda t: failed(t, t),
    "finished": lambda t: finished(t, t),
    "banner": lambda t: banner(t),
    "notice": lambda t: notice(t),
    "heading": lambda t: heading(t, t),
    "code": lambda t: code(t),
    "tinted": lambda t: tinted(t, "good"),
    "more": lambda t: more(t, t),
    "meter": lambda t: meter(0.5, label=t),
    "bars": lambda t: bars([Bar(t, 0.5)]),
    "threshold_key": lambda t: threshold_key(),
    "tiles": lambda t: tiles([Tile(t, t)]),
    "chips": lambda t: chips([t]),
    "badge": lambda t: badge(t),
    "picture": lambda t: picture(SMALL, t),
    "figure": lambda t: figure(threshold_key(), caption=t),
    "figures": lambda t: figures([figure(threshold_key(), caption=t)], columns=1),
    "curve": lambda t: curve([1.0], caption=t, at=0, said=t, ends=(t, t), label=t),
    "curves": lambda t: curves(curve([1.0], caption=t, at=0, said=t, ends=(t, t))),
    "table": lambda t: table([t], [[t]], label=t),
    "facts": lambda t: facts({t: t}),
    "rows": lambda t: rows([Row(t, t, t, t), t], label=t),
    "PickList.rows": lambda t: PickList.rows([Row(t, t, t, t)], head=t, foot=t),
    "marked": lambda t: marked(
        t + LINE + t, [Mark(len(t), len(t) + 3, title=t), Mark(len(t) + 9, len(t) + 10 + len(t))]
    ),
    "passage": lambda t: passage(t, lang=t),
    "legend": lambda t: legend([("", t)]),
    "stored": lambda t: stored(SimpleNamespace(task=SimpleNamespace(domain=SimpleNamespace(name=t))), t, 2),
}
TEXT_OR_OTHER = {
    "Bar", "Content", "CorrectionForm", "Downloads", "Held", "Mark", "Markup", "PickList", "Row", "Tile", "Tone",
    "clock", "counted", "data_uri", "listed", "number", "panel", "percent", "store_correction", "stylesheet", "when",
}  # fmt: skip
"""What makes no HTML of text it is given."""


class Structure(HTMLParser):
    """The elements of a piece with the names of their attributes, and its text."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.text, self.values = [], "", []
        self.feed(str(html))
        self.close()

    def handle_starttag(self, name, attributes):
        self.elements.append((name, *(key for key, _ in attributes)))
        self.values += [value for _, value in attributes]

    def handle_endtag(self, name):
        self.elements.append(f"/{name}")

    def handle_comment(self, data):
        self.elements.append("comment")

    def handle_data(self, data):
        self.text += data


HOSTILE = st.one_of(
    st.text(st.sampled_from("<>&\"'`= /ab-!{}$"), min_size=1, max_size=30),
    st.sampled_from(
        [
            "<img src=x onerror=alert(1)>",
            "'><script>alert(1)</script>",
            '" onmouseover="a',
            "</svg><b>",
            "<!--",
            "&lt;b&gt;",
        ]
    ),
    st.text(min_size=1, max_size=20),
)


@pytest.mark.parametrize("name", PIECES)
@given(text=HOSTILE)
def test_no_text_becomes_markup(name, text):
    """Whatever the text, the elements and attributes are those of a harmless one, and the text is shown as it is."""
    piece, harmless = PIECES[name](text), PIECES[name]("harmless")
    structure = Structure(piece)
    assert structure.elements == Structure(harmless).elements
    shown = structure.text + "".join(value for value in structure.values if value)
    assert name == "threshold_key" or re.sub(r"[\r\n]+", "\n", text) in re.sub(r"[\r\n]+", "\n", shown)


def test_every_piece_is_tried_with_hostile_text():
    assert set(PIECES) - {"PickList.rows"} == set(demo.__all__) - TEXT_OR_OTHER


def test_a_component_escapes_its_first_value():
    with gr.Blocks():
        assert panel("<b>").value == PickList("<b>").value == "&lt;b&gt;"
        assert panel(Markup("<b>x</b>")).value == "<b>x</b>"


def test_gradio_fills_no_text_into_a_template():
    """Gradio runs what it has filled in as a JavaScript template: only `${value}` is filled in once."""
    with gr.Blocks():
        for component in (panel(linked=True, follow=True), PickList()):
            assert component.html_template == "${value}" and component.props == {}
            assert "{{" not in component.css_template and "${" not in component.css_template
