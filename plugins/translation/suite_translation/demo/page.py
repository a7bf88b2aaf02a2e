"""The Demo tab: a text or a file, segment by segment beside its translation; put one right, and take the file away.

Building the tab needs no model: that loads when the page is opened. What is translated stays on the server under a name
that nobody can guess, and a visitor's session holds only that name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from suite.demo import CorrectionForm, PickList, panel
from suite_translation import formats
from suite_translation.demo import cards
from suite_translation.demo.session import (
    LONGEST,
    DemoSession,
    choices,
    finished,
    first_choice,
    named_codes,
    summary,
)

if TYPE_CHECKING:
    from suite import Predictor

SAMPLE = Path(__file__).parents[1] / "samples" / "messages.po"
EXAMPLE = """Do you want to save the changes?
Delete %d files
%(user)s invited you to <b>%(project)s</b>.
The password is too short.
&Open file"""
_PRIVATE: dict[str, Any] = {"api_visibility": "private"}
_BUSY: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "translation"}
"""One at a time: each translation keeps every core, or the device, busy."""


@dataclass(frozen=True)
class Parts:
    """The components of the tab that handlers read and write."""

    language: gr.Dropdown
    text: gr.Textbox
    go: gr.Button
    file: gr.File
    go_file: gr.Button
    sample: gr.Button
    about: gr.HTML
    form: CorrectionForm
    kept: gr.HTML
    listed: PickList
    save: gr.DownloadButton
    held: gr.State
    picked: gr.State


def build(predictor: Predictor) -> None:
    """Builds the tab inside an open `gr.Blocks`."""
    session = DemoSession(predictor)
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            given, editing = _given(str(predictor.task.config.target_language)), _editing(predictor)
        with gr.Column(scale=3, min_width=320):
            shown = _shown()
    parts = Parts(**given, **editing, **shown, held=gr.State(""), picked=gr.State(-1))
    _choose_language(session, parts)
    _answer(session, parts)
    _correct(session, parts)
    _serve(session, parts.file)


def _given(language: str) -> dict[str, Any]:
    """What a visitor gives: the language, and a text or a file."""
    into = gr.Dropdown(
        named_codes([language]),
        value=language,
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
            return {"language": into, "text": text, "go": go, **_files()}


def _files() -> dict[str, Any]:
    file = gr.File(
        label="PO, XLIFF, TMX, CSV, JSON, ARB or SRT",
        file_types=list(formats.FORMATS),
        height=180,
        elem_id="translation-file",
    )
    go = gr.Button("Translate the file", variant="primary")
    return {"file": file, "go_file": go, "sample": gr.Button("Try a small messages.po", size="sm")}


def _editing(predictor: Predictor) -> dict[str, Any]:
    """The segment that is picked, and where to put it right."""
    about = panel(elem_id="translation-detail", linked=True, follow=True)
    columns, labels = predictor.task.domain.columns, {"target": "Put it right"}
    form = CorrectionForm(columns, ["target"], labels=labels, button="Keep this correction", elem_id="translation")
    return {"about": about, "form": form, "kept": panel(elem_id="translation-kept")}


def _shown() -> dict[str, Any]:
    """The segments beside their translations, and the file to take away."""
    listed = PickList(cards.WELCOME, elem_id="translation-segments")
    save = gr.DownloadButton("Save the translation", interactive=False, elem_id="translation-save")
    return {"listed": listed, "save": save}


def _choose_language(session: DemoSession, parts: Parts) -> None:
    """The languages of the model, once the page is open and it is loaded."""

    def start() -> Any:
        return gr.Dropdown(choices(session.model), value=first_choice(session.model))

    gr.on(None, start, None, parts.language, show_progress="hidden", **_PRIVATE)


def _answer(session: DemoSession, parts: Parts) -> None:
    """The buttons that translate: the list fills while they work."""

    def steps(name: str) -> Iterator[list[Any]]:
        closed = [-1, "", gr.Group(visible=False), ""]
        yield [name, session.page(name), gr.DownloadButton(interactive=False), *closed]
        for _ in session.work(name):
            yield [name, session.page(name), *[gr.skip()] * 5]
        path = session.file(name)
        label = f"Save {Path(path).name}"
        yield [name, session.page(name), gr.DownloadButton(label, value=path, interactive=True), *[gr.skip()] * 4]

    def of_text(said: str, into: str) -> Iterator[list[Any]]:
        yield from steps(session.open_text(said, into))

    def of_file(path: str | None, into: str) -> Iterator[list[Any]]:
        yield from steps(session.open_file(path, into))

    def of_sample(into: str) -> Iterator[list[Any]]:
        yield from of_file(str(SAMPLE), into)

    outputs = [parts.held, parts.listed, parts.save, parts.picked, parts.about, parts.form.box, parts.kept]
    working: dict[str, Any] = {"show_progress": "minimal", "show_progress_on": parts.listed, **_BUSY, **_PRIVATE}
    parts.go.click(of_text, [parts.text, parts.language], outputs, **working)
    parts.go_file.click(of_file, [parts.file, parts.language], outputs, **working)
    parts.sample.click(of_sample, parts.language, outputs, **working)


def _correct(session: DemoSession, parts: Parts) -> None:
    """Picking a segment shows its words and a box; what is written there is kept."""

    def pick(name: str, event: gr.SelectData) -> list[Any]:
        place = int(event.index) if isinstance(event.index, int) else -1
        shown, target = session.detail(name, place)
        return [place, shown, gr.Group(visible=True), *parts.form.ask(values={"target": target}), ""]

    def correct(name: str, place: int, said: dict[str, str | None]) -> list[Any]:
        kept = session.keep(name, place, said["target"] or "")
        saved = gr.DownloadButton(value=session.file(name))
        return [session.page(name, place), session.detail(name, place)[0], kept, saved]

    quiet: dict[str, Any] = {"show_progress": "hidden", **_BUSY, **_PRIVATE}
    opened = [parts.picked, parts.about, parts.form.box, *parts.form.inputs, parts.kept]
    parts.listed.select(pick, parts.held, opened, **quiet)
    changed = [parts.listed, parts.about, parts.kept, parts.save]
    parts.form.on_store(correct, [parts.held, parts.picked], changed, **quiet)


def _serve(session: DemoSession, upload: gr.File) -> None:
    """The endpoints for programs."""

    def translation_translate(text: str, language: str = "de") -> dict[str, Any]:
        """Translates a text into a language given by its code, sentence by sentence, placeholders intact."""
        sheet = finished(session, session.open_text(text, language))
        return {"translation": sheet.text(), **summary(sheet)}

    def translation_localize(file: str, language: str = "de") -> tuple[str, dict[str, Any]]:
        """Translates a PO, XLIFF, TMX, CSV, JSON or SRT file; gives the file and what was translated, how surely."""
        name = session.open_file(file, language)
        answers = summary(finished(session, name))
        return session.file(name), answers

    gr.api(translation_translate, api_name="translation_translate", **_BUSY)
    # Through the file component the endpoint reads what was uploaded to it, and no other file of the server.
    into, made, answers = gr.Textbox(visible=False), gr.File(visible=False), gr.JSON(visible=False)
    ask = gr.Button(visible=False)
    ask.click(translation_localize, [upload, into], [made, answers], api_name="translation_localize", **_BUSY)
