"""The kit of the demo pages: the HTML of every piece, to the letter, and that each has its style."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from PIL import Image

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
    data_uri,
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
    paragraph,
    passage,
    picture,
    rows,
    stored,
    stylesheet,
    table,
    tag,
    threshold_key,
    tiles,
    tinted,
    waiting,
)
from suite.demo.components import STYLE

NARROW = "\N{NARROW NO-BREAK SPACE}"
SMALL = Image.new("RGB", (2, 1), "white")
PREDICTOR = SimpleNamespace(task=SimpleNamespace(domain=SimpleNamespace(name="weather")))

# ---- what each piece is ------------------------------------------------------------------------------------------


EXACT = [
    (
        tag("p", "a < b", class_="x", data_row=3, hidden=True, lang=None),
        '<p class="x" data-row="3" hidden>a &lt; b</p>',
    ),
    (tag("img", src="a", alt="'\""), '<img src="a" alt="&#39;&#34;">'),
    (join(["a<", Markup("<b>b</b>")], " & "), "a&lt; &amp; <b>b</b>"),
    (card("text"), '<div class="kit-card">text</div>'),
    (
        card("a", Markup("<i>b</i>"), title="t", foot="f", tone="accent"),
        '<div class="kit-card kit-accent"><h3>t</h3>a<i>b</i><div class="kit-foot">f</div></div>',
    ),
    (paragraph("a"), "<p>a</p>"),
    (paragraph("a", large=True, tone="quiet"), '<p class="kit-large kit-quiet">a</p>'),
    (waiting("a"), '<div class="kit-waiting"><b>a</b></div>'),
    (
        waiting("a", "b", "c"),
        '<div class="kit-waiting"><b>a</b><p>b</p><p><small>c</small></p></div>',
    ),
    (
        failed("a", "b", Markup("<ul></ul>")),
        '<div class="kit-banner" role="alert"><strong>a</strong><p>b</p><ul></ul></div>',
    ),
    (finished("a"), '<div class="kit-card" role="status"><b>a</b></div>'),
    (finished("a", "b ", code("c")), '<div class="kit-card" role="status"><b>a</b> b <code>c</code></div>'),
    (banner("a"), '<div class="kit-banner" role="note">a</div>'),
    (notice("a", tone="warn"), '<p class="kit-notice kit-warn">a</p>'),
    (
        heading("a", "b", "", live=True),
        '<div class="kit-heading" role="status"><span>a</span><span class="kit-quiet">b</span></div>',
    ),
    (tinted("a", "bad"), '<span class="kit-tint kit-bad">a</span>'),
    (code("a", block=True), '<code class="kit-command">a</code>'),
    (more("a", "b"), '<details class="kit-quiet"><summary>a</summary>b</details>'),
    (meter(0.25), '<span class="kit-meter kit-accent" aria-hidden="true"><i style="width:25.0%"></i></span>'),
    (
        meter(0.25, threshold=0.5, tone="bad", label="a", thick=True),
        '<span class="kit-meter kit-thick kit-bad" role="meter" aria-label="a" aria-valuemin="0" aria-valuemax="1"'
        ' aria-valuenow="0.250"><i style="width:25.0%"></i>'
        f'<u style="left:50.0%" title="threshold 50.0{NARROW}%"></u></span>',
    ),
    (
        bars([Bar("a", 0.25, strong=True), Bar("b", 0.1), Bar("c", 0)], most=1),
        '<div class="kit-bars"><div class="kit-bar kit-strong"><span>a</span>'
        '<span class="kit-meter kit-thick kit-accent" aria-hidden="true"><i style="width:25.0%"></i></span>'
        f"<span>25.0{NARROW}%</span></div><small>and 2 less probable</small></div>",
    ),
    (threshold_key(), '<span class="kit-key"><u></u></span>'),
    (
        tiles([Tile("1", "a", "good"), Tile("2", "b")]),
        '<div class="kit-tiles"><div class="kit-card kit-good"><b>1</b><small>a</small></div>'
        '<div class="kit-card"><b>2</b><small>b</small></div></div>',
    ),
    (
        chips(["a", "b"]),
        '<span class="kit-chips"><span class="kit-chip">a</span><span class="kit-chip">b</span></span>',
    ),
    (badge("a", "bad"), '<span class="kit-badge kit-bad">a</span>'),
    (picture(SMALL, "a"), f'<img class="kit-picture kit-checks" src="{data_uri(SMALL)}" alt="a">'),
    (figure(Markup("<img>"), caption="a"), "<figure><img><figcaption>a</figcaption></figure>"),
    (
        figure(Markup("<img>"), Markup("<img>"), caption="a"),
        '<figure><div class="kit-side"><img><img></div><figcaption>a</figcaption></figure>',
    ),
    (
        figures([Markup("<figure></figure>")], columns=3, narrow=2),
        '<div class="kit-figures" style="--kit-wide:3;--kit-narrow:2"><figure></figure></div>',
    ),
    (
        curve([0, 2, 1], caption="a", at=2, said="b", ends=("c", "d"), ring=1, label="e", tone="bad"),
        '<figure class="kit-card kit-curve kit-bad"><figcaption>a</figcaption>'
        '<svg viewBox="0 0 430 140" role="img" aria-label="e">'
        '<line class="kit-axis" x1="8.0" y1="118.0" x2="422.0" y2="118.0"></line>'
        '<polyline points="8.0,118.0 215.0,14.0 422.0,66.0"></polyline>'
        '<circle class="kit-ring" cx="215.0" cy="14.0" r="5.5"></circle>'
        '<line class="kit-place" x1="422.0" y1="7.0" x2="422.0" y2="118.0"></line>'
        '<circle class="kit-dot" cx="422.0" cy="66.0" r="4.5"></circle>'
        '<text x="415.0" y="110" text-anchor="end">b</text><text x="8.0" y="135" text-anchor="start">c</text>'
        '<text x="422.0" y="135" text-anchor="end">d</text></svg></figure>',
    ),
    (curves(Markup("<i></i>")), '<div class="kit-figures" style="--kit-wide:2;--kit-narrow:1"><i></i></div>'),
    (
        table(["a", "b"], [["1", "x"], ["2", "y"]], label="l", numbers=(0,), wide_only=(0,), strong=1, tone="bad"),
        '<div class="kit-table" tabindex="0" role="region" aria-label="l"><table><thead><tr>'
        '<th class="kit-number kit-wide" dir="auto">a</th><th dir="auto">b</th></tr></thead><tbody>'
        '<tr><td class="kit-number kit-wide" dir="auto">1</td><td dir="auto">x</td></tr>'
        '<tr class="kit-strong kit-bad"><td class="kit-number kit-wide" dir="auto">2</td><td dir="auto">y</td></tr>'
        "</tbody></table></div>",
    ),
    (
        table([], [], label="l"),
        '<div class="kit-table" tabindex="0" role="region" aria-label="l"><table><tbody></tbody></table></div>',
    ),
    (facts({"a": 1}), '<dl class="kit-facts"><div><dt>a</dt><dd>1</dd></div></dl>'),
    (
        rows([Row("a", lead="1", end="b", below="c", strong=True), "… 2 more …", Row("d")], label="l", end="7rem"),
        '<div class="kit-rows" style="--kit-lead:3rem;--kit-end:7rem" role="list" aria-label="l">'
        '<div class="kit-row kit-strong" role="listitem">'
        '<span class="kit-lead" dir="auto">1</span><span class="kit-body" dir="auto">a</span>'
        '<span class="kit-end" dir="auto">b</span><span class="kit-below" dir="auto">c</span></div>'
        '<div class="kit-gap">… 2 more …</div>'
        '<div class="kit-row" role="listitem"><span class="kit-body" dir="auto">d</span></div></div>',
    ),
    (
        PickList.rows([Row("a"), Row("b", key=7, strong=True)], head="h", foot="f", halves=True, most_height="9rem"),
        '<div class="kit-picks">h<div class="kit-rows" style="--kit-lead:3rem;--kit-end:auto;max-height:9rem">'
        '<button type="button" class="kit-row kit-halves" data-row="0">'
        '<span class="kit-body" dir="auto">a</span></button>'
        '<button type="button" class="kit-row kit-halves kit-strong" data-row="7">'
        '<span class="kit-body" dir="auto">b</span></button>'
        "</div>f</div>",
    ),
    (
        marked("a<b c d", [Mark(0, 3, "warn", title="t"), Mark(4, 5, group=2), Mark(6, 7, code=True)]),
        '<span class="kit-mark kit-warn" title="t">a&lt;b</span> <span class="kit-mark" data-group="2">c</span> '
        '<code class="kit-mark kit-code">d</code>',
    ),
    (passage("a", lang="fr"), '<p class="kit-passage" lang="fr" dir="auto">a</p>'),
    (
        legend([("", "a"), ("bad", "b")]),
        '<ul class="kit-legend"><li><span class="kit-mark">a</span></li>'
        '<li><span class="kit-mark kit-bad">b</span></li></ul>',
    ),
    (
        stored(PREDICTOR, "Stored.", 1),
        '<div class="kit-card" role="status"><b>Stored.</b> 1 correction so far. Train with '
        "<code>suite weather train --data corrections:</code></div>",
    ),
]


@pytest.mark.parametrize(("piece", "html"), EXACT)
def test_a_piece_is_this_html(piece, html):
    assert isinstance(piece, Markup) and str(piece) == html


def test_a_mark_outside_or_across_another_is_refused():
    for marks in ([Mark(0, 4)], [Mark(0, 2), Mark(1, 3)], [Mark(-1, 2)]):
        with pytest.raises(ValueError, match="leaves the text or overlaps"):
            marked("abc", marks)


@pytest.mark.parametrize(
    ("share", "width"), [(-1, "0.0"), (2, "100.0"), (float("nan"), "0.0"), (float("inf"), "100.0")]
)
def test_a_meter_stays_within_its_track(share, width):
    assert f"width:{width}%" in meter(share)


def test_pictures_are_small_and_left_as_they_were():
    large = Image.new("RGB", (400, 100))
    assert len(data_uri(large, 40)) < len(data_uri(large)) and large.size == (400, 100)
    assert data_uri(large).startswith("data:image/png;base64,")


def test_all_zeros_and_one_value_are_curves_too():
    flat = curve([0], caption="", at=0, said="", ends=("", ""))
    assert 'points="8.0,118.0"' in flat
    assert "nan" not in curve([-3, -3], caption="", at=0, said="", ends=("", ""))
    with pytest.raises(IndexError):
        curve([1, 2], caption="", at=5, said="", ends=("", ""))


# ---- how it looks ------------------------------------------------------------------------------------------------


def test_the_page_of_a_trade_may_bring_a_style_sheet(tmp_path):
    (tmp_path / "page.css").write_text(".x > b { color: red; }")
    with gr.Blocks() as page:
        stylesheet(tmp_path / "page.css")
    (component,) = page.blocks.values() if len(page.blocks) == 1 else [b for b in page.blocks.values() if b is not page]
    assert component.value == "<style>.x > b { color: red; }</style>" and component.elem_classes == ["kit-style"]
    with pytest.raises(OSError):
        stylesheet(tmp_path / "other.css")


def test_every_class_has_a_style_and_every_style_a_piece():
    styled = set(re.findall(r"\.(kit-[\w-]+)", STYLE.read_text()))
    sources = "".join(path.read_text() for path in Path(STYLE).parent.glob("*.py"))
    named = set(re.findall(r"[\"' .](kit-[a-z]+)\b", sources))
    tones = {"kit-accent", "kit-good", "kit-warn", "kit-bad", "kit-quiet"}
    grounds = {"kit-checks", "kit-black"}
    assert styled <= named | tones | grounds
    assert named - styled <= {"kit-picks", "kit-lead", "kit-row"}


def test_gradio_can_prefix_every_rule():
    """It splits selectors at commas, and leaves out rules with an @ but for a few, of which @container is none."""
    text = re.sub(r"/\*.*?\*/", "", STYLE.read_text(), flags=re.DOTALL)
    assert re.findall(r"^@\w+", text, re.MULTILINE) == []
    selectors = re.findall(r"(?:^|\})\s*([^{}@]+)\{", text)
    assert [selector for selector in selectors if re.search(r":(?:is|not|where|has)\([^)]*,", selector)] == []
