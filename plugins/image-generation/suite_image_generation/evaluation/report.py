"""The domain's own parts of a run's report: what it draws, how good that is, and how much of it is a copy."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datasets import Dataset
from PIL import Image

from suite import Prediction, Scored, Section
from suite_image_generation.config import ImageConfig
from suite_image_generation.evaluation.quality import FEWEST, kid, retrieval
from suite_image_generation.generation import previews
from suite_image_generation.generation.answers import picture_of
from suite_image_generation.generation.model import ImageModel
from suite_image_generation.generation.samples import distance
from suite_image_generation.model import neighbours
from suite_image_generation.model.encoder import Encoder
from suite_image_generation.model.neighbours import Index, Neighbour

TUNED = "fine-tuned"
REPRODUCED = 12.0
"""Of 255: the mean difference of pixels below which two pictures look like one."""
ROWS = 8
"""Samples of a figure: more would be too small to judge."""


def report(model: ImageModel, systems: Mapping[str, Scored], rows: Dataset, context: Dataset) -> Iterable[Section]:
    """What was learnt by heart: the sign in the losses, pictures that should come back, and those that should not.

    Samples beside their originals and their quality stand between. The context is the rows that were trained on.
    """
    config = model.config
    if model.overfit_since is not None:
        yield Section("Overfitting", previews.overfitting(model.overfit_since), {"since": model.overfit_since})
    if config.overfit:
        yield overfitted(systems[TUNED])
    made = {name: made_by(scored) for name, scored in systems.items()}
    if not made[TUNED]:
        return
    encoder = Encoder.load(config.encoder)
    yield samples(made, config, total=len(systems[TUNED].predictions))
    yield measured(made, encoder)
    index = Index.load(model.trained_on) if model.trained_on else None
    if index is None or index.threshold.encoder != encoder.name:
        index = Index.of_rows(context, encoder)
    yield memorised(made, index, encoder)


Pairs = list[tuple[Prediction, dict[str, Any]]]
"""Answers with a picture, each with its reference."""


def made_by(scored: Scored) -> Pairs:
    """A system's answers that hold a picture."""
    pairs = zip(scored.predictions, scored.references, strict=True)
    return [(answer, reference) for answer, reference in pairs if answer["png"] and reference["png"]]


def samples(made: Mapping[str, Pairs], config: ImageConfig, *, total: int) -> Section:
    """Captions never trained on, drawn from one seed by each system, beside the picture that has the caption."""
    tuned = made[TUNED]
    shown = {name: [picture_of(answer) for answer, _ in pairs[:ROWS]] for name, pairs in made.items() if pairs}
    shown["the picture with this caption"] = [picture_of(reference) for _, reference in tuned[:ROWS]]
    captions = [reference["prompt"] for _, reference in tuned[:ROWS]]
    text = (
        f"{len(tuned)} of {total} captions of this split were drawn, {config.sample_steps} steps, guidance "
        f"{config.guidance:g}; each column has one caption and one seed in all rows. "
    )
    text += f"The other {total - len(tuned)} were not." if total > len(tuned) else ""
    sheet = previews.stacked([previews.row(row, captions[: len(row)], name) for name, row in shown.items()])
    return Section("Samples", text.strip(), {"samples": len(tuned), "captions": total}, _png(sheet), quotes=True)


def measured(made: Mapping[str, Pairs], encoder: Encoder) -> Section:
    """KID and caption retrieval of each system, with counts and encoder in every line."""
    lines, values = ["| system | KID | captions found |", "| --- | --- | --- |"], {}
    for name, pairs in made.items():
        if len(pairs) < FEWEST:
            lines.append(f"| {name} | – ({len(pairs)} samples are too few) | – |")
            continue
        drawn = encoder.features([picture_of(answer) for answer, _ in pairs])
        real = encoder.features([picture_of(reference) for _, reference in pairs])
        measures = (
            kid(real, drawn, encoder.name),
            retrieval(drawn, [reference["prompt"] for _, reference in pairs], encoder),
        )
        lines.append(f"| {name} | {measures[0]} | {measures[1]} |")
        values[name] = [vars(measure) for measure in measures]
    text = (
        "\n".join(lines) + "\n\nKID is 0 where samples cannot be told from real pictures, and may fall below; "
        "intervals are of 95 %, over samples. Both are as good as the encoder, and comparable only with the same "
        "encoder and counts. FID is not given: at such counts it is biased."
    )
    return Section("Quality of samples", text, values)


def memorised(made: Mapping[str, Pairs], index: Index, encoder: Encoder) -> Section:
    """The nearest training picture beside every sample, and the share of samples that are copies."""
    drawn = {name: [picture_of(answer) for answer, _ in pairs] for name, pairs in made.items()}
    nearest = {name: index.nearest(shown, encoder) for name, shown in drawn.items()}
    shares = {name: neighbours.share(near) for name, near in nearest.items()}
    lines = [f"| {name} | {shares[name]:.0%} | {len(near)} |" for name, near in nearest.items()]
    text = "\n".join([
        "| system | memorised | samples |", "| --- | --- | --- |", *lines, "",
        f"{index.threshold} Samples are compared with {_counted(index)} of this run, not with what the model had been "
        "trained on before it.",
    ])  # fmt: skip
    values = {"shares": shares, "threshold": vars(index.threshold), "nearest": [vars(near) for near in nearest[TUNED]]}
    beside = _png(_beside(drawn[TUNED], nearest[TUNED], index))
    return Section("Nearest training pictures", text, values, beside, quotes=True)


def _beside(drawn: Sequence[Image.Image], nearest: Sequence[Neighbour], index: Index) -> Image.Image:
    """Samples above their nearest training pictures, the nearest pairs first: these are what one must look at."""
    order = sorted(range(len(nearest)), key=lambda place: nearest[place].distance)[:ROWS]
    marks = [f"{nearest[i].distance:.3f}{' copy' if nearest[i].memorised else ''}" for i in order]
    above = previews.row([drawn[i] for i in order], marks, "samples, with their distance, nearest first")
    captions = [index.captions[nearest[i].index] for i in order]
    below = previews.row([index.picture(nearest[i].index) for i in order], captions, "nearest training pictures")
    return previews.stacked([above, below])


def _counted(index: Index) -> str:
    kept = len(index.captions)
    return (
        f"the {kept:,} training pictures" if kept == index.total else f"{kept:,} of {index.total:,} training pictures"
    )


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def overfitted(scored: Scored) -> Section:
    """How many of the pictures learnt by heart are drawn again."""
    pairs = made_by(scored)
    distances = [distance(answer, reference) for answer, reference in pairs]
    back = sum(gap < REPRODUCED for gap in distances)
    text = (
        f"{back} of {len(pairs)} pictures come back within {REPRODUCED:g} of 255 in the mean. A sound setup can learn "
        "a few pictures by heart: where most do not come back, more steps or a higher learning rate are needed, or the "
        "pictures and captions do not belong together."
    )
    return Section("Learnt by heart", text, {"distances": distances, "back": back})
