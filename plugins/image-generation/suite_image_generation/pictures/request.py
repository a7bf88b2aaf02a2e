"""What is asked of a model: prompt, size, seed, steps."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class Request:
    """One picture. None leaves a setting to the pipeline; `image` makes it image-to-image, `strength` in (0, 1]."""

    prompt: str
    seed: int
    steps: int | None = None
    guidance: float | None = None
    width: int | None = None
    height: int | None = None
    negative: str = ""
    scheduler: str = ""
    image: Image.Image | None = None
    strength: float = 0.6
    note: str = ""
    """What to tell who asked, such as what was cut off the prompt; it changes nothing."""
