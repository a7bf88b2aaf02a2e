"""The domain's own parts of a run's report: what it draws, how good that is, and how much of it is a copy."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from suite import Prediction, Section
from suite_image_generation.evaluation import neighbours
from suite_image_generation.generation import previews
from suite_image_generation.generation.answers import picture_of
from suite_image_generation.pictures import files as pictures

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset
    from PIL import Image

    from suite_image_generation.evaluation.neighbours import Index
    from suite_image_generation.model.encoder import Encoder

TUNED, BEFORE = "fine-tuned", "before fine-tuning"
COPIES = "copying the nearest caption's picture"
REPRODUCED = 12.0
"""Of 255: the mean difference of pixels below which two pictures look like one."""
ROWS = 8
"""Samples of a figure: more would be too small to judge."""


_INDICES: dict[tuple[str, str], Index] = {}


def index_of(rows: Dataset, encoder: Encoder) -> Index:
    """The training pictures to compare samples with; kept for this process, which asks for them more than once."""
    key = (rows._fingerprint, encoder.name)
    if key not in _INDICES:
        _INDICES.clear()  # one run has one training set; an index may be large
        opened = pictures.Each(rows, lambda row: pictures.read(row["image"]))
        _INDICES[key] = neighbours.Index.build(opened, [text.strip() for text in rows["caption"]], encoder)
    return _INDICES[key]


def keep_neighbours(rows: Dataset, encoder: str, run: Path) -> None:
    """Writes the index of the training pictures into the run's folder, where the demo finds it."""
    from suite_image_generation.evaluation.trained_on import FOLDER
    from suite_image_generation.model.encoder import Encoder

    index_of(rows, Encoder.load(encoder)).save(run / FOLDER)


def sections(domain: Any, systems: Mapping[str, Any], rows: Dataset) -> Iterable[Section]:
    """Samples beside their originals, their quality, what is memorised; to overfit, whether the pictures come back."""
    from suite_image_generation.model.encoder import Encoder

    if domain.config.overfit:
        yield overfitted(systems[TUNED])
    made = {name: made_by(one) for name, one in systems.items()}
    if not made[TUNED]:
        return
    encoder = Encoder.load(domain.config.encoder)
    yield samples(made, domain.config, total=len(systems[TUNED].predictions))
    yield measured(made, encoder)
    if domain.training_rows is not None:
        yield memorised(made, index_of(domain.training_rows, encoder), encoder)


Pairs = list[tuple[Prediction, dict[str, Any]]]
"""Answers with a picture, each with its reference."""


def made_by(scored: Any) -> Pairs:
    """A system's answers that hold a picture."""
    pairs = zip(scored.predictions, scored.references, strict=True)
    return [(answer, reference) for answer, reference in pairs if answer["png"] and reference["png"]]


def samples(made: Mapping[str, Pairs], config: Any, *, total: int) -> Section:
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
    from suite_image_generation.evaluation.quality import kid, retrieval

    lines, values = ["| system | KID | captions found |", "| --- | --- | --- |"], {}
    for name, pairs in made.items():
        if len(pairs) < 4:
            lines.append(f"| {name} | – ({len(pairs)} samples are too few) | – |")
            continue
        drawn = encoder.features([picture_of(answer) for answer, _ in pairs])
        real = encoder.features([picture_of(reference) for _, reference in pairs])
        found = kid(real, drawn, encoder.name), retrieval(drawn, [one["prompt"] for _, one in pairs], encoder)
        lines.append(f"| {name} | {found[0]} | {found[1]} |")
        values[name] = [vars(one) for one in found]
    text = (
        "\n".join(lines) + "\n\nKID is 0 where samples cannot be told from real pictures, and may fall below. Both "
        "are as good as the encoder, and comparable only with the same encoder and counts. FID is not given: at such "
        "counts it is biased."
    )
    return Section("Quality of samples", text, values)


def memorised(made: Mapping[str, Pairs], index: Index, encoder: Encoder) -> Section:
    """The nearest training picture beside every sample, and the share of samples that are copies."""
    drawn = {name: [picture_of(answer) for answer, _ in pairs] for name, pairs in made.items()}
    found = {name: index.nearest(shown, encoder) for name, shown in drawn.items()}
    shares = {name: neighbours.share(near) for name, near in found.items()}
    lines = [f"| {name} | {shares[name]:.0%} | {len(near)} |" for name, near in found.items()]
    text = "\n".join([
        "| system | memorised | samples |", "| --- | --- | --- |", *lines, "",
        f"{index.threshold} Samples are compared with {_counted(index)} of this run, not with what the model had been "
        "trained on before it.",
    ])  # fmt: skip
    values = {"shares": shares, "threshold": vars(index.threshold), "nearest": [vars(one) for one in found[TUNED]]}
    beside = _png(_beside(drawn[TUNED], found[TUNED], index))
    return Section("Nearest training pictures", text, values, beside, quotes=True)


def copies(splits: Mapping[str, Any], examples: Sequence[Any], encoder: Encoder) -> list[Prediction]:
    """What a copier would answer: for each caption the training picture whose caption is nearest, cut to the shape.

    KID and retrieval reward it, the memorised share tells it: read the three together.
    """
    rows = splits["train"]
    known = encoder.text_features([caption.strip() for caption in rows["caption"]])
    nearest = (encoder.text_features([example.prompt for example in examples]) @ known.T).argmax(1)
    return [
        {"loss": None, "prompt": example.prompt, "png": _copy(rows, place, example) if example.request else None}
        for example, place in zip(examples, nearest, strict=True)
    ]


def _copy(rows: Dataset, place: int, example: Any) -> str:
    from suite_image_generation.generation.samples import original

    return original(rows[int(place)]["image"], example.crop.size)


def _beside(drawn: Sequence[Image.Image], found: Sequence[Any], index: Index) -> Image.Image:
    """Samples above their nearest training pictures, the nearest pairs first: these are what one must look at."""
    order = sorted(range(len(found)), key=lambda place: found[place].distance)[:ROWS]
    marks = [f"{found[i].distance:.3f}{' copy' if found[i].memorised else ''}" for i in order]
    above = previews.row([drawn[i] for i in order], marks, "samples, with their distance, nearest first")
    captions = [index.captions[found[i].index] for i in order]
    below = previews.row([index.picture(found[i].index) for i in order], captions, "nearest training pictures")
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


def overfitted(scored: Any) -> Section:
    """How many of the pictures learnt by heart are drawn again."""
    from suite_image_generation.generation.samples import distance

    pairs = made_by(scored)
    distances = [distance(answer, reference) for answer, reference in pairs]
    back = sum(one < REPRODUCED for one in distances)
    text = (
        f"{back} of {len(pairs)} pictures come back within {REPRODUCED:g} of 255 in the mean. A sound setup can learn "
        "a few pictures by heart: where most do not come back, more steps or a higher learning rate are needed, or the "
        "pictures and captions do not belong together."
    )
    return Section("Learnt by heart", text, {"distances": distances, "back": back})
