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
from suite_image_generation.model import schedulers
from suite_image_generation.pictures import files as pictures
from suite_image_generation.pictures import styles
from suite_image_generation.pictures.png import read_settings
from suite_image_generation.pictures.prompts import cut
from suite_image_generation.pictures.request import Request
from suite_image_generation.starter.assets import STARTER

if TYPE_CHECKING:
    from PIL import Image

    from suite_image_generation.generation.model import ImageModel

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
    """Pictures of one question, as the page keeps them: files, seeds, frames, settings of each, and what is said."""

    prompt: str
    paths: list[str]
    seeds: list[int]
    frames: list[list[tuple[int, Image.Image]]]
    notes: Markup
    settings: list[dict[str, Any]] = field(default_factory=list)


class DemoSession:
    """What the handlers share: who answers, and the files offered for download."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self._downloads = Downloads("suite-images-")

    @property
    def config(self) -> Any:
        """The options asked with; once the model is loaded, those it was trained with are below them."""
        return self.predictor.task.config

    @property
    def model(self) -> ImageModel:
        """The model that answers, loaded at the first question."""
        model: Any = self.predictor.model
        return model

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
        """`count` pictures with seeds from `seed` on.

        Raises `SuiteError` for an empty prompt without a picture, and for more than `MOST` pictures.
        """
        # With torch, which a page is built without.
        from suite_image_generation.generation.sampling import watching
        from suite_image_generation.model.latents import Captioned

        if not 1 <= count <= MOST or count != int(count):
            raise SuiteError(f"{count:g} pictures were asked for; give a whole number from 1 to {MOST}.")
        words, words_cut = cut(prompt or "")
        unwanted, unwanted_cut = cut(negative or "", "negative prompt")
        if not words and not image:
            raise SuiteError("Say in a few words what the picture should show, or pick an example.")
        start, note = pictures.given(image) if image else None, " ".join(filter(None, (words_cut, unwanted_cut)))
        sampler = "" if scheduler in ("", OWN) else scheduler
        settings = {"steps": int(steps), "guidance": float(guidance), "scheduler": sampler, "strength": float(strength)}
        asked = [
            Request(words, int(seed) + place, negative=unwanted, image=start, note=note, **settings)  # type: ignore[arg-type]
            for place in range(int(count))
        ]
        _ = self.model  # loading it is not part of how fast it draws
        began, steps_seen = time.perf_counter(), Steps()
        with watching(steps_seen):
            answers = self.predictor([Captioned(request.prompt, request=request) for request in asked])
        return self._made(words, answers, steps_seen.frames(), time.perf_counter() - began)

    def samplers(self) -> list[str]:
        """What can be chosen: the model's own, and those for what it predicts, as its files say; none is loaded."""
        if run := self.predictor.run:
            return [OWN, *schedulers.names_of(run.model)]
        reference = self.predictor.source or self.config.model or STARTER.answering
        try:
            return [OWN, *schedulers.names_of(resolve_model(reference, STARTER.assets))]
        except SuiteError:  # the first question will say so
            return [OWN]

    def vary(self, made: Made | None, place: int, seed: float, count: float) -> Made:
        """Variations of one of the pictures: from it, half changed, with its own words and settings."""
        if not made or place >= len(made.paths):
            raise SuiteError("Make a picture first, and pick it.")
        own = made.settings[place]
        settings = {name: own[name] for name in ("steps", "guidance", "scheduler", "negative")}
        return self.make(made.prompt, seed, count, image=made.paths[place], strength=VARIED, **settings)

    def nearest(self, made: Made) -> Markup:
        """The pictures beside the training pictures they are nearest to."""
        # With torch, which a page is built without.
        from suite_image_generation.evaluation.trained_on import index_for
        from suite_image_generation.model.encoder import Encoder

        encoder = Encoder.load(self.config.encoder)
        index, whose = index_for(self.predictor, encoder)
        if index is None or not made.paths:
            return cards.no_nearest_card(whose)
        drawn = [pictures.given(path) for path in made.paths]
        nearest = index.nearest(drawn, encoder)
        return cards.nearest_card(list(zip(made.seeds, drawn, strict=True)), nearest, index, whose)

    def settings(self, path: str | None) -> tuple[dict[str, Any], Markup]:
        """The settings inside a PNG, and a box that says whether it can be made again here."""
        if not path:
            raise SuiteError("Choose a PNG that was made here.")
        settings = read_settings(path)
        return settings, cards.settings_card(settings, same=settings["model"] == self.model.fingerprint.digits)

    def keep_style(self, files: Sequence[str] | None, captions: Sequence[Sequence[Any]], name: str) -> Markup:
        """Stores a visitor's pictures as a style; a box with the command that learns it."""
        if not files:
            raise SuiteError(f"Choose {styles.FEWEST} to {styles.MOST} pictures of the style first.")
        mended = {str(row[0]): str(row[1] or "") for row in captions}
        texts = [mended.get(Path(path).name, styles.caption_of(path)) for path in files]
        task, model = self.predictor.task, self._base()
        style = styles.store(files, texts, name, runs=task.config.output, domain=task.domain.name, model=model)
        return cards.stored_card(style)

    def _made(self, prompt: str, answers: Sequence[Prediction], frames: list[Any], seconds: float) -> Made:
        from suite_image_generation.generation import screening  # with torch, which a page is built without

        folder = self._downloads.folder()
        shown = [place for place, answer in enumerate(answers) if not answer["withheld"]]
        paths = [self._written(folder, place + 1, answers[place]) for place in shown]
        facts = f"{counted(len(answers), 'picture')} in {seconds:.1f} s."
        screened = screening.described(self.model.pipeline, screening.guard_of(self.config))
        return Made(
            prompt=prompt,
            paths=paths,
            seeds=[answers[place]["seed"] for place in shown],
            frames=[frames[place] for place in shown] if len(frames) == len(answers) else [],
            notes=cards.notes_card(facts, [answer["note"] for answer in answers if answer["note"]], screened),
            settings=[read_settings(path) for path in paths],
        )

    def _base(self) -> str:
        """The model on screen, or for a run the one that it was trained from; "" for the starter."""
        if self.predictor.run:
            _ = self.model  # brings the run's config
            return str(self.config.model or "")
        return str(self.predictor.source or self.config.model or "")

    def _written(self, folder: Path, number: int, answer: Prediction) -> str:
        from suite_image_generation.generation.writing import file_name, png_of  # likewise with torch

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


def demo_call(predictor: Predictor) -> tuple[str, Sequence[Any]]:
    """One picture in a few steps: it shows that the pipeline draws, not how well."""
    return "images_generate", ["red heart", 42, 1, 4, 5.0, OWN, "", None, 0.6]


def random_seed() -> int:
    """A seed nobody chose; the one place where chance is wanted."""
    return random.SystemRandom().randrange(SEEDS)
