"""Finds data by what the user called them: a source's name, the starter, a local path, or a data set on the hub."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from datasets import Audio, Dataset, Features, Image, concatenate_datasets, load_dataset
from datasets import config as settings
from datasets.features.features import generate_from_arrow_type, require_decoding
from datasets.table import InMemoryTable
from huggingface_hub import HfApi, constants, errors

from suite.assets import resolve as assets
from suite.console import say
from suite.data.hub_names import HUB_ID
from suite.decoders import check_name, decoding
from suite.domain.description import Task
from suite.errors import SuiteError, unknown
from suite.plugins.loader import load_plugins
from suite.tables.arrow import is_text
from suite.tables.columns import SPLIT, match_columns
from suite.tables.folders import read_folder
from suite.tables.gate import Gate
from suite.tables.origin import Origin, Run, runs_of, taken, unread, without_runs
from suite.tables.readers import SUFFIXES, Reading, read_table
from suite.tables.store import column
from suite.tables.structures import maps_as_pairs

_SOURCE = re.compile(r"([a-z][a-z0-9-]*):(.*)", re.DOTALL)


def load_rows(reference: str, task: Task, *, offline: bool = False) -> Dataset:
    """Raw rows of `reference`, as `located_rows` finds them."""
    return located_rows(reference, task, offline=offline)[0]


def located_rows(reference: str, task: Task, *, offline: bool = False) -> tuple[Dataset, Origin]:
    """Raw rows of `reference`, their columns still under the data's own names, and where each was read from.

    `NAME:reference` asks that source; else "" or a starter's name, an existing file or folder, and last a hub id
    (`owner/name`, with `@revision` and `:config` if wanted). Values of file columns are paths that were found to lie
    inside the given folder, or structs of bytes and path. Raises `SuiteError` naming what was possible.
    """
    check_name(reference)
    path = Path(reference).expanduser() if reference else None
    if reference in ("", *_starters(task)):
        return _starter(reference, task, offline=offline)
    if path and path.exists():
        return _local(path, task, reference)
    if path and path.is_symlink():
        raise SuiteError(f"{path} is a link to {path.readlink()}, which is not there; give the file itself.")
    if match := _SOURCE.fullmatch(reference):
        return _from_source(match[1], match[2], task, offline=offline)
    if HUB_ID.fullmatch(reference):
        return hub(reference, task, offline=offline), Origin()
    raise _nothing(reference, task)


def hub(reference: str, task: Task, *, offline: bool = False) -> Dataset:
    """A data set on the hub at one commit, all its splits; no code of the data set is ever run."""
    match = HUB_ID.fullmatch(reference)
    if not match:
        raise SuiteError(
            f"{reference!r} is no data set's name; write owner/name, owner/name@revision or owner/name:config."
        )
    _refuse_unreachable(reference, task, offline=offline)
    return _gated(_download(match["name"], match["revision"], match["config"]), task, reference, _hub_gate())


def pinned(reference: str, task: Task) -> str:
    """`owner/name@commit` for a data set on the hub, whatever it is called there now; anything else as it is.

    Raises `SuiteError` if the hub cannot be asked, or has no such data set or revision.
    """
    match = HUB_ID.fullmatch(reference.removeprefix("hub:"))
    if not match or reference in _starters(task) or Path(reference).expanduser().exists():
        return reference
    if re.fullmatch("[0-9a-f]{40}", match["revision"] or ""):
        return reference
    _refuse_unreachable(reference, task)
    part = f":{match['config']}" if match["config"] else ""
    return f"{match['name']}@{_commit(match['name'], match['revision'])}{part}"


def folder(reference: str, task: Task) -> Dataset:
    """A local folder, told apart from a starter or hub id of the same name."""
    return _folder(reference, task)[0]


def _folder(reference: str, task: Task) -> tuple[Dataset, Origin]:
    path = Path(reference).expanduser()
    if not path.is_dir():
        raise SuiteError(f"There is no folder {reference!r}{assets.nearest_path(path) or '.'}")
    return _local(path, task, reference)


def file(reference: str, task: Task) -> Dataset:
    """A local CSV, TSV, Parquet, JSON or JSONL file."""
    return _file(reference, task)[0]


def _file(reference: str, task: Task) -> tuple[Dataset, Origin]:
    path = Path(reference).expanduser()
    if not path.is_file():
        raise SuiteError(f"There is no file {reference!r}{assets.nearest_path(path) or '.'}")
    return _local(path, task, reference)


def starter(reference: str, task: Task, *, offline: bool = False) -> Dataset:
    """Data the domain brings or mirrors; "" is its first choice."""
    return _starter(reference, task, offline=offline)[0]


def _starter(reference: str, task: Task, *, offline: bool = False) -> tuple[Dataset, Origin]:
    """Nothing of a starter is told as left unread: its files are not the user's."""
    starters, name = _starters(task), reference or task.domain.starter.data
    if name not in starters:
        raise unknown("starter", name, starters)
    rows, origin = _local(assets.fetch(starters[name], offline=offline), task, reference)
    return rows, replace(origin, unread={})


def local(reference: str, task: Task) -> Dataset:
    """What a pushed config says of data that stayed at home; nobody can read them, and this says so."""
    raise SuiteError(
        f"This model was fine-tuned on data that stayed on their machine (fingerprint {reference}); "
        "to train, give data of your own with --data; to evaluate, a copy of those with --set data=…."
    )


def _starters(task: Task) -> dict[str, assets.Asset]:
    return {asset.name: asset for asset in task.domain.starter.assets if asset.kind == "data"}


def _from_source(name: str, reference: str, task: Task, *, offline: bool) -> tuple[Dataset, Origin]:
    source = load_plugins().find("suite_sources", name).load()
    if source is starter:
        return _starter(reference, task, offline=offline)
    if source in (folder, file):
        return (_folder if source is folder else _file)(reference, task)
    rows = source(reference, task, offline=offline) if source is hub else source(reference, task)
    return taken(rows, Path())[0], Origin()


def _local(path: Path, task: Task, reference: str) -> tuple[Dataset, Origin]:
    """Rows of a file or folder, by the domain's own reader or the core's; names of files start at the folder."""
    path = path.absolute()
    if not path.is_file() and not path.is_dir():
        raise SuiteError(f"{path} is neither a file nor a folder, and may never end; give a file.")
    root = path if path.is_dir() else path.parent
    rows, origin = _read(path, root, task, reference)
    rows = _gated(rows, task, reference, Gate(root))
    return rows, replace(origin, unread=_unread(path, rows, origin, task, reference)) if path.is_dir() else origin


def _read(path: Path, root: Path, task: Task, reference: str) -> tuple[Dataset, Origin]:
    own = task.data.read(path)
    if own is not None:
        rows, origin = taken(own, root)
        whole = (Run(path, -1, len(rows)),) if path.is_file() else ()
        return rows, origin or Origin(root, whole)
    reading = Reading(task.columns, _given(task, reference))
    table = read_folder(path, reading) if path.is_dir() else read_table(path, reading)
    runs = runs_of(table) if path.is_dir() else (Run(path, 0, table.num_rows),)
    return _dataset(_holdable(without_runs(table), reading, path), path), Origin(root, runs)


def _unread(path: Path, rows: Dataset, origin: Origin, task: Task, reference: str) -> dict[str, int]:
    """Files of a folder that neither are rows nor hold any, nor did the domain read them, by ending."""
    top = Path(os.path.realpath(path))
    known = {os.path.realpath(file) for file in origin.files}
    for ours, theirs in match_columns(rows.column_names, task.columns, _given(task, reference)).items():
        if ours in task.columns.files:
            values = column(rows, theirs).to_pylist()
            names = [value.get("path") if isinstance(value, dict) else value for value in values]
            known |= {os.path.realpath(name) for name in names if name}
    return unread(top, known, task.data.reads)


def _holdable(table: pa.Table, reading: Reading, path: Path) -> pa.Table:
    """The table without columns of kinds that a data set cannot hold (maps, intervals) and nobody asks for; maps that
    a structure column asks for become lists of pairs.

    Raises `SuiteError` for one that the domain needs.
    """
    used, nested = set(reading.mapping(table.column_names).values()), reading.structures(table.column_names)
    for place, name in enumerate(table.column_names):
        if name in nested and pa.types.is_map(table.schema.field(name).type):
            table = table.set_column(place, name, maps_as_pairs(table[name]))
    for field in table.schema:
        try:
            with decoding(f"{path}: the column {field.name!r}", "save it as text or numbers, or leave it out."):
                Features.from_arrow_schema(pa.schema([field]))
        except SuiteError as error:
            if field.name in used:
                raise
            say(f"{error} It is left out.")
            table = table.drop_columns(field.name)
    return table


def _given(task: Task, reference: str) -> Mapping[str, str]:
    """The config's mapping speaks of the config's data only."""
    return task.config.columns if reference == task.config.data else {}


def _dataset(table: pa.Table, *origin: Any) -> Dataset:
    """A data set over the table itself. Its fingerprint is ours: the default one would read all the data."""
    try:
        return _over(table, *origin)
    except Exception:  # metadata of somebody else's file, whatever is wrong with them, are no reason to refuse its rows
        return _over(table.replace_schema_metadata(None), *origin)


def _over(table: pa.Table, *origin: Any) -> Dataset:
    key = hashlib.sha256(repr((origin, str(table.schema), table.num_rows)).encode()).hexdigest()[:16]
    return Dataset(InMemoryTable(table), fingerprint=key)


def _gated(rows: Dataset, task: Task, reference: str, gate: Gate) -> Dataset:
    """Sends every value of the file columns through the gate; media stay undecoded, inside lists and structures too:
    who reads such a row would open the file that it names, wherever that is."""
    for name, feature in rows.features.items():
        if isinstance(feature, Audio | Image):
            rows = rows.cast_column(name, type(feature)(decode=False)) if feature.decode else rows
        elif require_decoding(feature, ignore_decode_attribute=True):
            rows = rows.cast_column(name, generate_from_arrow_type(rows.data.schema.field(name).type))
    mapping = match_columns(rows.column_names, task.columns, _given(task, reference))
    for ours, theirs in mapping.items():
        if ours in task.columns.files:
            rows = _replaced(rows, theirs, _passed(column(rows, theirs), theirs, gate))
    return rows


def _replaced(rows: Dataset, name: str, array: pa.ChunkedArray) -> Dataset:
    table = rows.with_format("arrow")[:]
    table = table.set_column(table.column_names.index(name), table.schema.field(name).with_type(array.type), array)
    return _dataset(table, rows._fingerprint, name)


def _passed(array: pa.ChunkedArray, name: str, gate: Gate) -> pa.ChunkedArray:
    """Paths made absolute; a struct with bytes keeps only the last part of its path, so that nobody opens it."""
    if is_text(array):
        values = [gate.path(v, f"{name} of row {row}: ") if v else None for row, v in enumerate(array.to_pylist())]
        return pa.chunked_array([pa.array(values, pa.string())])
    if not (pa.types.is_struct(array.type) and {"bytes", "path"} <= {field.name for field in array.type}):
        return array
    return pa.chunked_array([_passed_struct(chunk, name, gate) for chunk in array.chunks], _struct_type())


def _struct_type() -> Any:
    return pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def _passed_struct(chunk: pa.StructArray, name: str, gate: Gate) -> pa.StructArray:
    contents, paths = pc.struct_field(chunk, "bytes"), pc.struct_field(chunk, "path").to_pylist()
    embedded = pc.is_valid(contents).to_pylist()
    safe = [
        path and (Path(path).name if here else gate.path(path, f"{name}: "))
        for path, here in zip(paths, embedded, strict=True)
    ]
    return pa.StructArray.from_arrays(
        [contents.cast(pa.binary()), pa.array(safe, pa.string())], fields=list(_struct_type())
    )


def _refuse_unreachable(reference: str, task: Task, *, offline: bool = False) -> None:
    refused = offline or assets.hub_refused()
    if refused or not assets.hub_reachable():
        why = "the hub is not asked when offline" if refused else "the hub cannot be reached"
        raise SuiteError(
            f"{reference!r} is no local path here, and {why}; give a folder or file"
            f"{_or_starter(task)}, or run where the hub can be reached."
        )


def _commit(name: str, revision: str | None) -> str:
    """The commit a data set is at. Raises `SuiteError` when there is none for this user."""
    try:
        return str(HfApi().dataset_info(name, revision=revision).sha)
    except errors.GatedRepoError:
        raise SuiteError(f"{name!r} is gated; accept its terms on the hub, then run 'hf auth login'.") from None
    except errors.RevisionNotFoundError:
        raise SuiteError(f"The data set {name!r} has no revision {revision!r}; see its page on the hub.") from None
    except (errors.RepositoryNotFoundError, errors.HFValidationError):
        raise SuiteError(
            f"The hub has no data set {name!r} that you may read; if it is a private one, run 'hf auth login' first."
        ) from None
    except assets.http_errors() as error:
        raise SuiteError(f"The hub did not answer about {name!r} ({type(error).__name__}); try again.") from None


def _download(name: str, revision: str | None, config: str | None) -> Dataset:
    commit = _commit(name, revision)
    try:
        parts = load_dataset(name, config, revision=commit)
    except assets.http_errors(ValueError, RuntimeError) as error:  # several configs, a script, no such files
        raise SuiteError(f"Cannot read the data set {name!r}: {str(error).splitlines()[0]}") from None
    return marked_splits(parts)


def marked_splits(parts: Mapping[str, Dataset]) -> Dataset:
    """The rows of all splits, each with the name of its own."""
    marked = [rows.remove_columns(SPLIT) if SPLIT in rows.column_names else rows for rows in parts.values()]
    return concatenate_datasets(
        [rows.add_column(SPLIT, [str(split)] * len(rows)) for split, rows in zip(parts, marked, strict=True)]
    )


def _hub_gate() -> Gate:
    """Files of hub data sets lie in the hub's caches, and nowhere else."""
    return Gate(Path(settings.HF_DATASETS_CACHE), Path(constants.HF_HUB_CACHE))


def _or_starter(task: Task) -> str:
    return f", the starter ({', '.join(_starters(task))})" if _starters(task) else ""


def _nothing(reference: str, task: Task) -> SuiteError:
    path = Path(reference).expanduser()
    return SuiteError(
        f"No data {reference!r}: there is no such file or folder{assets.nearest_path(path) or '.'} Give a folder, "
        f"a file ({', '.join(SUFFIXES)}){_or_starter(task)}, or a data set on the hub (owner/name)."
    )
