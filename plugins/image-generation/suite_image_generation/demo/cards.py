"""What the Demo tab says of its pictures. All text from outside is text, which the kit escapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from suite.demo import (
    Content,
    Markup,
    card,
    code,
    counted,
    figure,
    figures,
    join,
    more,
    notice,
    number,
    paragraph,
    picture,
    tag,
    tinted,
)

if TYPE_CHECKING:
    from PIL import Image

    from suite_image_generation.model.neighbours import Index, Neighbour
    from suite_image_generation.pictures.styles import Style

SHOWN = 160
"""Longest side of a picture inside the page; the gallery has the full ones."""
WELCOME = card(
    paragraph(tag("b", "Pictures appear here.")),
    paragraph(
        "Say what they should show, or click an example. Each PNG holds its seed and settings, so that it can be made "
        "again.",
        tone="quiet",
    ),
)
NEAREST = "Nearest training pictures"


def notes_card(facts: str, notes: Sequence[str], screened: str) -> Markup:
    """How long it took, what there is to say about single pictures, and what the check before display covers."""
    notices = (notice(note, tone="warn") for note in dict.fromkeys(notes))
    return card(paragraph(facts), *notices, paragraph(screened, tone="quiet"))


def strip_card(frames: Sequence[tuple[int, Image.Image]], seed: int) -> Markup:
    """The denoising of one picture, from noise to itself; `frames` are steps with their previews."""
    if not frames:
        return Markup("")
    steps = [
        figure(picture(image, f"After step {step}", longest=SHOWN), caption=f"step {step}") for step, image in frames
    ]
    return card(
        paragraph("Denoising begins with noise. Pick another picture above to see its steps.", tone="quiet"),
        figures(steps, columns=8, narrow=4),
        title=f"How the picture of seed {seed} came about",
    )


def nearest_card(
    pictures: Sequence[tuple[int, Image.Image]], nearest: Sequence[Neighbour], index: Index, whose: str
) -> Markup:
    """Each picture (with its seed) beside the training picture it is nearest to, and whether it is a copy of it."""
    pairs = [_pair(seed, image, near, index) for (seed, image), near in zip(pictures, nearest, strict=True)]
    copies = sum(near.memorised for near in nearest)
    verdict: list[Content] = ["None of them is a copy of a training picture."]
    if copies:
        counts = counted(copies, f"of {len(nearest)} is a copy", f"of {len(nearest)} are copies")
        verdict = [tag("b", tinted(counts, "bad")), " of what the model was trained on."]
    return card(
        paragraph(*verdict),
        figures(pairs, columns=2, narrow=2),
        more("What counts as a copy", f"{index.threshold} {whose}"),
        title=NEAREST,
    )


def no_nearest_card(reason: str) -> Markup:
    """Why no training pictures are shown."""
    return card(paragraph(reason, tone="quiet"), title=NEAREST)


def stored_card(style: Style) -> Markup:
    """Where a style was stored, what was left out, and how to learn it."""
    return card(
        paragraph(tag("b", f"{style.pictures} pictures are stored"), f" in {style.folder}, and only there."),
        *(notice(f"Left out: {reason}", tone="warn") for reason in style.left_out),
        paragraph("Teach them to the model, in a few minutes:"),
        code(style.command, block=True),
        paragraph("Then start the app again: it answers with the newest run.", tone="quiet"),
    )


def settings_card(settings: dict[str, Any], *, same: bool) -> Markup:
    """What was read from a PNG, and whether the model that answers here can make it again."""
    fact = (
        "This model made it: press the button and it comes again, pixel for pixel on this kind of machine."
        if same
        else f"Another model made it ({settings['model']}): with the same settings this one draws something else."
    )
    origin = " It was made from another picture, which is not in the file." if settings.get("image") else ""
    return card(paragraph(f"The settings are filled in. {fact}{origin}"))


def _pair(seed: int, image: Image.Image, nearest: Neighbour, index: Index) -> Markup:
    caption = index.captions[nearest.index]
    mark = tag("b", tinted("a copy", "bad")) if nearest.memorised else "not a copy"
    near = f"similarity {number(nearest.similarity, 2)}, distance {number(nearest.distance, 2)}: "
    return figure(
        picture(image, f"Made with seed {seed}", longest=SHOWN),
        picture(index.picture(nearest.index), f"Training picture: {caption}", longest=SHOWN),
        caption=join([tag("b", caption), tag("br"), near, mark]),
    )
