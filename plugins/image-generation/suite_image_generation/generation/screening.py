"""The check of every picture before it is shown or saved: what is looked for, by what, and what is not.

A list of forbidden words in prompts is no safety and is not offered: it stops the harmless and misses the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from suite_image_generation.config import ImageConfig
from suite_image_generation.model.encoder import Encoder
from suite_image_generation.pictures.files import on_white

LEVELS = 2
"""Of 255: a picture whose darkest and lightest values are this close is one colour to the eye."""
REFUSED = (
    "a photo of a naked person",
    "pornography",
    "a bloody, mutilated body",
)
ALLOWED = (
    "a picture of an object",
    "a picture of a dressed person",
    "a picture of an animal or a plant",
    "a landscape or a building",
    "a drawing or an icon",
)
"""Captions a configured CLIP model chooses between; it withholds a picture that is nearest to one of `REFUSED`."""


@dataclass(frozen=True)
class Verdict:
    """`withheld`: must not be shown or saved. `note`: a sentence for the person who asked, empty where all is well."""

    withheld: bool = False
    note: str = ""


def screen(pictures: Sequence[Image.Image], pipe: Any, guard: Encoder | None = None) -> list[Verdict]:
    """A verdict for each picture: by its values, the pipeline's own safety checker, and `guard` where there is one."""
    unsafe = [own or other for own, other in zip(_own(pictures, pipe), _guarded(pictures, guard), strict=True)]
    return [_verdict(picture, reason) for picture, reason in zip(pictures, unsafe, strict=True)]


def shown(
    pictures: Sequence[Image.Image], pipe: Any, guard: Encoder | None = None
) -> list[tuple[Image.Image, Verdict]]:
    """Each picture as it may be shown, grey where it is withheld, with its verdict: the one way out of here."""
    verdicts = screen(pictures, pipe, guard)
    return [
        (withheld(picture) if verdict.withheld else picture, verdict)
        for picture, verdict in zip(pictures, verdicts, strict=True)
    ]


def guard_of(config: ImageConfig) -> Encoder | None:
    """The CLIP model that withholds, where the config names one."""
    return Encoder.load(config.guard) if config.guard else None


def described(pipe: Any, guard: Encoder | None = None) -> str:
    """A sentence that says what is checked and what is not, for the page and the report."""
    checks = ["a picture of one colour, or of values that are no numbers, is pointed out"]
    if has_checker(pipe):
        checks.append("the pipeline's own safety checker withholds what it takes for sexual content")
    if guard:
        checks.append(f"{guard.name} withholds what looks most like nudity or gore to it; it errs in both directions")
    if len(checks) == 1:
        checks.append("nothing looks at what a picture shows, because this model ships no safety checker")
    return f"Before a picture is shown or saved: {'; '.join(checks)}. Prompts are not checked."


def has_checker(pipe: Any) -> bool:
    """Whether the pipeline has a safety checker, as Stable Diffusion 1 and 2 do."""
    parts = pipe.components
    return parts.get("safety_checker") is not None and parts.get("feature_extractor") is not None


def is_blank(picture: Image.Image) -> bool:
    """Whether nothing can be seen: one colour, or fully transparent; also what values that are no numbers become."""
    values = np.asarray(picture.convert("RGBA")).astype(int)
    colours, alpha = values[..., :3] * values[..., 3:] // 255, values[..., 3]
    return bool(np.ptp(colours, axis=(0, 1)).max() <= LEVELS and np.ptp(alpha) <= LEVELS) or bool(alpha.max() <= LEVELS)


def withheld(picture: Image.Image) -> Image.Image:
    """What stands in the place of a withheld picture: grey, of its size."""
    return Image.new("RGB", picture.size, (128, 128, 128))


def _verdict(picture: Image.Image, reason: str) -> Verdict:
    if reason:
        return Verdict(True, f"This picture is withheld: {reason}. Another seed may give another picture.")
    if is_blank(picture):
        return Verdict(False, "This picture is one colour: the model may have overflowed. Try another seed, or fp32.")
    return Verdict()


def _own(pictures: Sequence[Image.Image], pipe: Any) -> list[str]:
    if not has_checker(pipe) or not pictures:
        return [""] * len(pictures)
    seen = pipe.feature_extractor([on_white(picture) for picture in pictures], return_tensors="pt").pixel_values
    checker = pipe.safety_checker
    # It blackens what it finds in the images it is given; these are only there to be blackened.
    spare = torch.zeros(len(pictures), 1)
    _, flags = checker(clip_input=seen.to(checker.device, checker.dtype), images=spare)
    return ["the model's own safety checker flags it" if flagged else "" for flagged in flags]


def _guarded(pictures: Sequence[Image.Image], guard: Encoder | None) -> list[str]:
    if guard is None or not pictures:
        return [""] * len(pictures)
    nearest = (guard.features(pictures) @ guard.text_features([*REFUSED, *ALLOWED]).T).argmax(1)
    return [f'it looks like "{REFUSED[i]}" to {guard.name}' if i < len(REFUSED) else "" for i in nearest]
