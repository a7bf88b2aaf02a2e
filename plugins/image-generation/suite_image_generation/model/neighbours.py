"""The nearest training picture beside every sample, and the share of samples that are learnt by heart.

An encoder finds the pictures that look alike, pixels decide which of them is nearest: two cats are neighbours to an
encoder, a copy of one cat is near in pixels. From which distance on a sample counts as a copy is chosen on the training
pictures alone: altered copies of them must be nearer, other pictures of them farther. As in the extraction of training
data from diffusion models (https://arxiv.org/abs/2301.13188), which uses distances of pixels too.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset
from PIL import Image, ImageEnhance, ImageFilter

from suite import SuiteError, bar, decoding
from suite_image_generation.model.encoder import Encoder
from suite_image_generation.pictures import files
from suite_image_generation.pictures.files import on_white

FOLDER = "neighbours"
"""In a run's folder."""
FILE = "neighbours.parquet"
SIDE = 32
"""Pixels at which pictures are compared: enough for outlines, few enough that a blur does not matter."""
SHIFT = 2
"""Pixels of `SIDE` by which a copy may be shifted and still be one."""
CANDIDATES = 8
"""Pictures an encoder proposes as nearest; pixels choose among them."""
MOST = 20_000
"""Training pictures kept, the first ones of a shuffle; beyond, the file would pass 100 MB."""
SHOWN = 96
"""Longest side of the pictures kept to be shown."""
TRIED = 300
"""Training pictures on which the threshold is chosen: enough for the hundredth of them to mean something."""
ALLOWED = 0.01
"""Share of other pictures that may be taken for copies; the threshold is set by it."""


@dataclass(frozen=True)
class Threshold:
    """`distance` and nearer is a copy. How often that is right: of altered copies found, of other pictures mistaken."""

    distance: float
    found: float
    mistaken: float
    pictures: int
    encoder: str

    def __str__(self) -> str:
        return (
            f"A sample within {self.distance:.3f} of a training picture counts as memorised (root mean square of "
            f"pixels from 0 to 1 at {SIDE} x {SIDE}, shifts aligned, candidates by {self.encoder}). On {self.pictures} "
            f"training pictures that finds {self.found:.0%} of altered copies and mistakes {self.mistaken:.0%} of the "
            "nearest other pictures for copies."
        )


@dataclass(frozen=True)
class Neighbour:
    """The nearest training picture of a sample: its row in the index, similarity (cosine), distance, and whether that
    makes the sample a copy."""

    index: int
    similarity: float
    distance: float
    memorised: bool


@dataclass(frozen=True)
class Index:
    """Training pictures as an encoder sees them (n, d) and as pixels (n, SIDE, SIDE, 3), uint8, with captions.

    `thumbnails` are PNGs to show. All of it is as private as the pictures: it stays in the run's folder.
    """

    features: np.ndarray
    pixels: np.ndarray
    captions: list[str]
    thumbnails: list[bytes]
    threshold: Threshold
    total: int
    """Training pictures there were; more than are here where there were more than `MOST`."""

    @classmethod
    def build(
        cls, pictures: Sequence[Image.Image], captions: Sequence[str], encoder: Encoder, *, seed: int = 0
    ) -> Index:
        """Reads the training pictures and chooses the threshold on them. Raises `SuiteError` without any.

        `pictures` may be lazy: each is asked for once, in order of index.
        """
        total = len(pictures)
        if not total:
            raise SuiteError("There are no training pictures to compare samples with.")
        kept = np.sort(np.random.default_rng(seed).permutation(total)[:MOST])
        features, pixels, thumbnails = [], [], []
        for start in bar(range(0, len(kept), 64), description="Training pictures", unit="batch"):
            part = [pictures[i] for i in kept[start : start + 64]]
            features.append(encoder.features(part))
            pixels += [compared(picture) for picture in part]
            thumbnails += [_thumbnail(picture) for picture in part]
        vectors, small = np.concatenate(features), np.stack(pixels)
        tried = np.random.default_rng(seed).permutation(len(kept))[:TRIED]
        altered = [copy for i in tried for copy in altered_copies(pictures[int(kept[i])])]
        threshold = choose(vectors, small, encoder, tried, altered)
        return cls(vectors, small, [captions[i] for i in kept], thumbnails, threshold, total)

    @classmethod
    def of_rows(cls, rows: Dataset, encoder: Encoder) -> Index:
        """Of a data set's pictures and captions, each picture read once."""
        opened = files.Each(rows, lambda row: files.read(row["image"]))
        return cls.build(opened, [text.strip() for text in rows["caption"]], encoder)

    def nearest(self, pictures: Sequence[Image.Image], encoder: Encoder) -> list[Neighbour]:
        """The nearest training picture of each. Raises `SuiteError` where the index was made by another encoder."""
        if encoder.name != self.threshold.encoder:
            raise SuiteError(
                f"The training pictures were read by {self.threshold.encoder}, not by {encoder.name}; use that one."
            )
        vectors = encoder.features(pictures)
        return [self._nearest(vector, compared(picture)) for vector, picture in zip(vectors, pictures, strict=True)]

    def picture(self, index: int) -> Image.Image:
        """A training picture to show."""
        picture = Image.open(io.BytesIO(self.thumbnails[index]))
        picture.load()
        return picture

    def _nearest(self, vector: np.ndarray, pixels: np.ndarray) -> Neighbour:
        place, distance = _closest(vector, pixels, self.features, self.pixels)
        similarity = float(self.features[place] @ vector)
        return Neighbour(place, similarity, distance, distance <= self.threshold.distance)

    # ---- files ---------------------------------------------------------------------------------------------------

    def save(self, folder: Path) -> Path:
        """Writes `neighbours.parquet` into the folder."""
        metadata = {"threshold": asdict(self.threshold), "total": self.total}
        table = pa.table({
            "features": [row.tobytes() for row in self.features.astype(np.float16)],
            "pixels": [row.tobytes() for row in self.pixels],
            "caption": self.captions,
            "thumbnail": self.thumbnails,
        }).replace_schema_metadata({"suite": json.dumps(metadata)})  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f".{FILE}"
        pq.write_table(table, aside)
        return aside.replace(folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> Index | None:
        """What `save` wrote, or None where there is none. Raises `SuiteError` for a damaged file."""
        path = folder / FILE
        if not path.is_file():
            return None
        with decoding(f"{path} is damaged: it", "evaluate the run again."):
            table = pq.read_table(path)
            metadata: dict[str, Any] = json.loads(table.schema.metadata[b"suite"])
            rows = table.to_pydict()
            features = np.stack([np.frombuffer(row, np.float16) for row in rows["features"]]).astype(np.float32)
            pixels = np.stack([np.frombuffer(row, np.uint8).reshape(SIDE, SIDE, 3) for row in rows["pixels"]])
            threshold = Threshold(**metadata["threshold"])
            return cls(features, pixels, rows["caption"], rows["thumbnail"], threshold, metadata["total"])


def share(neighbours: Sequence[Neighbour]) -> float:
    """The share of samples that are memorised."""
    return float(np.mean([near.memorised for near in neighbours])) if neighbours else 0.0


# ---- distances -----------------------------------------------------------------------------------------------------


def compared(picture: Image.Image) -> np.ndarray:
    """(SIDE, SIDE, 3), uint8: on white, the whole picture whatever its shape."""
    return np.asarray(on_white(picture).resize((SIDE, SIDE), Image.Resampling.BOX))


def distances(pixels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Root mean square differences (n,), from 0 to 1, of (SIDE, SIDE, 3) to (n, SIDE, SIDE, 3), best of all shifts."""
    inner = slice(SHIFT, SIDE - SHIFT)
    inside = pixels[inner, inner].astype(np.float32) / 255
    windows = np.lib.stride_tricks.sliding_window_view(others, inside.shape[:2], axis=(1, 2))
    # (n, shifts, shifts, 3, side, side) against (3, side, side)
    gaps = windows.astype(np.float32) / 255 - inside.transpose(2, 0, 1)
    least: np.ndarray = np.sqrt((gaps**2).mean(axis=(3, 4, 5))).min(axis=(1, 2))
    return least


def altered_copies(picture: Image.Image) -> list[Image.Image]:
    """Copies that are still copies: shifted by a pixel, blurred as an autoencoder does, darker, saved as JPEG."""
    plain = on_white(picture)
    shifted = Image.new("RGB", plain.size, "white")
    shifted.paste(plain, (1, 1))
    buffer = io.BytesIO()
    plain.save(buffer, "JPEG", quality=50)
    blurred = plain.filter(ImageFilter.GaussianBlur(max(plain.size) / 64))
    darker = ImageEnhance.Brightness(plain).enhance(0.95)
    return [shifted, blurred, darker, Image.open(buffer).convert("RGB")]


def choose(
    features: np.ndarray, pixels: np.ndarray, encoder: Encoder, tried: np.ndarray, altered: Sequence[Image.Image]
) -> Threshold:
    """The distance between altered copies and the nearest other pictures, of which `ALLOWED` may be mistaken.

    Where the two do not overlap, the geometric mean of what separates them; where they do, other pictures decide.
    """
    vectors = encoder.features(altered)
    copies = [_closest(vectors[n], compared(altered[n]), features, pixels)[1] for n in range(len(altered))]
    lower = float(np.quantile(copies, 1 - ALLOWED))
    nearest = np.asarray([_other(int(i), features, pixels, beyond=float(np.median(copies))) for i in tried])
    others = nearest[np.isfinite(nearest)]
    upper = float(np.quantile(others, ALLOWED, method="lower")) if len(others) else lower
    distance = float(np.sqrt(lower * upper)) if lower <= upper else upper - 1e-6
    return Threshold(
        distance=distance,
        found=float(np.mean(np.asarray(copies) <= distance)),
        mistaken=float(np.mean(nearest <= distance)),
        pictures=len(tried),
        encoder=encoder.name,
    )


def _other(index: int, features: np.ndarray, pixels: np.ndarray, *, beyond: float) -> float:
    """The distance of a training picture to the nearest other one; inf where there is none.

    What is not `beyond` half of the altered copies is the same picture once more, which data sets are full of.
    """
    near = np.argsort(-(features @ features[index]), kind="stable")[: CANDIDATES + 1]
    gaps = distances(pixels[index], pixels[near])
    gaps = gaps[(near != index) & (gaps > beyond)]
    return float(gaps.min()) if len(gaps) else float("inf")


def _closest(vector: np.ndarray, small: np.ndarray, features: np.ndarray, pixels: np.ndarray) -> tuple[int, float]:
    """Row and distance of the nearest in pixels among the `CANDIDATES` most similar."""
    near = np.argsort(-(features @ vector), kind="stable")[:CANDIDATES]
    gaps = distances(small, pixels[near])
    best = int(gaps.argmin())
    return int(near[best]), float(gaps[best])


def _thumbnail(picture: Image.Image) -> bytes:
    """A PNG whose longest side is at most `SHOWN`, with its transparency."""
    small, buffer = picture.copy(), io.BytesIO()
    small.thumbnail((SHOWN, SHOWN))
    small.save(buffer, format="PNG")
    return buffer.getvalue()
