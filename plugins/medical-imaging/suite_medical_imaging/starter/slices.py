"""Two small tasks with real anatomy, made from the MNI152 average brain: which plane, and is there a lesion.

The anatomy is real (the average of 152 people), position, contrast and noise are varied, and **the lesions are
simulated**: dark blobs in white matter, with the mask of each kept. Slices of training, validation and test come from
slabs of the volume that share no slice and have two between them, since neighbours look alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image
from scipy import ndimage

SIZE = 128
SLAB, GAP = 6, 2  # slices of 1 mm
TURN = ("train", "validation", "train", "test", "train")  # what the slabs are for, from the lowest on, again and again
PLANES = ("sagittal", "coronal", "axial")
COUNTS = {"planes": (200, 90, 400), "lesions": (1000, 200, 600)}  # train, validation, test
HEIGHTS = (60, 140)  # axial slices with white matter, from the brain stem to below the crown
RADIUS = (4.0, 9.0)  # pixels of about 1.5 mm; below 35 pixels of area a first try found no better than chance
CONTRAST = (0.3, 0.6)  # share of the brightness that a lesion takes away
SMALLEST = 40  # pixels of a mask

Affine = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Slice:
    """A picture (SIZE, SIZE) uint8, what it is, and the mask (SIZE, SIZE) bool of its lesions if it has any."""

    pixels: np.ndarray
    label: str
    slab: str
    mask: np.ndarray | None = None


def make_planes(wheels: Sequence[Path], out: Path) -> None:
    """Sagittal, coronal or axial: 200 training pictures."""
    brain = _volume(wheels[0], "t1")
    _write(out, "planes", lambda split, number, generator: plane(brain, number % 3, split, generator))


def make_lesions(wheels: Sequence[Path], out: Path) -> None:
    """Axial slices, every second one with one or two simulated lesions: 1,000 training pictures."""
    brain, white = _volume(wheels[0], "t1"), _volume(wheels[0], "wm")
    _write(out, "lesions", lambda split, number, generator: lesion(brain, white, number % 2 == 1, split, generator))


def plane(brain: np.ndarray, axis: int, split: str, generator: np.random.Generator) -> Slice:
    """One slice across `axis`; half of them turned by quarters, so that up and down give nothing away."""
    length = brain.shape[axis]
    place, slab = pick(generator, int(length * 0.2), int(length * 0.8), split)
    cut = np.take(brain, place, axis=axis)
    pixels = ndimage.affine_transform(cut, *_affine(generator, cut.shape), output_shape=(SIZE, SIZE), order=1)
    if generator.random() < 0.5:
        pixels = np.rot90(pixels, int(generator.integers(4)))
    return Slice(_scanned(pixels, generator), PLANES[axis], f"{PLANES[axis]}-{slab:02d}")


def lesion(brain: np.ndarray, white: np.ndarray, present: bool, split: str, generator: np.random.Generator) -> Slice:
    """One axial slice, bent a little; with `present` one or two blobs are put into its white matter."""
    while True:
        place, slab = pick(generator, *HEIGHTS, split)
        affine, bend = _affine(generator, brain.shape[:2]), _bend(generator)
        pixels, matter = (_bent(volume[:, :, place], affine, bend) for volume in (brain, white))
        mask = np.zeros((SIZE, SIZE), bool)
        for _ in range(generator.integers(1, 3) if present else 0):
            pixels, part = _with_blob(pixels, matter, generator)
            mask |= part
        if not present or mask.sum() >= SMALLEST:
            label = "lesion" if present else "none"
            return Slice(_scanned(pixels, generator), label, f"axial-{slab:02d}", mask if present else None)


def pick(generator: np.random.Generator, low: int, high: int, split: str) -> tuple[int, int]:
    """A slice of the split's slabs between `low` and `high`, and its slab's number."""
    slabs = [slab for slab in range((high - low + GAP) // (SLAB + GAP)) if TURN[slab % len(TURN)] == split]
    slab = int(generator.choice(slabs))
    return low + slab * (SLAB + GAP) + int(generator.integers(SLAB)), slab


def _volume(wheel: Path, kind: str) -> np.ndarray:
    """One of the MNI152 volumes, (197, 233, 189) float32 in [0, 1], a voxel of 1 mm."""
    path = wheel / "nilearn" / "datasets" / "data" / f"mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz"
    values = np.asarray(nibabel.load(path).dataobj, dtype=np.float32)  # type: ignore[attr-defined]
    return values / values.max()


def _affine(generator: np.random.Generator, shape: Sequence[int]) -> Affine:
    """Matrix and offset: some degrees of turn, a little shear and scale, moved by up to 6 mm."""
    angle, shear = np.deg2rad(generator.uniform(-12, 12)), generator.uniform(-0.08, 0.08)
    scale = generator.uniform(0.85, 1.1, 2) * max(shape) / SIZE * 0.86
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1, shear], [0, 1]]) @ np.diag(scale)
    centre = np.array(shape) / 2 + generator.uniform(-6, 6, 2)
    return matrix, centre - matrix @ np.array([SIZE / 2, SIZE / 2])


def _bend(generator: np.random.Generator) -> np.ndarray:
    """(2, SIZE, SIZE) pixels: a smooth displacement of some 2 pixels, so that no two brains have one outline."""
    return np.stack([ndimage.gaussian_filter(generator.standard_normal((SIZE, SIZE)), 12) * 30 for _ in range(2)])


def _bent(cut: np.ndarray, affine: Affine, bend: np.ndarray) -> np.ndarray:
    straight = ndimage.affine_transform(cut, *affine, output_shape=(SIZE, SIZE), order=1)
    return ndimage.map_coordinates(straight, np.indices((SIZE, SIZE)) + bend, order=1)


def _with_blob(pixels: np.ndarray, white: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The picture with a dark ellipse of rough outline in white matter, and its mask; nothing where there is none."""
    places = np.argwhere(ndimage.binary_erosion(white > 0.8))
    if not len(places):
        return pixels, np.zeros(pixels.shape, bool)
    row, column = np.indices(pixels.shape) - places[generator.integers(len(places))][:, None, None]
    angle, stretch = generator.uniform(0, np.pi), generator.uniform(0.7, 1.4)
    along, across = row * np.cos(angle) + column * np.sin(angle), column * np.cos(angle) - row * np.sin(angle)
    rough = ndimage.gaussian_filter(generator.standard_normal(pixels.shape), 3) * 6
    distance = np.hypot(along / stretch, across * stretch) + rough - generator.uniform(*RADIUS)
    blob = np.clip(white * 1.3, 0, 1) / (1 + np.exp(np.clip(distance / 0.6, -30, 30)))
    return pixels * (1 - generator.uniform(*CONTRAST) * blob), blob > 0.5


def _scanned(pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """uint8 with another contrast, a brightness that drifts across the picture, and the Rician noise of a magnitude."""
    bright = np.clip(pixels, 0, None) ** generator.uniform(0.75, 1.35) * generator.uniform(0.8, 1.2)
    down, right = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    bright = bright * (1 + generator.uniform(-0.15, 0.15) * right + generator.uniform(-0.15, 0.15) * down)
    level = generator.uniform(0.015, 0.05)
    real, imaginary = level * generator.standard_normal((2, SIZE, SIZE))
    return np.clip(np.hypot(bright + real, imaginary) * 255, 0, 255).astype(np.uint8)


def _write(out: Path, kind: str, make: Callable[[str, int, np.random.Generator], Slice]) -> None:
    """`metadata.jsonl` and a PNG for each picture and each mask. Every split has a generator of its own."""
    (out / "images").mkdir()
    (out / "masks").mkdir()
    lines: list[str] = []
    for seed, (split, count) in enumerate(zip(("train", "validation", "test"), COUNTS[kind], strict=True), start=1):
        generator = np.random.default_rng([seed, len(kind)])
        made = (make(split, number, generator) for number in range(count))
        lines += _saved(made, out, split)
    (out / "metadata.jsonl").write_text("\n".join(lines) + "\n")


def _saved(made: Iterator[Slice], out: Path, split: str) -> Iterator[str]:
    for number, sample in enumerate(made):
        name = f"{split}-{number:04d}.png"
        Image.fromarray(sample.pixels).save(out / "images" / name)
        if sample.mask is not None:
            Image.fromarray(sample.mask.astype(np.uint8) * 255).save(out / "masks" / name)
        mask = f"masks/{name}" if sample.mask is not None else ""
        row = {"image": f"images/{name}", "label": sample.label, "split": split, "patient": sample.slab, "mask": mask}
        yield json.dumps(row)
