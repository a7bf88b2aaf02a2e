"""The kit that demo pages are made of: HTML that is escaped, pieces to show answers with, what the server keeps.

Importing it imports gradio: only a page does, and a domain imports its page when the page is built. Whatever Gradio has
a component for is that component: gr.Label, gr.HighlightedText, gr.Dataframe, gr.LinePlot.
"""

from suite.demo.boxes import banner, card, code, failed, finished, heading, more, notice, paragraph, tinted, waiting
from suite.demo.components import panel, stylesheet
from suite.demo.correcting import CorrectionForm, store_correction, stored
from suite.demo.formats import clock, counted, listed, number, percent, when
from suite.demo.gauges import Bar, Tile, badge, bars, chips, meter, threshold_key, tiles
from suite.demo.held import Downloads, Held
from suite.demo.marks import Mark, legend, marked, passage
from suite.demo.markup import Content, Markup, Tone, join, tag
from suite.demo.pick_list import PickList
from suite.demo.pictures import curve, curves, data_uri, figure, figures, picture
from suite.demo.tables import Row, facts, rows, table

__all__ = [
    "Bar",
    "Content",
    "CorrectionForm",
    "Downloads",
    "Held",
    "Mark",
    "Markup",
    "PickList",
    "Row",
    "Tile",
    "Tone",
    "badge",
    "banner",
    "bars",
    "card",
    "chips",
    "clock",
    "code",
    "counted",
    "curve",
    "curves",
    "data_uri",
    "facts",
    "failed",
    "figure",
    "figures",
    "finished",
    "heading",
    "join",
    "legend",
    "listed",
    "marked",
    "meter",
    "more",
    "notice",
    "number",
    "panel",
    "paragraph",
    "passage",
    "percent",
    "picture",
    "rows",
    "store_correction",
    "stored",
    "stylesheet",
    "table",
    "tag",
    "threshold_key",
    "tiles",
    "tinted",
    "waiting",
    "when",
]
