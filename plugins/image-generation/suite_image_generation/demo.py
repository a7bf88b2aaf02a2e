"""The Demo tab's page: what is asked, the gallery, and what stands below it. What it does is in `desk.py`.

A `SuiteError` of a handler becomes a message on the page, because the app wraps every handler.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import Predictor
from suite_image_generation import cards, styles
from suite_image_generation.desk import EXAMPLES, MOST, OWN, SEEDS, Desk, Made, random_seed
from suite_image_generation.schedulers import FLOW, NOISE

if TYPE_CHECKING:
    import gradio as gr

    from suite_image_generation.domain import ImageGenerationDomain

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
HTML: dict[str, Any] = {"padding": False, "elem_classes": "suite-flush"}


def build(domain: ImageGenerationDomain, predictor: Predictor) -> None:
    """Draws the tab inside an open Blocks."""
    import gradio as gr

    desk = Desk(domain, predictor)
    made, picked = gr.State(None), gr.State(0)
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            asked = _asked(domain)
            go = gr.Button("Make pictures", variant="primary", size="lg")
            shelf = gr.Column()
            _settings_of_a_file(desk, asked)
            _own_style(desk)
        with gr.Column(scale=3, min_width=320):
            gallery = _gallery()
            with gr.Row(visible=False) as next_steps:
                vary = gr.Button("Variations of the picked one", min_width=120)
                start = gr.Button("Start from the picked one", min_width=120)
            strip = gr.HTML(cards.STYLE + cards.WELCOME, elem_id="images-strip", **HTML)
            nearest = gr.HTML(elem_id="images-nearest", **HTML)
            notes = gr.HTML(elem_id="images-notes", **HTML)
            with gr.Accordion("As data", open=False):
                data = gr.JSON(label="Settings of each picture", show_label=False)
    outputs = [made, picked, gallery, next_steps, strip, nearest, notes, data]

    def page(found: Made) -> list[Any]:
        row = gr.Row(visible=bool(found.paths))
        return [found, 0, found.paths, row, steps_of(found, 0), "", found.notes, found.told]

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
        return page(desk.make(prompt, seed, count, image=image, strength=strength, **settings))  # type: ignore[arg-type]

    def near(found: Made | None) -> str:
        return desk.nearest(found) if found else ""

    def pick(found: Made | None, event: Any) -> list[Any]:
        return [event.index, steps_of(found, event.index)]

    pick.__annotations__["event"] = gr.SelectData  # by which Gradio knows what to pass; it is imported here only

    def variations(found: Made | None, place: int, seed: float, count: float) -> list[Any]:
        return page(desk.vary(found, place, seed, count))

    def started(found: Made | None, place: int) -> list[Any]:
        return [found.paths[place] if found else None, gr.Accordion(open=True)]

    # One at a time: drawing keeps every core, or the device, busy.
    limits: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "image-generation", "show_progress_on": gallery}
    inputs = [asked[name] for name in ASKED]
    drawn = gr.on(
        [go.click, asked["prompt"].submit], images_generate, inputs, outputs, api_name="images_generate", **limits
    )
    varied = vary.click(variations, [made, picked, asked["seed"], asked["count"]], outputs, **limits, **PRIVATE)
    for event in (drawn, varied):
        event.then(near, made, nearest, concurrency_id="image-generation", show_progress="hidden", **PRIVATE)
    gallery.select(pick, made, [picked, strip], show_progress="hidden", **PRIVATE)
    start.click(started, [made, picked], [asked["image"], asked["from"]], **PRIVATE)
    with shelf:
        gr.Examples(
            [[prompt] for prompt in EXAMPLES],
            inputs=[asked["prompt"]],
            label="Click one of these",
            example_labels=list(EXAMPLES),
            cache_examples=False,
            api_visibility="private",
        ).load_input_event.then(images_generate, inputs, outputs, **limits, **PRIVATE).then(
            near, made, nearest, concurrency_id="image-generation", show_progress="hidden", **PRIVATE
        )


ASKED = ("prompt", "seed", "count", "steps", "guidance", "scheduler", "negative", "image", "strength")
"""The fields of a question, in the order of `images_generate`."""


def _asked(domain: ImageGenerationDomain) -> dict[str, Any]:
    """The fields of a question by name, and the accordion "from" around the picture."""
    import gradio as gr

    found: dict[str, Any] = {}
    found["prompt"] = gr.Textbox(
        label="What should the picture show?", placeholder="red heart", max_lines=4, elem_id="images-prompt"
    )
    with gr.Row():
        found["seed"] = gr.Number(
            42, label="Seed", precision=0, minimum=0, maximum=SEEDS, min_width=120, elem_id="images-seed"
        )
        other = gr.Button("Another seed", min_width=100, elem_id="images-random")
    found["count"] = gr.Slider(1, MOST, 4, step=1, label="Pictures")
    with gr.Accordion("Steps, guidance and sampler", open=False):
        found["steps"] = gr.Slider(1, 100, domain.config.sample_steps, step=1, label="Denoising steps")
        found["guidance"] = gr.Slider(
            0, 15, domain.config.guidance, step=0.5, label="Guidance: how closely to the words"
        )
        samplers = [OWN, *sorted(NOISE), *sorted(FLOW)]
        found["scheduler"] = gr.Dropdown(samplers, value=OWN, label="Sampler")
        found["negative"] = gr.Textbox("", label="What it should not show", max_lines=2)
    with gr.Accordion("Start from a picture", open=False) as found["from"]:
        found["image"] = gr.Image(
            type="filepath", format="png", image_mode=None, sources=["upload", "clipboard"], height=200,
            label="Picture", elem_id="images-start",
        )  # fmt: skip
        found["strength"] = gr.Slider(0.05, 1, 0.6, step=0.05, label="How much of it changes")
    other.click(random_seed, None, found["seed"], show_progress="hidden", **PRIVATE)
    return found


def _settings_of_a_file(desk: Desk, asked: dict[str, gr.Component]) -> None:
    """A PNG made here fills the fields again."""
    import gradio as gr

    with gr.Accordion("Make a picture again from its PNG", open=False):
        file = gr.File(label="PNG made here", file_types=[".png"], type="filepath", height=120, elem_id="images-again")
        said = gr.HTML(elem_id="images-settings", **HTML)

    def again(path: str | None) -> list[Any]:
        told, card = desk.settings(path)
        return [card, 1, told["scheduler"] or OWN, *(told[name] for name in fields)]

    fields = ("prompt", "seed", "steps", "guidance", "negative")
    filled = [said, asked["count"], asked["scheduler"], *(asked[name] for name in fields)]
    file.upload(again, file, filled, **PRIVATE)


def _own_style(desk: Desk) -> None:
    """Pictures of a visitor's own, with captions, to be learnt."""
    import gradio as gr

    with gr.Accordion("Use these as my style", open=False):
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
        said = gr.HTML(elem_id="images-style", **HTML)

    def listed(paths: list[str] | None) -> list[Any]:
        rows = [[Path(path).name, styles.caption_of(path)] for path in paths or []]
        return [gr.Dataframe(value=rows, visible=bool(rows)), gr.Row(visible=bool(rows)), ""]

    def store(paths: list[str] | None, table: list[list[Any]], called: str) -> str:
        return desk.keep_style(paths, table, called)

    captions.type = "array"
    gr.on([files.upload, files.clear, files.delete], listed, files, [captions, row, said], **PRIVATE)
    keep.click(store, [files, captions, name], said, **PRIVATE)


def _gallery() -> gr.Gallery:
    """The files as they are: what is downloaded still holds its settings. Nothing is shared with other sites."""
    import gradio as gr

    return gr.Gallery(
        label="Pictures", columns=4, height="auto", object_fit="contain", format="png", interactive=False,
        preview=False, buttons=["download", "fullscreen"], elem_id="images-gallery",
    )  # fmt: skip


def steps_of(found: Made | None, place: int) -> str:
    """HTML of the steps of one picture."""
    if not found or place >= len(found.frames):
        return cards.STYLE
    return cards.STYLE + cards.strip_card(found.frames[place], found.seeds[place])
