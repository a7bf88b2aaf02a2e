"""Rows to examples: pictures and captions through the frozen parts once, kept in a cache by their content.

A file's name is the hash of everything it depends on: the picture's bytes, its crop and the autoencoder's weights and
settings; or the caption, the text encoders' weights and the tokenizers. So the next run, of this data set or a larger
one, encodes only what is new.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors.torch import load_file, save

from suite import Batch, SuiteError, bar, decoding
from suite_image_generation.model import pipelines
from suite_image_generation.model.objective import draw
from suite_image_generation.pictures import files as pictures
from suite_image_generation.pictures.buckets import Crop
from suite_image_generation.pictures.request import Request

AT_ONCE = 4
"""Pictures or captions encoded together: an autoencoder needs 2 GB for each at 1024 pixels."""
FORM = "1"
"""Raised when something is encoded otherwise: older files are then made anew."""
LARGE = 1_000_000_000
"""Bytes of a cache worth a word."""


@dataclass(frozen=True)
class Captioned:
    """A picture with its caption, encoded; or a prompt alone. `index` counts the rows of its split.

    Training adds `seed`, from which noise and time are drawn, and may leave the caption out. `request` asks for a
    picture to be made, and `value` is the original beside it.
    """

    prompt: str
    index: int = 0
    latents: Path | None = None
    words: Path | None = None
    no_words: Path | None = None
    crop: Crop | None = None
    seed: int | None = None
    dropped: bool = False
    request: Request | None = None
    value: Any = None


class Cache:
    """Tensors in files below a folder, found by a key; each is written aside and renamed, so that it is whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Where the tensors of a key are."""
        return self.folder / key[:2] / f"{key}.safetensors"

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Each key that has no file, once."""
        return [key for key in dict.fromkeys(keys) if not self.path(key).is_file()]

    def write(self, key: str, tensors: dict[str, torch.Tensor]) -> None:
        """Keeps the tensors. Raises `SuiteError` where the disk is full."""
        path = self.path(key)
        aside = path.with_name(f".{key}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(save({name: tensor.contiguous().cpu() for name, tensor in tensors.items()}))
            aside.replace(path)
        except OSError as error:
            raise SuiteError(
                f"Cannot write {path.parent}: {error.strerror}; free some space, or set SUITE_CACHE to another folder."
            ) from None


def read(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file of the cache."""
    with decoding(path, "delete it: it is made anew."):
        return load_file(path)


def encode_all(pipe: Any, values: Sequence[Any], crops: Sequence[Crop], root: Path) -> list[Path]:
    """The cached latents of each picture, encoded where they are new.

    Raises `SuiteError` naming the picture where latents are not finite.
    """
    cache = Cache(root / "latents" / f"{FORM}-{pipelines.autoencoder_hash(pipe)}")
    keys = [_key(pictures.digest(value), crop.box, crop.size) for value, crop in zip(values, crops, strict=True)]
    with _locked(cache.folder):
        todo = {keys.index(key): key for key in cache.missing(keys)}
        order = sorted(todo, key=lambda i: crops[i].size)  # one size side by side
        with bar(total=len(order), description="Encoding pictures", unit="picture") as progress:
            for members in _parts(order, [crops[i].size for i in order]):
                cut = [crops[i].apply(pictures.read(values[i])) for i in members]
                for i, latents in zip(members, pipelines.encode_pictures(pipe, cut), strict=True):
                    _check_finite(latents, i)
                    cache.write(todo[i], {"latents": latents})
                progress.update(len(members))
    return [cache.path(key) for key in keys]


def encode_captions(pipe: Any, captions: Sequence[str], root: Path) -> list[Path]:
    """The cached conditions of each caption, encoded where they are new."""
    cache = Cache(root / "words" / f"{FORM}-{pipelines.words_hash(pipe)}")
    keys = [_key(type(pipe).__name__, caption) for caption in captions]
    with _locked(cache.folder):
        todo = {key: captions[keys.index(key)] for key in cache.missing(keys)}
        with bar(total=len(todo), description="Encoding captions", unit="caption") as progress:
            for start in range(0, len(todo), AT_ONCE):
                part = list(todo)[start : start + AT_ONCE]
                conditions = pipelines.encode_prompts(pipe, [todo[key] for key in part])
                for i, key in enumerate(part):
                    cache.write(key, {name: values[i] for name, values in conditions.items()})
                progress.update(len(part))
    return [cache.path(key) for key in keys]


def size_note(paths: Iterable[Path]) -> str:
    """A sentence where the files are large, else ""."""
    size = sum(path.stat().st_size for path in set(paths))
    if size < LARGE:
        return ""
    return (
        f"{size / 1e9:.1f} GB of encoded pictures and captions are in the cache; delete its folder to have them back."
    )


def batch_of(examples: Sequence[Captioned], draws: int) -> Batch:
    """The examples, and those with latents in groups of one shape: what `Objective.losses` takes, and their places.

    Examples with a seed get one draw of noise and time from it, others `draws` by their index.
    """
    shapes: dict[Any, list[tuple[int, torch.Tensor]]] = {}
    for place, example in enumerate(examples):
        if example.latents is not None:
            latents = read(example.latents)["latents"]
            shapes.setdefault((latents.shape, example.seed is None), []).append((place, latents))
    groups = [_group(examples, members, draws) for members in shapes.values()]
    return {"examples": list(examples), "groups": groups}


def _group(examples: Sequence[Captioned], members: list[tuple[int, torch.Tensor]], draws: int) -> dict[str, Any]:
    chosen = [examples[place] for place, _ in members]
    drawn = [
        draw(tuple(latents.shape), draws, example.index)
        if example.seed is None
        else draw(tuple(latents.shape), 1, example.seed)
        for example, (_, latents) in zip(chosen, members, strict=True)
    ]
    return {
        "places": [place for place, _ in members],
        "latents": torch.stack([latents for _, latents in members]),
        "noise": torch.stack([noise for noise, _ in drawn]),
        "uniform": torch.stack([uniform for _, uniform in drawn]),
        "conditions": _conditions(chosen),
    }


def _conditions(examples: Sequence[Captioned]) -> dict[str, torch.Tensor]:
    """Of the captions, or of no caption where it is left out; for Stable Diffusion XL with sizes and crops."""
    paths = [example.no_words if example.dropped else example.words for example in examples]
    held = [read(path) for path in paths if path is not None]
    conditions = {name: torch.stack([tensors[name] for tensors in held]) for name in held[0]}
    if "text_embeds" in conditions:
        conditions["time_ids"] = torch.tensor([_time_ids(example.crop) for example in examples if example.crop])
    return conditions


def _time_ids(crop: Crop) -> list[float]:
    """Height and width of the original, top and left of the crop once scaled, height and width of the crop."""
    left, top = crop.box[:2]
    width, height = crop.size
    return [float(n) for n in (*crop.source[::-1], round(top * crop.scale), round(left * crop.scale), height, width)]


def _check_finite(latents: torch.Tensor, row: int) -> None:
    if not torch.isfinite(latents).all():
        raise SuiteError(
            f"The autoencoder makes values of row {row} that are no numbers, in fp32. Its weights are damaged, or were "
            "saved from half precision after an overflow: fetch the model anew."
        )


def _parts(order: Sequence[int], sizes: Sequence[Any]) -> Iterable[list[int]]:
    """Runs of one size, at most `AT_ONCE` long."""
    part: list[int] = []
    for place, i in enumerate(order):
        if part and (len(part) == AT_ONCE or sizes[place] != sizes[place - 1]):
            yield part
            part = []
        part.append(i)
    if part:
        yield part


def _key(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _locked(folder: Path) -> Any:
    """The ranks of one run all come at once; one of them encodes, the others find it done."""
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / "lock")
