"""Golden samples: a few inputs and answers kept with a model and compared again whenever it is loaded.

A saved model that answers differently from the one that was evaluated is the worst silent failure of fine-tuning
tools; this is the check that makes it loud.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.console import warn
from suite.domain.base import Domain
from suite.domain.vocabulary import Prediction
from suite.errors import SuiteError
from suite.files import write_json

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from datasets import Dataset

COUNT = 3  # enough to catch a wrong template, scale or label order; few enough not to slow a load
LARGEST = 2_000_000  # bytes of one row's files: golden rows travel with the model


def store(
    path: Path, domain: Domain, model: torch.nn.Module, rows: Dataset, accelerator: Accelerator
) -> list[Prediction]:
    """Keeps the first usable `rows` and the model's answers in the folder `path`; files are kept as bytes."""
    path.mkdir(parents=True, exist_ok=True)
    chosen = _portable(rows, domain)
    chosen.to_parquet(path / "rows.parquet")
    predictions = _answers(domain, model, chosen, accelerator)
    write_json(path / "predictions.json", {"device": accelerator.device.type, "predictions": predictions})
    return predictions


def check(path: Path, domain: Domain, model: torch.nn.Module, accelerator: Accelerator) -> None:
    """Compares the model's answers with those in the folder `path`; nothing happens where there is none.

    Raises `SuiteError` for a different answer; on another kind of device, where rounding differs, it only warns.
    """
    if not (path / "predictions.json").is_file():
        return
    kept = json.loads((path / "predictions.json").read_text())
    rows = _read(path / "rows.parquet", domain)
    found = _answers(domain, model, rows, accelerator)
    pairs = list(zip(kept["predictions"], found, strict=True))
    wrong = [(old, new) for old, new in pairs if not domain.same(old, json.loads(json.dumps(new)))]
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


def _read(path: Path, domain: Domain) -> Dataset:
    """The kept rows. They may come from a stranger: a row that names a file instead of holding it is refused."""
    import pyarrow.parquet as pq
    from datasets import Dataset

    rows = next(pq.ParquetFile(path).iter_batches(batch_size=COUNT)).to_pylist()
    for name in _files(domain):
        for row in rows:
            if row.get(name) is None:
                continue
            if not isinstance(row[name], dict) or not isinstance(row[name].get("bytes"), bytes):
                raise SuiteError(f"{path} names a file in {name!r} instead of holding it; nothing is opened for it.")
            row[name] = {"bytes": row[name]["bytes"], "path": Path(row[name].get("path") or "").name}
    return Dataset.from_list(rows)


def _files(domain: Domain) -> list[str]:
    return [column.name for column in domain.columns if column.kind in ("audio", "image")]


def _answers(domain: Domain, model: torch.nn.Module, rows: Dataset, accelerator: Accelerator) -> list[Prediction]:
    from suite.inference.batches import predict_batches

    examples = domain.prepare(rows, model, training=False)
    count = min(COUNT, len(examples))
    batches = predict_batches(domain, model, examples, range(count), accelerator)
    return [prediction for *_, predictions in batches for prediction in predictions]


def _portable(rows: Dataset, domain: Domain) -> Dataset:
    """The first rows whose files are small, as the domain lets them travel, with paths replaced by the files' bytes."""
    from datasets import Dataset

    files = _files(domain)
    chosen: list[dict[str, Any]] = []
    for row in map(domain.portable, map(dict, rows)):
        row = {name: _embedded(value) if name in files else value for name, value in row.items()}
        if sum(len(row[name]["bytes"]) for name in files if row.get(name)) <= LARGEST:
            chosen.append(row)
        if len(chosen) == COUNT:
            break
    return Dataset.from_list(chosen)


def _embedded(value: Any) -> Any:
    if isinstance(value, str):
        return {"bytes": Path(value).read_bytes(), "path": Path(value).name}
    return value


def _short(prediction: Prediction) -> str:
    text = json.dumps(prediction, ensure_ascii=False)
    return text if len(text) < 120 else text[:117] + "…"
