"""The Demo tab's page: what is asked, the gallery, and what stands below it. What it does is in `session.py`.

A `SuiteError` of a handler becomes a message on the page, because the app wraps every handler.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from suite import Predictor
from suite.demo import Markup, panel, stylesheet
from suite_image_generation.demo import cards
from suite_image_generation.demo.session import EXAMPLES, MOST, OWN, SEEDS, DemoSession, Made, random_seed
from suite_image_generation.pictures import styles

PRIVATE: dict[str, Any] = {"api_visibility": "private"}


def build(predictor: Predictor) -> None:
    """Draws the tab inside an open Blocks."""
    stylesheet(Path(__file__).with_name("page.css"))
    session = DemoSession(predictor)
    with gr.Row():
        with gr.Column(scale=2, min_width=320, elem_id="images-asked"):
            prompt = _prompt()
            examples = _examples(prompt)
            go = gr.Button("Make pictures", variant="primary", size="lg")
            asked = {"prompt": prompt, **_asked(session)}
            _settings_of_a_file(session, asked)
            _own_style(session)
        with gr.Column(scale=3, min_width=320, elem_id="images-shown"):
            shown = _shown()
    _draws(session, [go.click, asked["prompt"].submit], examples, asked, shown)
    _varies(session, asked, shown)
    _picks(asked, shown)


def _shown() -> dict[str, Any]:
    """What stands in the right column, by name; "made" and "picked" are kept for the page."""
    shown: dict[str, Any] = {"made": gr.State(None), "picked": gr.State(0), "gallery": _gallery()}
    with gr.Row(visible=False) as shown["next"]:
        shown["vary"] = gr.Button("Variations of the picked one", min_width=120)
        shown["start"] = gr.Button("Start from the picked one", min_width=120)
    shown["strip"] = panel(cards.WELCOME, elem_id="images-strip")
    shown["nearest"] = panel(elem_id="images-nearest")
    shown["notes"] = panel(elem_id="images-notes")
    with gr.Accordion("As data", open=False):
        shown["data"] = gr.JSON(label="Settings of each picture", show_label=False)
    return shown


OUTPUTS = ("made", "picked", "gallery", "next", "strip", "nearest", "notes", "data")
"""What pictures fill, in the order of `_page`."""


def _page(made: Made) -> list[Any]:
    row = gr.Row(visible=bool(made.paths))
    return [made, 0, made.paths, row, steps_of(made, 0), "", made.notes, made.settings]


def _limits(shown: dict[str, Any]) -> dict[str, Any]:
    """One at a time: drawing keeps every core, or the device, busy."""
    return {"concurrency_limit": 1, "concurrency_id": "image-generation", "show_progress_on": shown["gallery"]}


def _draws(
    session: DemoSession, starts: list[Any], examples: Any, asked: dict[str, Any], shown: dict[str, Any]
) -> None:
    """A question, typed or clicked on, fills the right column; scripts ask it too."""

    def images_generate(
        prompt: str,
        seed: float = 42,
        count: float = 4,
        steps: float = 25,
        guidance: float = 5.0,
        scheduler: str = OWN,
        negative: str = "",
        image: str | None = None,
        strength: float = 0.6,
    ) -> list[Any]:
        """Draws pictures of a prompt, from seeds that count on; with a picture, from that one. PNGs hold settings."""
        settings = {"steps": steps, "guidance": guidance, "scheduler": scheduler, "negative": negative}
        return _page(session.make(prompt, seed, count, image=image, strength=strength, **settings))  # type: ignore[arg-type]

    inputs, outputs = [asked[name] for name in ASKED], [shown[name] for name in OUTPUTS]
    drawn = gr.on(starts, images_generate, inputs, outputs, api_name="images_generate", **_limits(shown))
    clicked = examples.load_input_event.then(images_generate, inputs, outputs, **_limits(shown), **PRIVATE)
    for event in (drawn, clicked):
        _compares(session, event, shown)


def _varies(session: DemoSession, asked: dict[str, Any], shown: dict[str, Any]) -> None:
    """The picked picture half changed fills the right column."""

    def variations(made: Made | None, place: int, seed: float, count: float) -> list[Any]:
        return _page(session.vary(made, place, seed, count))

    inputs, outputs = [shown["made"], shown["picked"], asked["seed"], asked["count"]], [shown[name] for name in OUTPUTS]
    event = shown["vary"].click(variations, inputs, outputs, **_limits(shown), **PRIVATE)
    _compares(session, event, shown)


def _compares(session: DemoSession, event: Any, shown: dict[str, Any]) -> None:
    """After the pictures, since it takes as long: the training pictures nearest to them."""

    def near(made: Made | None) -> Markup:
        return session.nearest(made) if made else Markup("")

    quiet = {"concurrency_id": "image-generation", "show_progress": "hidden"}
    event.then(near, shown["made"], shown["nearest"], **quiet, **PRIVATE)


def _picks(asked: dict[str, Any], shown: dict[str, Any]) -> None:
    """A picture of the gallery shows its steps, and may be started from."""

    def pick(made: Made | None, event: gr.SelectData) -> list[Any]:
        place = int(event.index)
        return [place, steps_of(made, place)]

    def started(made: Made | None, place: int) -> list[Any]:
        return [made.paths[place] if made else None, gr.Accordion(open=True)]

    outputs = [shown["picked"], shown["strip"]]
    shown["gallery"].select(pick, shown["made"], outputs, show_progress="hidden", **PRIVATE)
    shown["start"].click(started, [shown["made"], shown["picked"]], [asked["image"], asked["from"]], **PRIVATE)


def _examples(prompt: Any) -> Any:
    """Prompts to click on."""
    return gr.Examples(
        [[example] for example in EXAMPLES],
        inputs=[prompt],
        label="Click one of these",
        example_labels=list(EXAMPLES),
        cache_examples=False,
        api_visibility="private",
    )


ASKED = ("prompt", "seed", "count", "steps", "guidance", "scheduler", "negative", "image", "strength")
"""The fields of a question, in the order of `images_generate`."""


def _prompt() -> gr.Textbox:
    label = "What should the picture show?"
    return gr.Textbox(label=label, placeholder="red heart", max_lines=4, elem_id="images-prompt")


def _asked(session: DemoSession) -> dict[str, Any]:
    """The other fields of a question by name, and the accordion "from" around the picture."""
    return _seed_and_count() | _sampling(session) | _start()


def _seed_and_count() -> dict[str, Any]:
    with gr.Row():
        limits: dict[str, Any] = {"precision": 0, "minimum": 0, "maximum": SEEDS}
        seed = gr.Number(42, label="Seed", min_width=120, elem_id="images-seed", **limits)
        other = gr.Button("Another seed", min_width=100, elem_id="images-random")
    other.click(random_seed, None, seed, show_progress="hidden", **PRIVATE)
    return {"seed": seed, "count": gr.Slider(1, MOST, 4, step=1, label="Pictures")}


def _sampling(session: DemoSession) -> dict[str, Any]:
    steps, guidance, samplers = session.config.sample_steps, session.config.guidance, session.samplers()
    with gr.Accordion("Steps, guidance and sampler", open=False):
        return {
            "steps": gr.Slider(1, 100, steps, step=1, label="Denoising steps"),
            "guidance": gr.Slider(0, 15, guidance, step=0.5, label="Guidance: how closely to the words"),
            "scheduler": gr.Dropdown(samplers, value=OWN, label="Sampler"),
            "negative": gr.Textbox("", label="What it should not show", max_lines=2),
        }


def _start() -> dict[str, Any]:
    with gr.Accordion("Start from a picture", open=False) as around:
        image = gr.Image(
            type="filepath", format="png", image_mode=None, sources=["upload", "clipboard"], height=200,
            label="Picture", elem_id="images-start",
        )  # fmt: skip
        strength = gr.Slider(0.05, 1, 0.6, step=0.05, label="How much of it changes")
    return {"from": around, "image": image, "strength": strength}


def _settings_of_a_file(session: DemoSession, asked: dict[str, gr.Component]) -> None:
    """A PNG made here fills the fields again."""
    with gr.Accordion("Make a picture again from its PNG", open=False, elem_classes="img-later"):
        file = gr.File(label="PNG made here", file_types=[".png"], type="filepath", height=120, elem_id="images-again")
        box = panel(elem_id="images-settings")

    def again(path: str | None) -> list[Any]:
        settings, card = session.settings(path)
        fits = settings["scheduler"] in session.samplers()  # another model's may be of the other family
        return [card, 1, settings["scheduler"] if fits else OWN, *(settings[name] for name in fields)]

    fields = ("prompt", "seed", "steps", "guidance", "negative")
    filled = [box, asked["count"], asked["scheduler"], *(asked[name] for name in fields)]
    file.upload(again, file, filled, **PRIVATE)


def _own_style(session: DemoSession) -> None:
    """Pictures of a visitor's own, with captions, to be learnt."""
    with gr.Accordion("Use these as my style", open=False, elem_classes="img-later"):
        gr.Markdown(
            f"{styles.FEWEST} to {styles.MOST} pictures of one style and what each shows. They are stored with your "
            "runs on this machine and nowhere else; you get the command that teaches them. Take only what you may use."
        )
        files = gr.File(
            label="Pictures", file_count="multiple", file_types=["image"], type="filepath", height=160,
            elem_id="images-style-files",
        )  # fmt: skip
        captions = gr.Dataframe(
            headers=["picture", "what it shows"], datatype=["str", "str"], column_count=2, interactive=True,
            visible=False, label="Captions, from the files' names: mend what is wrong", wrap=True,
        )  # fmt: skip
        with gr.Row(visible=False) as row:
            name = gr.Textbox("my-style", label="Name of the style", min_width=160)
            keep = gr.Button("Store as my style", variant="primary", min_width=160)
        box = panel(elem_id="images-style")

    def listed(paths: list[str] | None) -> list[Any]:
        rows = [[Path(path).name, styles.caption_of(path)] for path in paths or []]
        return [gr.Dataframe(value=rows, visible=bool(rows)), gr.Row(visible=bool(rows)), ""]

    def store(paths: list[str] | None, table: list[list[Any]], called: str) -> Markup:
        return session.keep_style(paths, table, called)

    captions.type = "array"
    gr.on([files.upload, files.clear, files.delete], listed, files, [captions, row, box], **PRIVATE)
    keep.click(store, [files, captions, name], box, **PRIVATE)


def _gallery() -> gr.Gallery:
    """The files as they are: what is downloaded still holds its settings. Nothing is shared with other sites."""
    return gr.Gallery(
        label="Pictures", show_label=False, columns=4, height="auto", object_fit="contain", format="png",
        interactive=False, preview=False, buttons=["download", "fullscreen"], elem_id="images-gallery",
    )  # fmt: skip


def steps_of(made: Made | None, place: int) -> Markup:
    """The steps of one picture."""
    if not made or place >= len(made.frames):
        return Markup("")
    return cards.strip_card(made.frames[place], made.seeds[place])
