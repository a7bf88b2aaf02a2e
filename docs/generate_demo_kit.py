"""The page docs/demo-kit.md: every name of `suite.demo` with its signature, an example, and a picture of it.

`python docs/generate_demo_kit.py` takes the pictures anew, into docs/images/kit/, with Chromium and playwright; the
page itself is written with the others by docs/generate.py.
"""

from __future__ import annotations

import ast
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import generate_reference as reference

import suite.demo

KIT = Path(suite.demo.__file__).parent
PICTURES = Path(__file__).parent / "images" / "kit"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDTH = 520
"""Pixels of a picture: a column of a page."""

INTRO = """\
# Demo kit

What demo pages are made of. A page imports it, and gradio, at the top of its file:

```python
import gradio as gr
from suite.demo import card, meter, panel
```

A domain imports its page only when the page is built, in `Domain.demo`, for `suite.demo` imports gradio: nothing that
`suite --help` loads may import either.

**Text is escaped, HTML is not.** Every piece takes text as `str` and HTML as `Markup`, and is `Markup` itself, so that
pieces go into pieces. A file's name, a caption, a model's answer are `str`: whatever they hold is shown and never run.
`Markup("…")` is for HTML that you wrote yourself; text goes into it with `tag`, `join` or
`Markup("<b>{}</b>").format(text)`.

**Gradio first.** The kit has what Gradio has no component for. Labels with probabilities are `gr.Label`, categories in
a text `gr.HighlightedText`, tables to sort or edit `gr.Dataframe`, regions of a picture `gr.AnnotatedImage`, lines over
time `gr.LinePlot`.

**One look.** The pieces' style sheet is served with the app. A page that needs more, for what is its trade's alone,
brings a `.css` file of its own and calls `stylesheet`. Handlers return a piece as the value of the `panel` that shows
it.

Never give text to a template of `gr.HTML` (`{{name}}` in `html_template` or `css_template`): Gradio runs what it has
filled in as a JavaScript template, so that a text with `${…}` in it is a program. `${value}` alone is safe, and all
that the kit's components use.
"""

SECTIONS: dict[str, tuple[str, ...]] = {
    "HTML": ("Content", "Markup", "Tone", "tag", "join"),
    "Boxes": (
        "card",
        "paragraph",
        "notice",
        "tinted",
        "code",
        "more",
        "waiting",
        "finished",
        "failed",
        "banner",
        "heading",
    ),
    "How much": ("meter", "Bar", "bars", "threshold_key", "Tile", "tiles", "chips", "badge"),
    "Pictures": ("picture", "figure", "figures", "curve", "curves", "data_uri"),
    "Rows": ("table", "facts", "Row", "rows"),
    "Texts": ("Mark", "marked", "passage", "legend"),
    "Numbers and times": ("number", "percent", "clock", "when", "counted", "listed"),
    "Components": ("panel", "PickList", "stylesheet"),
    "What the server keeps": ("Held", "Downloads"),
    "Corrections": ("CorrectionForm", "store_correction", "stored"),
}
ELSEWHERE = {
    "Markup": "A string that is HTML, from [MarkupSafe](https://markupsafe.palletsprojects.com/).",
}

EXAMPLES = {
    "tag": 'tag("p", "1 < 2 & ", tag("b", "bold"), class_="kit-quiet")',
    "join": 'join([tag("b", "a < b"), "b < c"], ", ")',
    "card": 'card(paragraph("What it is."), title="A card", foot="What is said below a line")',
    "paragraph": 'card(paragraph("harbour", large=True), paragraph("The likeliest of three.", tone="quiet"))',
    "notice": 'card("It is a harbour.", notice("Left to a human: two labels are as likely.", tone="warn"))',
    "code": 'card("Then start it again:", code("suite launch", block=True))',
    "tinted": 'card("It is ", tinted("a copy", "bad"), " of what it was trained on.")',
    "more": 'card("Two are copies.", more("What counts as a copy", " A distance below 0.1."))',
    "waiting": 'waiting("The answer appears here", "Write something, or click one of the examples.")',
    "finished": 'finished("Stored.", "It counts from now on.")',
    "failed": 'failed("This page could not be built.", "ImportError: No module named tide")',
    "banner": 'banner(tag("b", "For research only. "), "Nothing here is advice.")',
    "heading": 'heading(tag("b", "3 of 40 rows"), "2 to look at", live=True)',
    "meter": 'meter(0.7, threshold=0.5, label="confidence", thick=True)',
    "bars": 'bars([Bar("harbour", 0.83, threshold=0.5, strong=True), Bar("shore", 0.16), Bar("reef", 0.004)])',
    "threshold_key": 'card(tag("small", threshold_key(), " is the threshold."))',
    "tiles": 'tiles([Tile("1,280", "saved", "good"), Tile("7", "missed", "bad"), Tile("> 99 %", "sure")])',
    "chips": 'chips(["late at night", "3 times the mean"])',
    "badge": 'badge("new") + badge("wrong", "bad")',
    "picture": (
        'figures([picture(discs["teal"], "Disc"), picture(discs["red"], "Disc", ground="black")], columns=4, narrow=4)'
    ),
    "figures": (
        'figures([figure(picture(image, "A disc"), caption=name) for name, image in discs.items()], columns=4,'
        " narrow=4)"
    ),
    "figure": (
        'figures([figure(*(picture(one, "A disc") for one in discs.values()), caption="Four discs")], columns=1)'
    ),
    "curve": (
        'curve([0, 3, 5, 6, 6, 5, 4], caption="Saved by place", at=4, said="5 a day: 6", ends=("1", "7 a day"), ring=3)'
    ),
    "curves": (
        "curves(*(curve(values, caption=name, at=1, said=name, ends=('1', '4'), tone=tone) for name, values, tone in"
        " [('up', [1, 2, 4, 8], 'good'), ('down', [8, 4, 2, 1], 'bad')]))"
    ),
    "table": (
        'table(["Start", "Text", "Confidence"], [["0:00.0", "Good evening.", "98 %"], ["0:01.3", "Sit down.", "51 %"]],'
        ' label="Segments", numbers=(0, 2))'
    ),
    "facts": 'card(facts({"format": "PNG", "size": "128 x 128", "bits": 8, "window": "as it is"}))',
    "rows": (
        'rows([Row("Tea", lead="1", end=meter(0.9)), "… 12 more …", Row("Yours", lead="14", end=meter(0.3),'
        ' below=chips(["new"]), strong=True)], label="Ranking", end="7rem")'
    ),
    "marked": (
        'card(passage(marked("Delete %d old files", [Mark(7, 9, code=True), Mark(10, 13, "warn"),'
        ' Mark(14, 19, "bad", title="31 % sure")])))'
    ),
    "passage": 'card(passage("Sit down, take your time.", lang="en"))',
    "legend": 'card(legend([("", "sure"), ("warn", "unsure"), ("bad", "doubtful")]))',
    "number": "number(-1234.5, 1)",
    "percent": "percent(0.9996)",
    "clock": "clock(3661.24)",
    "when": 'when("2026-03-01T12:30:59")',
    "counted": 'counted(1200, "segment")',
    "listed": 'listed(["axial", "coronal", "sagittal"])',
    "PickList": (
        'PickList(PickList.rows([Row("One", lead="83 %", end="10.00"), Row("Two", lead="12 %", end="7.50",'
        ' below=chips(["late at night"]), strong=True)]))'
    ),
    "CorrectionForm": (
        'CorrectionForm([Column("label", "category", "what it is"), Column("text", "text", "what is judged")],'
        ' ["text", "label"], labels={"label": "What is it?"}, choices={"label": ["harbour", "shore"]},'
        " visible=True)"
    ),
    "stored": "stored(predictor, \"Stored as 'harbour'.\", 3)",
}
"""An expression for each name that shows something; what makes only text has no picture."""
WORDS = ("number", "percent", "clock", "when", "counted", "listed", "join", "tag")
"""Examples that are told by their value."""
DRAWN = ("PickList", "CorrectionForm")
"""Examples that draw components instead of being HTML."""


def page() -> Iterator[str]:
    """The page, block by block."""
    yield INTRO
    for title, names in SECTIONS.items():
        yield f"## {title}\n"
        for name in names:
            yield f"### {name}\n"
            yield from _entry(name)


def _entry(name: str) -> Iterator[str]:
    if name in ELSEWHERE:
        yield ELSEWHERE[name] + "\n"
        return
    symbol = definition(name)
    yield f"```python\n{reference.shown(symbol, name)}\n```\n"
    yield symbol.said.partition("\n\n>>>")[0] + "\n"
    if not isinstance(symbol.node, ast.FunctionDef):
        lines = [f"- `{member}`: {reference.first_paragraph(text)}" for member, text in reference.members(symbol.node)]
        yield from ["\n".join([*lines, ""])] if lines else []
    if name in EXAMPLES:
        value = f"\n# {evaluated(EXAMPLES[name])!r}" if name in WORDS else ""
        yield f"```python\n{EXAMPLES[name]}{value}\n```\n"
    if name in EXAMPLES and name not in WORDS:
        yield f"![{name}](images/kit/{name}.png)\n"


def definition(name: str) -> reference.Found:
    """Where a name of the kit is defined. Raises `LookupError` if it is nowhere in it."""
    for path in sorted(KIT.glob("*.py")):
        source = path.read_text()
        body = ast.parse(source).body
        for place, node in enumerate(body):
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
                return reference.Found(node, source, ast.get_docstring(node) or "")
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                return reference.Found(node, source, reference.below(body, place))
    raise LookupError(f"suite.demo.{name} is defined nowhere in {KIT}")


def evaluated(expression: str) -> Any:
    """The value of an example; it knows the kit's names, four pictures of discs, and a predictor."""
    from types import SimpleNamespace

    from PIL import Image, ImageDraw

    from suite import Column

    discs = {}
    for name, colour in {"teal": "#0f766e", "amber": "#b7791f", "red": "#d14343", "stone": "#78716c"}.items():
        discs[name] = Image.new("RGBA", (96, 96))
        ImageDraw.Draw(discs[name]).ellipse((8, 8, 88, 88), fill=colour)
    known = {name: getattr(suite.demo, name) for name in suite.demo.__all__}
    predictor = SimpleNamespace(task=SimpleNamespace(domain=SimpleNamespace(name="weather")))
    return eval(expression, known | {"discs": discs, "Column": Column, "predictor": predictor})


def photograph() -> None:
    """Writes the picture of every example that has one."""
    import os

    import gradio as gr
    from playwright.sync_api import sync_playwright

    from suite.demo.components import STYLE as PIECES
    from suite.web.theme import STYLE, theme

    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    shown = [name for name in EXAMPLES if name not in WORDS]
    with gr.Blocks(analytics_enabled=False) as blocks:
        for name in shown:
            with gr.Column(elem_id=f"piece-{name}"):
                evaluated(EXAMPLES[name]) if name in DRAWN else suite.demo.panel(evaluated(EXAMPLES[name]))
    PICTURES.mkdir(parents=True, exist_ok=True)
    _, address, _ = blocks.launch(prevent_thread_lock=True, quiet=True, theme=theme(), css_paths=[STYLE, PIECES])
    flags = ["--no-sandbox", "--disable-gpu"]
    with sync_playwright() as driver, driver.chromium.launch(executable_path=CHROMIUM, args=flags) as chromium:
        page = chromium.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
        page.goto(address)
        page.wait_for_load_state("networkidle")
        for name in shown:
            page.locator(f"#piece-{name}").screenshot(path=PICTURES / f"{name}.png")
            _smaller(PICTURES / f"{name}.png")
    blocks.close()


def _smaller(path: Path) -> None:
    """64 colours are enough for what has few, and a third of the bytes."""
    from PIL import Image

    Image.open(path).convert("RGB").quantize(64).save(path, optimize=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        photograph()
