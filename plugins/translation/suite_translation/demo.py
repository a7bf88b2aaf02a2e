"""The Demo tab: a text or a file, segment by segment beside its translation; put one right, and take the file away.

Building the tab needs no model: that loads when the page is opened. What is translated stays on the server under a name
that nobody can guess, and a visitor's session holds only that name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suite import Predictor
from suite_translation import cards, formats
from suite_translation.desk import LONGEST, Desk, choices, finished, named_codes, summary

SAMPLE = Path(__file__).with_name("samples") / "messages.po"
EXAMPLE = """Do you want to save the changes?
Delete %d files
%(user)s invited you to <b>%(project)s</b>.
The password is too short.
&Open file"""
_CLICK = """element.addEventListener('click', (event) => {
  const row = event.target.closest('[data-row]');
  if (!row) return;
  element.querySelectorAll('.tr-on').forEach((one) => one.classList.remove('tr-on'));
  row.classList.add('tr-on');
  trigger('select', {index: Number(row.dataset.row), value: row.dataset.row});
});"""
_LIGHT = """const light = (event) => {
  const word = event.target.closest('[data-n]');
  element.querySelectorAll('[data-n]').forEach((one) =>
    one.classList.toggle('tr-lit', Boolean(word) && one.dataset.n === word.dataset.n));
};
element.addEventListener('mouseover', light);
element.addEventListener('click', light);
watch('value', () => element.scrollIntoView({block: 'nearest', behavior: 'smooth'}));"""


def build(predictor: Predictor) -> None:
    """Builds the tab inside an open `gr.Blocks`."""
    import gradio as gr

    desk, config = Desk(predictor), predictor.domain.config
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            language = gr.Dropdown(
                named_codes([config.target_language]),
                value=config.target_language,
                label="Translate into",
                allow_custom_value=True,
                elem_id="translation-language",
            )
            with gr.Tabs():
                with gr.Tab("Text"):
                    text = gr.Textbox(
                        EXAMPLE, label="Text", lines=6, max_lines=14, max_length=LONGEST, elem_id="translation-text"
                    )
                    go = gr.Button("Translate", variant="primary")
                with gr.Tab("File"):
                    file = gr.File(
                        label="PO, XLIFF, TMX, CSV, JSON, ARB or SRT",
                        file_types=list(formats.FORMATS),
                        height=180,
                        elem_id="translation-file",
                    )
                    go_file = gr.Button("Translate the file", variant="primary")
                    sample = gr.Button("Try a small messages.po", size="sm")
            about = gr.HTML(elem_id="translation-detail", elem_classes="suite-flush", js_on_load=_LIGHT)
            with gr.Group(visible=False) as editor:
                wording = gr.Textbox(label="Put it right", lines=2, max_lines=8, elem_id="translation-wording")
                keep = gr.Button("Keep this correction")
            kept = gr.Markdown(elem_id="translation-kept")
        with gr.Column(scale=3, min_width=320):
            listed = gr.HTML(
                cards.WELCOME, elem_id="translation-segments", elem_classes="suite-flush", js_on_load=_CLICK
            )
            save = gr.DownloadButton("Save the translation", interactive=False, elem_id="translation-save")
    held, picked = gr.State(""), gr.State(-1)

    def start() -> Any:
        known = choices(desk.domain)
        codes = [code for _, code in known]
        own = config.target_language
        return gr.Dropdown(known, value=own if own in codes else codes[0])

    def steps(name: str) -> Iterator[list[Any]]:
        closed = [-1, "", gr.Group(visible=False), ""]
        yield [name, desk.page(name), gr.DownloadButton(interactive=False), *closed]
        for _ in desk.work(name):
            yield [name, desk.page(name), *[gr.skip()] * 5]
        path = desk.file(name)
        label = f"Save {Path(path).name}"
        yield [name, desk.page(name), gr.DownloadButton(label, value=path, interactive=True), *[gr.skip()] * 4]

    def of_text(said: str, into: str) -> Iterator[list[Any]]:
        yield from steps(desk.open_text(said, into))

    def of_file(path: str | None, into: str) -> Iterator[list[Any]]:
        yield from steps(desk.open_file(path, into))

    def of_sample(into: str) -> Iterator[list[Any]]:
        yield from of_file(str(SAMPLE), into)

    def pick(name: str, event: gr.SelectData) -> list[Any]:
        place = int(event.index) if isinstance(event.index, int) else -1
        shown, target = desk.detail(name, place)
        return [place, shown, gr.Group(visible=True), target, ""]

    def correct(name: str, place: int, target: str) -> list[Any]:
        said = desk.keep(name, place, target)
        return [desk.page(name, place), desk.detail(name, place)[0], said, gr.DownloadButton(value=desk.file(name))]

    def translation_translate(text: str, language: str = "de") -> dict[str, Any]:
        """Translates a text into a language given by its code, sentence by sentence, placeholders intact."""
        sheet = finished(desk, desk.open_text(text, language))
        return {"translation": sheet.text(), **summary(sheet)}

    def translation_localize(file: str, language: str = "de") -> tuple[str, dict[str, Any]]:
        """Translates a PO, XLIFF, TMX, CSV, JSON or SRT file; gives the file and what was translated, how surely."""
        name = desk.open_file(file, language)
        told = summary(finished(desk, name))
        return desk.file(name), told

    # Annotations are strings here, and gradio looks this one's name up where `gr` is not known.
    pick.__annotations__["event"] = gr.SelectData
    private: dict[str, Any] = {"api_visibility": "private"}
    # One at a time: each translation keeps every core, or the device, busy.
    busy: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "translation"}
    outputs = [held, listed, save, picked, about, editor, kept]
    gr.on(None, start, None, language, show_progress="hidden", **private)
    working: dict[str, Any] = {"show_progress": "minimal", "show_progress_on": listed, **busy, **private}
    go.click(of_text, [text, language], outputs, **working)
    go_file.click(of_file, [file, language], outputs, **working)
    sample.click(of_sample, language, outputs, **working)
    listed.select(pick, held, [picked, about, editor, wording, kept], show_progress="hidden", **busy, **private)
    keep.click(correct, [held, picked, wording], [listed, about, kept, save], show_progress="hidden", **busy, **private)
    gr.api(translation_translate, api_name="translation_translate", **busy)
    # Through the file component the endpoint reads what was uploaded to it, and no other file of the server.
    into, made, told = gr.Textbox(visible=False), gr.File(visible=False), gr.JSON(visible=False)
    ask = gr.Button(visible=False)
    ask.click(translation_localize, [file, into], [made, told], api_name="translation_localize", **busy)
