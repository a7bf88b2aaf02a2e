"""Finds data by what the user called them: a source's name, the starter, a local path, or a data set on the hub."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.assets import resolve as assets
from suite.errors import SuiteError, unknown
from suite.tables.arrow import is_text
from suite.tables.columns import SPLIT, match_columns
from suite.tables.folders import read_folder
from suite.tables.gate import Gate
from suite.tables.readers import SUFFIXES, Reading, read_table
from suite.tables.store import column

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

    from suite.domain.base import Domain

_SOURCE = re.compile(r"([a-z][a-z0-9-]*):(.*)", re.DOTALL)
_HUB_ID = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*/[\w.-]+)(@(?P<revision>[\w./-]+))?(:(?P<config>[\w.-]+))?")


def load_rows(reference: str, domain: Domain, *, offline: bool = False) -> Dataset:
    """Raw rows of `reference`, their columns still under the data's own names.

    `NAME:reference` asks that source; else "" or a starter's name, an existing file or folder, and last a hub id
    (`owner/name`, with `@revision` and `:config` if wanted). Values of file columns are paths that were found to lie
    inside the given folder, or structs of bytes and path. Raises `SuiteError` naming what was possible.
    """
    path = Path(reference).expanduser() if reference else None
    if reference in ("", *_starters(domain)):
        return starter(reference, domain, offline=offline)
    if path and path.exists():
        return _local(path, domain, reference)
    if match := _SOURCE.fullmatch(reference):
        return _from_source(match[1], match[2], domain, offline=offline)
    if _HUB_ID.fullmatch(reference):
        return hub(reference, domain, offline=offline)
    raise _nothing(reference, domain)


def hub(reference: str, domain: Domain, *, offline: bool = False) -> Dataset:
    """A data set on the hub at one commit, all its splits; no code of the data set is ever run."""
    match = _HUB_ID.fullmatch(reference)
    if not match:
        raise SuiteError(
            f"{reference!r} is no data set's name; write owner/name, owner/name@revision or owner/name:config."
        )
    _refuse_unreachable(reference, domain, offline=offline)
    return _gated(_download(match["name"], match["revision"], match["config"]), domain, reference, _hub_gate())


def hub_name(reference: str) -> tuple[str, str] | None:
    """`owner/name` and revision ("" for none) of what can only be a data set on the hub; None for anything else."""
    match = _HUB_ID.fullmatch(reference.removeprefix("hub:"))
    return (match["name"], match["revision"] or "") if match else None


def pinned(reference: str, domain: Domain) -> str:
    """`owner/name@commit` for a data set on the hub, whatever it is called there now; anything else as it is.

    Raises `SuiteError` if the hub cannot be asked, or has no such data set or revision.
    """
    match = _HUB_ID.fullmatch(reference.removeprefix("hub:"))
    if not match or reference in _starters(domain) or Path(reference).expanduser().exists():
        return reference
    if re.fullmatch("[0-9a-f]{40}", match["revision"] or ""):
        return reference
    _refuse_unreachable(reference, domain)
    part = f":{match['config']}" if match["config"] else ""
    return f"{match['name']}@{_commit(match['name'], match['revision'])}{part}"


def folder(reference: str, domain: Domain) -> Dataset:
    """A local folder, told apart from a starter or hub id of the same name."""
    path = Path(reference).expanduser()
    if not path.is_dir():
        raise SuiteError(f"There is no folder {reference!r}{assets.nearest_path(path) or '.'}")
    return _local(path, domain, reference)


def file(reference: str, domain: Domain) -> Dataset:
    """A local CSV, TSV, Parquet, JSON or JSONL file."""
    path = Path(reference).expanduser()
    if not path.is_file():
        raise SuiteError(f"There is no file {reference!r}{assets.nearest_path(path) or '.'}")
    return _local(path, domain, reference)


def starter(reference: str, domain: Domain, *, offline: bool = False) -> Dataset:
    """Data the domain brings or mirrors; "" is its first choice."""
    starters, name = _starters(domain), reference or domain.starter.data
    if name not in starters:
        raise unknown("starter", name, starters)
    return _local(assets.fetch(starters[name], offline=offline), domain, reference)


def local(reference: str, domain: Domain) -> Dataset:
    """What a pushed config says of data that stayed at home; nobody can read them, and this says so."""
    raise SuiteError(
        f"This model was fine-tuned on data that stayed on their machine (fingerprint {reference}); "
        "to train, give data of your own with --data; to evaluate, a copy of those with --set data=…."
    )


def _starters(domain: Domain) -> dict[str, assets.Asset]:
    return {asset.name: asset for asset in domain.starter.assets if asset.kind == "data"}


def _from_source(name: str, reference: str, domain: Domain, *, offline: bool) -> Dataset:
    from suite.plugins.loader import load_plugins

    found = load_plugins().find("suite_sources", name).load()
    return found(reference, domain, offline=offline) if found in (hub, starter) else found(reference, domain)


def _local(path: Path, domain: Domain, reference: str) -> Dataset:
    """Rows of a file or folder, by the domain's own reader or the core's; names of files start at the folder."""
    path = path.absolute()
    root = path if path.is_dir() else path.parent
    rows = domain.read(path)
    if rows is None:
        reading = Reading(domain.columns, _given(domain, reference))
        table = read_folder(path, reading) if path.is_dir() else read_table(path, reading)
        rows = _dataset(table, path)
    return _gated(rows, domain, reference, Gate(root))


def _given(domain: Domain, reference: str) -> Mapping[str, str]:
    """The config's mapping speaks of the config's data only."""
    return domain.config.columns if reference == domain.config.data else {}


def _dataset(table: pa.Table, *origin: Any) -> Dataset:
    """A data set over the table itself. Its fingerprint is ours: the default one would read all the data."""
    from datasets import Dataset
    from datasets.table import InMemoryTable

    key = hashlib.sha256(repr((origin, str(table.schema), table.num_rows)).encode()).hexdigest()[:16]
    return Dataset(InMemoryTable(table), fingerprint=key)


def _gated(rows: Dataset, domain: Domain, reference: str, gate: Gate) -> Dataset:
    """Sends every value of the file columns through the gate; media stay undecoded."""
    from datasets import Audio, Image

    for name, feature in rows.features.items():
        if isinstance(feature, Audio | Image) and feature.decode:
            rows = rows.cast_column(name, type(feature)(decode=False))
    mapping = match_columns(rows.column_names, domain.columns, _given(domain, reference))
    for ours, theirs in mapping.items():
        if ours in domain.columns.files:
            rows = _replaced(rows, theirs, _passed(column(rows, theirs), theirs, gate))
    return rows


def _replaced(rows: Dataset, name: str, array: pa.ChunkedArray) -> Dataset:
    table = rows.with_format("arrow")[:]
    table = table.set_column(table.column_names.index(name), table.schema.field(name).with_type(array.type), array)
    return _dataset(table, rows._fingerprint, name)


def _passed(array: pa.ChunkedArray, name: str, gate: Gate) -> pa.ChunkedArray:
    """Paths made absolute; a struct with bytes keeps only the last part of its path, so that nobody opens it."""
    import pyarrow as pa

    if is_text(array):
        values = [gate.path(v, f"{name} of row {row}: ") if v else None for row, v in enumerate(array.to_pylist())]
        return pa.chunked_array([pa.array(values, pa.string())])
    if not (pa.types.is_struct(array.type) and {"bytes", "path"} <= {field.name for field in array.type}):
        return array
    return pa.chunked_array([_passed_struct(chunk, name, gate) for chunk in array.chunks], _struct_type())


def _struct_type() -> Any:
    import pyarrow as pa

    return pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def _passed_struct(chunk: pa.StructArray, name: str, gate: Gate) -> pa.StructArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    held, paths = pc.struct_field(chunk, "bytes"), pc.struct_field(chunk, "path").to_pylist()
    embedded = pc.is_valid(held).to_pylist()
    safe = [
        path and (Path(path).name if here else gate.path(path, f"{name}: "))
        for path, here in zip(paths, embedded, strict=True)
    ]
    return pa.StructArray.from_arrays(
        [held.cast(pa.binary()), pa.array(safe, pa.string())], fields=list(_struct_type())
    )


def _refuse_unreachable(reference: str, domain: Domain, *, offline: bool = False) -> None:
    refused = offline or assets.hub_refused()
    if refused or not assets.hub_reachable():
        why = "the hub is not asked when offline" if refused else "the hub cannot be reached"
        raise SuiteError(
            f"{reference!r} is no local path here, and {why}; give a folder or file"
            f"{_or_starter(domain)}, or run where the hub can be reached."
        )


def _commit(name: str, revision: str | None) -> str:
    """The commit a data set is at. Raises `SuiteError` when there is none for this user."""
    from huggingface_hub import HfApi, errors

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
    from datasets import concatenate_datasets, load_dataset

    commit = _commit(name, revision)
    try:
        parts = load_dataset(name, config, revision=commit)
    except assets.http_errors(ValueError, RuntimeError) as error:  # several configs, a script, no such files
        raise SuiteError(f"Cannot read the data set {name!r}: {str(error).splitlines()[0]}") from None
    marked = [rows.remove_columns(SPLIT) if SPLIT in rows.column_names else rows for rows in parts.values()]
    return concatenate_datasets(
        [rows.add_column(SPLIT, [str(split)] * len(rows)) for split, rows in zip(parts, marked, strict=True)]
    )


def _hub_gate() -> Gate:
    """Files of hub data sets lie in the hub's caches, and nowhere else."""
    from datasets import config as settings
    from huggingface_hub import constants

    return Gate(Path(settings.HF_DATASETS_CACHE), Path(constants.HF_HUB_CACHE))


def _or_starter(domain: Domain) -> str:
    return f", the starter ({', '.join(_starters(domain))})" if _starters(domain) else ""


def _nothing(reference: str, domain: Domain) -> SuiteError:
    path = Path(reference).expanduser()
    return SuiteError(
        f"No data {reference!r}: there is no such file or folder{assets.nearest_path(path) or '.'} Give a folder, "
        f"a file ({', '.join(SUFFIXES)}){_or_starter(domain)}, or a data set on the hub (owner/name)."
    )
