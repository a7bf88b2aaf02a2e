"""What the Demo tab does: words to pictures, how they came about, what they are near to, a style of one's own.

No model is needed to open it: that loads at the first question. Prompts and pictures stay on this machine.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import Prediction, Predictor, SuiteError, resolve_model
from suite.demo import Downloads, Markup, counted
from suite_image_generation.demo import cards
from suite_image_generation.pictures import files as pictures
from suite_image_generation.pictures import styles
from suite_image_generation.starter.assets import STARTER

if TYPE_CHECKING:
    from PIL import Image

    from suite_image_generation.domain import ImageGenerationDomain

EXAMPLES = ("cat", "red heart", "sun", "red car", "rainbow", "owl, fluent style")
"""Prompts to click on, of what the starter draws best."""
MOST = 8
"""Pictures at once: two rows of the gallery."""
SEEDS = 2**31
"""Random seeds are below this, which every program can read."""
VARIED = 0.5
"""Strength of a variation: the subject stays, what it looks like does not."""
OWN = "the model's own"


@dataclass
class Made:
    """Pictures of one question, as the page keeps them: files, seeds, frames of each, and what is said."""

    prompt: str
    paths: list[str]
    seeds: list[int]
    frames: list[list[tuple[int, Image.Image]]]
    notes: Markup
    told: list[dict[str, Any]] = field(default_factory=list)


class Handlers:
    """What they share: the domain, who answers, and the files offered for download."""

    def __init__(self, domain: ImageGenerationDomain, predictor: Predictor) -> None:
        self.domain, self.predictor = domain, predictor
        self._downloads = Downloads("suite-images-")

    def make(
        self,
        prompt: str,
        seed: float = 0,
        count: float = 4,
        *,
        steps: float = 25,
        guidance: float = 5.0,
        scheduler: str = "",
        negative: str = "",
        image: str | None = None,
        strength: float = 0.6,
    ) -> Made:
        """`count` pictures with seeds from `seed` on. Raises `SuiteError` for an empty prompt without a picture."""
        from suite_image_generation.generation.sampling import watching
        from suite_image_generation.model.latents import Captioned
        from suite_image_generation.pictures.prompts import cut
        from suite_image_generation.pictures.request import Request

        words, said = cut(prompt or "")
        unwanted, more = cut(negative or "", "negative prompt")
        if not words and not image:
            raise SuiteError("Say in a few words what the picture should show, or pick an example.")
        given, note = pictures.given(image) if image else None, " ".join(filter(None, (said, more)))
        sampler = "" if scheduler in ("", OWN) else scheduler
        settings = {"steps": int(steps), "guidance": float(guidance), "scheduler": sampler, "strength": float(strength)}
        asked = [
            Request(words, int(seed) + place, negative=unwanted, image=given, note=note, **settings)  # type: ignore[arg-type]
            for place in range(max(1, min(MOST, int(count))))
        ]
        _ = self.predictor.model  # loading it is not part of how fast it draws
        began, steps_seen = time.perf_counter(), Steps()
        with watching(steps_seen):
            answers = self.predictor([Captioned(one.prompt, request=one) for one in asked])
        return self._made(words, answers, steps_seen.frames(), time.perf_counter() - began)

    def samplers(self) -> list[str]:
        """What can be chosen: the model's own, and those for what it predicts, as its files say; none is loaded."""
        from suite_image_generation.model import schedulers

        if run := self.predictor.run:
            return [OWN, *schedulers.names_of(run.model)]
        reference = self.predictor.source or self.domain.config.model or STARTER.answering
        try:
            return [OWN, *schedulers.names_of(resolve_model(reference, STARTER.assets))]
        except SuiteError:  # the first question will say so
            return [OWN]

    def vary(self, made: Made | None, place: int, seed: float, count: float) -> Made:
        """Variations of one of the pictures: from it, half changed, with its own words and settings."""
        if not made or place >= len(made.paths):
            raise SuiteError("Make a picture first, and pick it.")
        told = made.told[place]
        settings = {name: told[name] for name in ("steps", "guidance", "scheduler", "negative")}
        return self.make(made.prompt, seed, count, image=made.paths[place], strength=VARIED, **settings)

    def nearest(self, made: Made) -> Markup:
        """The pictures beside the training pictures they are nearest to."""
        from suite_image_generation.evaluation.trained_on import index_for
        from suite_image_generation.model.encoder import Encoder

        encoder = Encoder.load(self.domain.config.encoder)
        index, whose = index_for(self.predictor, encoder)
        if index is None or not made.paths:
            return cards.no_nearest_card(whose)
        drawn = [pictures.given(path) for path in made.paths]
        found = index.nearest(drawn, encoder)
        return cards.nearest_card(list(zip(made.seeds, drawn, strict=True)), found, index, whose)

    def settings(self, path: str | None) -> tuple[dict[str, Any], Markup]:
        """What a PNG tells of itself, and a box that says whether it can be made again here."""
        from suite_image_generation.pictures.png import read_settings

        if not path:
            raise SuiteError("Choose a PNG that was made here.")
        told = read_settings(path)
        _ = self.predictor.model
        return told, cards.settings_card(told, same=told["model"] == self.domain.model_hash())

    def keep_style(self, files: Sequence[str] | None, captions: Sequence[Sequence[Any]], name: str) -> Markup:
        """Stores a visitor's pictures as a style; a box with the command that learns it."""
        if not files:
            raise SuiteError(f"Choose {styles.FEWEST} to {styles.MOST} pictures of the style first.")
        said = {str(row[0]): str(row[1] or "") for row in captions}
        texts = [said.get(Path(path).name, styles.caption_of(path)) for path in files]
        runs, model = self.domain.config.output, self._base()
        stored = styles.store(files, texts, name, runs=runs, domain=self.domain.name, model=model)
        return cards.stored_card(stored)

    def _made(self, prompt: str, answers: Sequence[Prediction], frames: list[Any], seconds: float) -> Made:
        from suite_image_generation.generation import screening
        from suite_image_generation.pictures.png import read_settings

        folder, shown = self._downloads.folder(), [place for place, one in enumerate(answers) if not one["withheld"]]
        paths = [self._written(folder, place + 1, answers[place]) for place in shown]
        facts = f"{counted(len(answers), 'picture')} in {seconds:.1f} s."
        screened = screening.described(self.domain.pipeline, screening.guard_of(self.domain.config))
        return Made(
            prompt=prompt,
            paths=paths,
            seeds=[answers[place]["seed"] for place in shown],
            frames=[frames[place] for place in shown] if len(frames) == len(answers) else [],
            notes=cards.notes_card(facts, [one["note"] for one in answers if one["note"]], screened),
            told=[read_settings(path) for path in paths],
        )

    def _base(self) -> str:
        """The model on screen, or for a run the one that it was trained from; "" for the starter."""
        if self.predictor.run:
            _ = self.predictor.model  # brings the run's config
            return str(self.domain.config.model or "")
        return str(self.predictor.source or self.domain.config.model or "")

    def _written(self, folder: Path, number: int, answer: Prediction) -> str:
        from suite_image_generation.generation.answers import png_of
        from suite_image_generation.generation.writing import file_name

        path = folder / file_name(number, answer["prompt"])
        path.write_bytes(png_of(answer))
        return str(path)


class Steps:
    """Collects the previews of every batch."""

    def __init__(self) -> None:
        self._done: list[list[tuple[int, Image.Image]]] = []
        self._now: list[list[tuple[int, Image.Image]]] = []

    def __call__(self, step: int, total: int, pictures: list[Image.Image]) -> None:
        """Keeps a preview of each picture of the batch."""
        self._now = self._now or [[] for _ in pictures]
        for frames, picture in zip(self._now, pictures, strict=True):
            frames.append((step, picture))
        if step == total:
            self._done += self._now
            self._now = []

    def frames(self) -> list[list[tuple[int, Image.Image]]]:
        """(step, preview) pairs of each picture, in order."""
        return self._done


def random_seed() -> int:
    """A seed nobody chose; the one place where chance is wanted."""
    return random.SystemRandom().randrange(SEEDS)
