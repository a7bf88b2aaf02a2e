"""HTML of the Demo tab: the pictures' company. All text from outside is escaped here."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

    from suite_image_generation.evaluation.neighbours import Index, Neighbour
    from suite_image_generation.pictures.styles import Style

SHOWN = 160
"""Longest side of a picture inside the page; the gallery has the full ones."""

STYLE = """<style>
#images-gallery .grid-wrap img, .img-square {
  background: repeating-conic-gradient(rgb(128 128 128 / 0.22) 0% 25%, transparent 0% 50%) 50% / 16px 16px; }
#images-gallery .grid-wrap { min-height: 0; }
#images-gallery .gallery-container:has(.preview) { min-height: 26rem; }
#images-random { align-self: center; }
.img-card { border: 1px solid var(--border-color-primary); border-radius: var(--block-radius); padding: 1.1rem 1.25rem;
  background: var(--block-background-fill); color: var(--body-text-color); margin-top: 0.25rem; }
.img-card h3 { font-size: 1rem; font-weight: 700; margin: 0 0 0.2rem !important; }
.img-card p { margin: 0; line-height: 1.5; }
.img-quiet, .img-card figcaption { color: var(--body-text-color-subdued); font-size: 0.9rem; }
.img-pairs { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem;
  margin: 0.9rem 0 0.6rem; }
.img-pair { margin: 0; min-width: 0; }
.img-pair div { display: grid; grid-template-columns: 1fr 1fr; gap: 0.35rem; }
.img-square { width: 100%; aspect-ratio: 1; object-fit: contain; border-radius: 0.5rem; margin: 0; display: block; }
.img-pair figcaption { margin-top: 0.35rem; line-height: 1.4; overflow-wrap: anywhere; }
.img-pair figcaption b { color: var(--body-text-color); }
.img-copy { color: #a13030 !important; }
.dark .img-copy { color: #ff9d9d !important; }
.img-strip { display: grid; grid-template-columns: repeat(8, minmax(0, 1fr)); gap: 0.4rem; margin: 0.9rem 0 0; }
.img-strip figure { margin: 0; }
.img-strip figcaption { text-align: center; font-size: 0.8rem; margin-top: 0.2rem; }
.img-note { border-left: 3px solid #d9a441; padding-left: 0.75rem; margin-top: 0.35rem !important; }
.img-command { display: block; margin: 0.6rem 0; padding: 0.6rem 0.8rem; border-radius: 0.5rem; overflow-wrap: anywhere;
  background: var(--background-fill-secondary); font-family: var(--font-mono); font-size: 0.85rem; user-select: all; }
@media (max-width: 640px) {
  .img-card { padding: 0.9rem 1rem; }
  .img-strip { grid-template-columns: repeat(4, minmax(0, 1fr)); }
  #images-asked { display: contents; }
  #images-asked > * { flex: 1 1 100%; }
  #images-shown { order: 1; }
  .img-later { order: 2; }
  #images-gallery .grid-container { grid-template-columns: repeat(2, 1fr) !important; }
}
</style>"""


WELCOME = (
    "<div class='img-card'><p><b>Pictures appear here.</b></p><p class='img-quiet'>Say what they should show, or click "
    "an example. Each PNG holds its seed and settings, so that it can be made again.</p></div>"
)


def uri(picture: Image.Image) -> str:
    """A picture as a data URI, at most `SHOWN` pixels a side."""
    small, buffer = picture.copy(), io.BytesIO()
    small.thumbnail((SHOWN, SHOWN))
    small.save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def notes_card(facts: str, notes: Sequence[str], screened: str) -> str:
    """How long it took, what there is to say about single pictures, and what the check before display covers."""
    told = "".join(f"<p class='img-note'>{html.escape(note)}</p>" for note in dict.fromkeys(notes))
    return (
        f"<div class='img-card'><p>{html.escape(facts)}</p>{told}<p class='img-quiet'>{html.escape(screened)}</p></div>"
    )


def strip_card(frames: Sequence[tuple[int, Image.Image]], seed: int) -> str:
    """The denoising of one picture, from noise to itself; `frames` are steps with their previews."""
    if not frames:
        return ""
    figures = "".join(
        f"<figure><img class='img-square' src='{uri(picture)}' alt='After step {step}'>"
        f"<figcaption>step {step}</figcaption></figure>"
        for step, picture in frames
    )
    return (
        f"<div class='img-card'><h3>How the picture of seed {seed} came about</h3><p class='img-quiet'>"
        "Denoising begins with noise. Pick another picture above to see its steps.</p>"
        f"<div class='img-strip'>{figures}</div></div>"
    )


def nearest_card(
    pictures: Sequence[tuple[int, Image.Image]], found: Sequence[Neighbour], index: Index, whose: str
) -> str:
    """Each picture (with its seed) beside the training picture it is nearest to, and whether it is a copy of it."""
    pairs = "".join(_pair(seed, picture, one, index) for (seed, picture), one in zip(pictures, found, strict=True))
    copies = sum(one.memorised for one in found)
    verdict = (
        "None of them is a copy of a training picture."
        if not copies
        else f"<b class='img-copy'>{copies} of {len(found)} {'is a copy' if copies == 1 else 'are copies'}</b> of what "
        "the model was trained on."
    )
    return (
        f"<div class='img-card'><h3>Nearest training pictures</h3><p>{verdict}</p><div class='img-pairs'>{pairs}</div>"
        f"<details class='img-quiet'><summary>What counts as a copy</summary>{html.escape(str(index.threshold))} "
        f"{html.escape(whose)}</details></div>"
    )


def no_nearest_card(reason: str) -> str:
    """Why no training pictures are shown."""
    return (
        f"<div class='img-card'><h3>Nearest training pictures</h3><p class='img-quiet'>{html.escape(reason)}</p></div>"
    )


def stored_card(style: Style) -> str:
    """Where a style was stored, what was left out, and how to learn it."""
    left = "".join(f"<p class='img-note'>Left out: {html.escape(one)}</p>" for one in style.left_out)
    return (
        f"<div class='img-card'><p><b>{style.pictures} pictures are stored</b> in "
        f"{html.escape(str(style.folder))}, and only there.</p>{left}<p>Teach them to the model, in a few minutes:</p>"
        f"<code class='img-command'>{html.escape(style.command)}</code>"
        "<p class='img-quiet'>Then start the app again: it answers with the newest run.</p></div>"
    )


def settings_card(told: dict[str, Any], *, same: bool) -> str:
    """What was read from a PNG, and whether the model that answers here can make it again."""
    fact = (
        "This model made it: press the button and it comes again, pixel for pixel on this kind of machine."
        if same
        else f"Another model made it ({told['model']}): with the same settings this one draws something else."
    )
    more = " It was made from another picture, which is not in the file." if told.get("image") else ""
    return f"<div class='img-card'><p>The settings are filled in. {html.escape(fact)}{more}</p></div>"


def _pair(seed: int, picture: Image.Image, one: Neighbour, index: Index) -> str:
    caption = html.escape(index.captions[one.index])
    mark = "<b class='img-copy'>a copy</b>" if one.memorised else "not a copy"
    return (
        f"<figure class='img-pair'><div><img class='img-square' src='{uri(picture)}' alt='Made with seed {seed}'>"
        f"<img class='img-square' src='{uri(index.picture(one.index))}' alt='Training picture: {caption}'></div>"
        f"<figcaption><b>{caption}</b><br>similarity {one.similarity:.2f}, distance {one.distance:.2f}: {mark}"
        "</figcaption></figure>"
    )
