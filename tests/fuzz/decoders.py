"""Everything that reads files of other people, by name: seeds, and how it is asked."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import models
import seeds
from suite_image_generation.model import preflight
from suite_image_generation.pictures import captions, png, prompts
from suite_image_generation.pictures import files as images
from suite_medical_imaging.readers.pixels import open_picture
from suite_recommendations.data import tables as interactions
from suite_speech.data import audio, sources, subtitles
from suite_toy.domain import TOY
from suite_translation import formats
from suite_translation.data import inputs
from suite_translation.data.glossary import Glossary

from suite import SuiteError
from suite.accelerator import make_accelerator
from suite.cli import commands
from suite.config import TrainConfig
from suite.data import corrections
from suite.inference import loading
from suite.plugins.loader import load_plugins
from suite.provenance.origin import stated_licence
from suite.runs import Run, list_runs, newest_unfinished
from suite.training import checkpoint


@dataclass(frozen=True)
class Decoder:
    """`seeds` are folders of files, `ask` reads such a folder: it answers, or raises `SuiteError`."""

    name: str
    seeds: Callable[[], list[dict[str, bytes]]]
    ask: Callable[[Path], Any]


def only(folder: Path) -> Path:
    """The one file of a seed."""
    return next(folder.iterdir())


def made(name: str, seeds: Any, ask: Callable[[Path], Any]) -> Decoder:
    """A decoder of single files."""
    return Decoder(name, seeds if callable(seeds) else lambda: seeds, lambda folder: ask(only(folder)))


def table(path: Path) -> None:
    """As data, and by the columns of a domain."""
    from suite.data.load import load

    load(TOY.task(), str(path))


def strings(path: Path) -> None:
    """Read, and written with every target answered."""
    document = formats.read_document(path, "de")
    answers = {segment.key: formats.Answer(segment.source[::-1]) for segment in document.segments}
    document.write(path.with_name("out"), answers, language="de", overwrite=True)
    path.with_name("out").unlink()


def heard(path: Path) -> None:
    """A clip as training reads it; what is read is finite, and as long as it says."""
    import numpy as np

    clip = audio.Clip(str(path))
    samples = audio.read(clip, limit=60)
    assert np.isfinite(samples).all()
    assert abs(len(samples) / audio.RATE - audio.facts(clip).seconds) < 0.2


def seen(path: Path) -> None:
    """A picture as the training of images reads it."""
    images.read(path.read_bytes())
    images.facts(str(path))


def interaction_table(path: Path) -> None:
    interactions.read_table(path)


TURNS = [{"user": "u", "item": f"i{n}", "time": str(n), "title": "t"} for n in range(4)]


def _data() -> list[Decoder]:
    tables = [made(f"table.{kind}", seeds.alone(f"a.{kind}", body), table) for kind, body in seeds.TABLES.items()]
    pandas = [
        made(f"interactions.{kind}", seeds.alone(f"a.{kind}", seeds.TABLES[kind]), interaction_table)
        for kind in ("csv", "jsonl", "parquet")
    ]
    medical = [made(f"medical.{kind}", files, open_picture) for kind, files in seeds.pictures(medical=True).items()]
    medical += [made("medical.dicom", seeds.dicom, open_picture), made("medical.nifti", seeds.nifti, open_picture)]
    images = [made(f"images.{kind}", files, seen) for kind, files in seeds.pictures(medical=False).items()]
    sounds = [
        made(f"speech.{kind}", partial(seeds.sound, kind), heard)
        for kind in ("wav", "float.wav", "flac", "mp3", "ogg", "opus", "aiff")
    ]
    translated = [
        made(f"translation.{kind}", seeds.alone(f"a.{kind}", *files), strings) for kind, files in seeds.STRINGS.items()
    ]
    return [*tables, *pandas, *medical, *images, *sounds, *translated, *_texts()]


def _texts() -> list[Decoder]:
    request = {"prompt": "a", "negative": "", "scheduler": "ddim", "model": "m", "sampler": "s", "seed": 1, "steps": 2}
    settings = png.encode(seeds.PICTURE, {**request, "guidance": 1.5, "width": 64, "height": 64})
    voices = b"client_id\tpath\tsentence\tlocale\nc\ta.mp3\tHello there\ten\n"
    return [
        made("images.settings", seeds.alone("a.png", settings), png.read_settings),
        made("images.prompts", seeds.alone("a.txt", b"a cat\n# no\nun caf\xc3\xa9\n"), prompts.read),
        Decoder(
            "images.captions",
            lambda: [{"a.png": seeds.encoded("PNG"), "a.txt": b"a caf\xc3\xa9", "b.png": seeds.encoded("PNG")}],
            captions.read,
        ),
        made("images.weights", lambda: seeds.alone("a.safetensors", seeds.safetensors()), _shapes),
        made("speech.srt", seeds.alone("a.srt", seeds.SUBTITLES), subtitles.parse),
        made("speech.vtt", seeds.alone("a.vtt", b"WEBVTT\n\n" + seeds.SUBTITLES.replace(b",", b".")), subtitles.parse),
        Decoder("speech.voices", lambda: [{"train.tsv": voices, "clips/a.mp3": b"x"}], sources.read),
        made("translation.glossary", seeds.alone("a.csv", seeds.GLOSSARY), Glossary.read),
        made(
            "translation.lines",
            seeds.alone("a.txt", b"Hello\nun caf\xc3\xa9\n"),
            lambda path: inputs.read_argument(str(path), "de"),
        ),
    ]


def _shapes(path: Path) -> None:
    preflight.tensor_shapes(path.parent)


def _config(path: Path) -> None:
    TrainConfig.build(TrainConfig.from_file(path))


def _corrections(folder: Path) -> None:
    corrections.source(str(folder), TOY.task())


def _run(folder: Path) -> None:
    """All that reads a run's folder, but the model."""
    runs = folder / "runs"
    for run in list_runs(runs):
        commands._summary(run)
        for form in ("text", "json"):
            with suppress(SuiteError):
                commands.show.callback(str(run.path), runs, form)
        for read in (run.state, run.environment, run.evaluation, run.history, lambda run=run: run.processes):
            with suppress(SuiteError):
                read()
        with suppress(SuiteError):
            TOY.Config.build(TOY.Config.from_file(run.path / "config.yaml"))
        if newest := checkpoint.latest(run.checkpoints):
            checkpoint.read_state(newest)
            checkpoint.read_tensors(newest, "model.safetensors")
    newest_unfinished(runs)
    Run.open("latest", runs)


def _answering(folder: Path) -> None:
    """The model of a run, compared with its golden samples."""
    (run,) = list_runs(folder / "runs") or [Run(folder)]
    task = TOY.task(TOY.Config.from_file(run.path / "config.yaml"))
    loading.load_run(run, task, task.config, lent=lambda work: work)


@cache
def _toy_run() -> dict[str, bytes]:
    """A run of the toy, a few steps long."""
    import suite

    with tempfile.TemporaryDirectory() as folder:
        suite.train(
            "toy", max_steps=4, evaluate_every=2, save_every=2, log_every=1, output=str(Path(folder) / "runs"), limit=40
        )
        return models.files(Path(folder))


def _states() -> list[Decoder]:
    row = {"row": {"word": "a"}, "source": "s", "model": "m", "before": {"label": "vowels"}, "after": {"label": "x"}}
    line = json.dumps({**row, "time": "2026-01-01"}).encode() + b"\n"
    return [
        made("state.config", seeds.alone("a.yaml", seeds.CONFIG), _config),
        made("state.card", seeds.alone("README.md", seeds.CARD), stated_licence),
        Decoder("state.corrections", lambda: [{"toy/corrections/corrections.jsonl": line * 2}], _corrections),
        Decoder(
            "state.run", lambda: [{name: body for name, body in _toy_run().items() if "/model/" not in name}], _run
        ),
        Decoder(
            "state.answering",
            lambda: [
                {n: body for n, body in _toy_run().items() if n.count("/") == 3 or "/model/" in n or "/golden/" in n}
            ],
            _answering,
        ),
    ]


def _loaded(name: str) -> Callable[[Path], None]:
    def ask(folder: Path) -> None:
        task = domain(name).task()
        loading.ready(task.load(folder, None), accelerator())

    return ask


def _weights() -> list[Decoder]:
    makers = {
        "toy": models.toy,
        "fraud": models.fraud,
        "image-generation": models.images,
        "medical-imaging": models.medical,
        "recommendations": models.recommendations,
        "speech": models.speech,
        "translation": models.translation,
    }
    return [Decoder(f"model.{name}", partial(models.made, make), _loaded(name)) for name, make in makers.items()]


def domain(name: str) -> Any:
    """A domain by its name."""
    return load_plugins().find("suite_domains", name).load()


@cache
def accelerator() -> Any:
    """Of this process."""
    return make_accelerator(TOY.task().config)


def _falls(path: Path) -> None:
    raise KeyError(path.name)


def _grows(path: Path) -> None:
    bytearray(1 << 33)


def _waits(path: Path) -> None:
    while True:
        pass


def _dies(path: Path) -> None:
    os.abort()


BROKEN = {
    f"test.{name}": made(f"test.{name}", seeds.alone("a", b"1"), ask)
    for name, ask in {"raises": _falls, "grows": _grows, "waits": _waits, "dies": _dies}.items()
}
"""Of which each variant falls."""
DECODERS = {decoder.name: decoder for decoder in [*_data(), *_states(), *_weights()]}
