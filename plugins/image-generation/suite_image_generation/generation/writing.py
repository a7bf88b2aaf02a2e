"""What `predict` reads and writes: prompts in, a folder of numbered PNGs with an index out."""

from __future__ import annotations

import io
import json
import os
import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from suite import Answers, Prediction, SuiteError, decoding, write_predictions
from suite_image_generation.config import ImageConfig
from suite_image_generation.generation.answers import png_of
from suite_image_generation.generation.samples import distance, say
from suite_image_generation.pictures import files as pictures
from suite_image_generation.pictures import prompts
from suite_image_generation.pictures.png import read_settings, request_of
from suite_image_generation.pictures.request import Request

TABLES = (".json", ".jsonl", ".csv")
INDEX = "index.jsonl"
NAME = 40
"""Letters of a prompt in a file's name: file systems end at 255 bytes, and a letter may take four."""
LOSS_TOLERANCE = 0.02
"""Share by which the loss of a golden sample may differ: bf16 keeps three digits."""
TOLERANCE = 8
"""Of 255, the mean difference of golden pixels."""


class ImageAnswers(Answers):
    """Pictures as files with their settings inside, and as a line for the terminal."""

    config: ImageConfig

    def render(self, prediction: Prediction) -> str:
        """A line for the terminal, which shows no pictures; of a row that asked for none, its loss."""
        if not prediction["png"]:
            return f"{prediction['prompt']} (no picture, loss {prediction['loss']})"
        size = len(png_of(prediction))
        note = f" {prediction['note']}" if prediction.get("note") else ""
        seed = f"seed {prediction['seed']}, PNG of {size:,} bytes; save it with --output FOLDER"
        return f"{prediction['prompt']} ({seed}).{note}"

    def check_output(self, path: Path) -> None:
        """Raises `SuiteError` for an ending that is neither a table's nor a folder's."""
        if path.suffix not in TABLES and path.suffix != ".png":
            raise SuiteError(
                f"Cannot write {path.name}: give --output a folder, or an ending of .png, {', '.join(TABLES)}."
            )

    def appends(self, path: Path) -> bool:
        """Whether `write` adds to what is there, as it does to a folder."""
        return not path.suffix

    def write(self, predictions: Sequence[tuple[str, Prediction]], path: Path) -> None:
        """A folder of PNGs with `index.jsonl`; one PNG, or a table without pictures, where `path` has such an ending.

        Nothing is overwritten: numbers go on after the highest in the folder, and a picture that is there with the same
        settings keeps its name, so that a stopped command can be given again. Withheld ones are in the index only.
        Raises `SuiteError` where the one PNG is there already or withheld, and where a file cannot be written.
        """
        if path.suffix in TABLES:
            write_predictions([(name, _without_png(prediction)) for name, prediction in predictions], path)
        elif path.suffix == ".png" and len(predictions) == 1:
            if (only := predictions[0][1]).get("withheld"):
                raise SuiteError(f"{only['note']} Nothing is written.")
            _create(path, png_of(only))
        else:
            _write_folder(predictions, path.with_suffix("") if path.suffix == ".png" else path)

    def same(self, expected: Prediction, actual: Prediction) -> bool:
        """Equal words, nearly the loss, and nearly the pixels."""
        if any(expected.get(name) != actual.get(name) for name in ("prompt", "seed")):
            return False
        losses = [prediction["loss"] or 0.0 for prediction in (expected, actual)]
        near = abs(losses[0] - losses[1]) <= LOSS_TOLERANCE * max(losses)
        return near and distance(expected, actual) <= TOLERANCE


def inputs(
    argument: str, *, seed: int, images: int = 1, negative: str = "", image: str = "", **settings: Any
) -> list[Request]:
    """Requests for a prompt, or for each line of a .txt file: `images` of each prompt, with seeds from `seed` on.

    `image` names a picture to start from, `settings` are further fields of `Request`, the same for all. A PNG that
    Suite wrote asks for that picture again. Raises `SuiteError` for a file that cannot be read, and for an empty prompt
    where there is no picture.
    """
    start = pictures.given(image) if image else None
    ending = Path(argument).suffix.lower() if len(argument) < 4096 else ""
    if ending == ".png":
        if not is_file(argument):
            raise SuiteError(f"There is no file {argument}; give a PNG that was made here, or the prompt itself.")
        return [request_of(read_settings(argument), start)]
    lines = prompts.read(Path(argument)) if ending == ".txt" else [argument]
    cleaned = [prompts.cut(line) for line in lines]
    if start is None and not all(line for line, _ in cleaned):
        raise SuiteError("The prompt is empty; say in a few words what the picture should show.")
    unwanted, cut = prompts.cut(negative, "negative prompt")
    return [
        Request(
            line, seed + place, negative=unwanted, image=start, note=" ".join(filter(None, (note, cut))), **settings
        )
        for line, note in cleaned
        for place in range(images)
    ]


def is_file_name(text: str) -> bool:
    """One word with an ending, such as picture.jpg; or something that is there."""
    path = Path(text)
    return is_file(text) or (1 < len(path.suffix) <= 5 and not any(c.isspace() for c in text))


def is_file(text: str) -> bool:
    """Whether there is a file of this name; a prompt is no name, and may be longer than names can be."""
    try:
        return Path(text).is_file()
    except OSError:
        return False


def file_name(number: int, prompt: str) -> str:
    """A name that any file system takes: the number and the first letters of the prompt.

    >>> file_name(7, "../Ein Käfer: *rot*")
    '0007-Ein-Käfer-rot.png'
    """
    words = re.sub(r"[^\w]+", "-", unicodedata.normalize("NFC", prompt)).strip("-_")[:NAME].strip("-_")
    return f"{number:04}-{words}.png" if words else f"{number:04}.png"


def _write_folder(predictions: Sequence[tuple[str, Prediction]], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    known, number = _known(folder), _highest(folder)
    again = []
    for name, prediction in predictions:
        described, shown = _without_png(prediction), not prediction.get("withheld")
        key = _key(described["settings"])
        if key in known and (known[key] or not shown):
            again.append(known[key])
            continue
        number += 1
        known[key] = file_name(number, prediction["prompt"]) if shown else ""
        if shown:
            _create(folder / known[key], png_of(prediction))
        line = json.dumps({"file": known[key], "input": name, **described}, ensure_ascii=False)
        with (folder / INDEX).open("a", encoding="utf-8") as index:
            index.write(line + "\n")
    if shown_again := ", ".join(filter(None, again)):
        say(f"Already in {folder}: {shown_again}")


def _known(folder: Path) -> dict[str, str]:
    """The file of each picture in the index, by its settings: "" for a withheld one, none for one that was removed."""
    path, known = folder / INDEX, {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        with suppress(SuiteError), decoding(path):  # a line somebody wrote, or half of one after a power cut
            described = json.loads(line)
            if not described["file"] or (folder / described["file"]).is_file():
                known[_key(described["settings"])] = str(described["file"])
    return known


def _key(settings: dict[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True)


def _highest(folder: Path) -> int:
    numbered = re.compile(r"(\d+)[-.].*png")
    matches = (numbered.match(entry.name) for entry in os.scandir(folder))
    return max((int(match[1]) for match in matches if match), default=0)


def _without_png(prediction: Prediction) -> dict[str, Any]:
    """A prediction without its picture, with the settings inside the PNG."""
    fields = {key: value for key, value in prediction.items() if key != "png"}
    return fields | {"settings": read_settings(io.BytesIO(png_of(prediction)))}


def _create(path: Path, content: bytes) -> None:
    """Writes a file that was not there before."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise SuiteError(f"{path} is there already; give --output another name, nothing is overwritten.") from None
    except OSError as error:
        raise SuiteError(f"{path} could not be written: {error.strerror}.") from None
