"""Golden samples: a few inputs and answers kept with a model and compared again whenever it is loaded.

A saved model that answers differently from the one that was evaluated is the worst silent failure of fine-tuning
tools; this is the check that makes it loud.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from accelerate import Accelerator
from datasets import Dataset

from suite.console import warn
from suite.decoders import decoding, read_json
from suite.domain.description import Task
from suite.domain.parts import Model
from suite.domain.vocabulary import Prediction
from suite.errors import SuiteError
from suite.files import write_json
from suite.inference.batches import predict_batches
from suite.tables.columns import Columns

COUNT = 3  # enough to catch a wrong template, scale or label order; few enough not to slow a load
LARGEST = 2_000_000  # bytes of one row's files: golden rows travel with the model


def store(path: Path, task: Task, model: Model, rows: Dataset, accelerator: Accelerator) -> list[Prediction]:
    """Keeps the first usable `rows` and the model's answers in the folder `path`; files are kept as bytes."""
    path.mkdir(parents=True, exist_ok=True)
    kept = _portable(rows, task, model)
    kept.to_parquet(path / "rows.parquet")
    predictions = _answers(model, kept, accelerator)
    write_json(path / "predictions.json", {"device": accelerator.device.type, "predictions": predictions})
    return predictions


def check(path: Path, task: Task, model: Model, accelerator: Accelerator) -> None:
    """Compares the model's answers with those in the folder `path`; nothing happens where there is none.

    Raises `SuiteError` for a different answer; on another kind of device, where rounding differs, it only warns.
    """
    if not (path / "predictions.json").is_file():
        return
    kept = read_json(path / "predictions.json", fields={"predictions": list, "device": str})
    answers = _answers(model, _read(path / "rows.parquet", task.columns), accelerator)
    pairs = list(zip(kept["predictions"], answers, strict=True))
    wrong = [(old, new) for old, new in pairs if not task.answers.same(old, json.loads(json.dumps(new)))]
    if not wrong:
        return
    old, new = wrong[0]
    message = (
        f"The model beside {path} does not give the answers stored with it: {len(wrong)} of {len(pairs)} differ; first "
        f"{_short(old)} became {_short(new)}. Its files or the installed versions have changed; see environment.json."
    )
    if kept["device"] != accelerator.device.type:
        warn(message)
    else:
        raise SuiteError(message)


def _read(path: Path, columns: Columns) -> Dataset:
    """The kept rows. They may come from a stranger: a row that names a file instead of holding it is refused."""
    with decoding(path):
        rows = next(pq.ParquetFile(path).iter_batches(batch_size=COUNT)).to_pylist()
    for name in columns.files:
        for row in rows:
            if row.get(name) is None:
                continue
            if not isinstance(row[name], dict) or not isinstance(row[name].get("bytes"), bytes):
                raise SuiteError(f"{path} names a file in {name!r} instead of holding it; nothing is opened for it.")
            row[name] = {"bytes": row[name]["bytes"], "path": Path(row[name].get("path") or "").name}
    return Dataset.from_list(rows)


def _answers(model: Model, rows: Dataset, accelerator: Accelerator) -> list[Prediction]:
    examples = model.prepare(rows, "test")
    count = min(COUNT, len(examples))
    batches = predict_batches(model, examples, range(count), accelerator)
    return [prediction for *_, predictions in batches for prediction in predictions]


def _portable(rows: Dataset, task: Task, model: Model) -> Dataset:
    """The first rows whose files are small, as the domain lets them travel, with paths replaced by the files' bytes."""
    files = task.columns.files
    kept: list[dict[str, Any]] = []
    for row in rows:
        portable = task.data.portable(dict(row), model)
        portable = {name: _embedded(value) if name in files else value for name, value in portable.items()}
        if sum(len(portable[name]["bytes"]) for name in files if portable.get(name)) <= LARGEST:
            kept.append(portable)
        if len(kept) == COUNT:
            break
    return Dataset.from_list(kept)


def _embedded(value: Any) -> Any:
    if isinstance(value, str):
        return {"bytes": Path(value).read_bytes(), "path": Path(value).name}
    return value


def _short(prediction: Prediction) -> str:
    text = json.dumps(prediction, ensure_ascii=False)
    return text if len(text) < 120 else text[:117] + "…"
