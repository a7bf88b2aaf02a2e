"""Image generation: pictures from words; fine-tune a diffusion or flow pipeline on your own captioned images."""

from __future__ import annotations

from collections.abc import Iterable

from suite import Entry, hookimpl


@hookimpl
def suite_domains() -> Iterable[Entry]:
    """The one domain of this plugin."""
    summary = "Make pictures from words; fine-tune on your own captioned images."
    return [Entry("image-generation", summary, "suite_image_generation.domain:IMAGE_GENERATION")]


@hookimpl
def suite_commands() -> Iterable[Entry]:
    """Verbs that only pictures need."""
    crops = "suite_image_generation.commands.sheets:crops"
    grid = "suite_image_generation.commands.sheets:grid"
    return [
        Entry("image-generation crops", "Show what fine-tuning would see of each picture.", crops),
        Entry("image-generation grid", "Draw prompts at several strengths of a fine-tuning.", grid),
    ]
