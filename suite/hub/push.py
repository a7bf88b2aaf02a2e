"""Pushes a run to the hub, looks at what arrived, and asks the hub in one way that fails in one sentence."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.assets import resolve as assets
from suite.console import say, warn
from suite.domain.base import Domain
from suite.errors import SuiteError
from suite.evaluation.card import merged
from suite.hub.parcel import Content, check, laid, parcel
from suite.provenance.origin import Origin, data_origin
from suite.runs import Run

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_GITS_OWN = (".gitattributes", ".gitignore")


@dataclass(frozen=True)
class Pushed:
    """Where a model is now."""

    name: str
    commit: str
    url: str


# ---- asking the hub --------------------------------------------------------------------------------------------------


def api() -> HfApi:
    """The hub for a user who is logged in. Raises `SuiteError` when offline, without a token, or out of reach."""
    from huggingface_hub import HfApi, get_token

    if assets.hub_refused():
        raise SuiteError("The hub is not asked when offline: leave out --offline, SUITE_OFFLINE and HF_HUB_OFFLINE.")
    if not get_token():
        raise SuiteError("You are not logged in to the hub: run 'hf auth login', or set HF_TOKEN to a write token.")
    if not assets.hub_reachable():
        raise SuiteError("The hub cannot be reached; look at the network, at HF_ENDPOINT, or try again later.")
    return HfApi(library_name="suite", library_version=version("suite"))


def user(hub: HfApi) -> str:
    """The name of whoever is logged in. Raises `SuiteError` for a token the hub does not know."""
    with told("say who you are"):
        return str(hub.whoami()["name"])


def full_name(hub: HfApi, given: str, default: str) -> str:
    """`owner/name` from what the user gave: that, a name alone (the user's own), or "" for `default`.

    Raises `SuiteError` for what is no name of a repository.
    """
    name = given or re.sub(r"[^\w.-]+", "-", default).strip("-.")[:96]  # the hub's longest name
    name = name if "/" in name else f"{user(hub)}/{name}"
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]{0,95}", name) or re.search(r"--|\.\.", name):
        raise SuiteError(f"{given!r} is no name on the hub; give --to owner/name of letters, digits, '-', '_' and '.'.")
    return name


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Turns what the hub, or the line to it, raises inside into one sentence: "The hub would not `doing`: …"."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError:
        raise SuiteError(
            f"The hub would not {doing}: it is gated; accept its terms on its page, then try again."
        ) from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        raise SuiteError(f"The hub would not {doing}: {_reason(status, error.server_message)}.") from None
    except assets.http_errors(RuntimeError) as error:
        raise SuiteError(
            f"The line to the hub broke ({type(error).__name__}) before it could {doing}; run the same command again, "
            "what has arrived is not sent twice."
        ) from None
    except ValueError as error:
        # the library has a class of its own for a name that can be none, and none for a card the hub objects to
        if not (isinstance(error, errors.HFValidationError) or str(error).startswith("Invalid metadata")):
            raise
        raise SuiteError(f"The hub would not {doing}: {' '.join(str(error).split()).rstrip('.')}.") from None


def _reason(status: int, message: str | None) -> str:
    reasons = {
        401: "it does not know your token; run 'hf auth login'",
        402: "it must be paid for; see the plans at huggingface.co/pricing",
        403: "your token has no right to; use a write token of that account or a member of that organisation",
        404: "there is none of that name that you may see",
        409: "there is one of that name already",
        412: "somebody changed it meanwhile; run the same command again",
        429: "it was asked too often; try again in some minutes",
    }
    said = f" ({message.strip().splitlines()[0].rstrip('.')})" if message and message.strip() else ""
    return reasons.get(status, f"it answered with status {status}") + said


def refuse_visible(name: str, *, private: bool, public: bool) -> None:
    """Nothing is put where everybody sees it unless that was said; `private` is what a repository is."""
    if not private and not public:
        raise SuiteError(f"{name} is there already and everybody can see it; say --public, or give another --to.")
    if private and public:
        warn(f"{name} was there before and stays private; its settings page makes it public.")


def token() -> str:
    """The token of whoever is logged in; only ever sent to the hub, or as a secret."""
    from huggingface_hub import get_token

    return get_token() or ""


def pinned_on_hub(reference: str, domain: Domain) -> str:
    """`owner/name@commit` of a model on the hub, without downloading it; a starter's name as it is.

    Raises `SuiteError` if the hub has no such model or revision.
    """
    name, _, revision = reference.partition("@")
    if name in {asset.name for asset in domain.starter.assets}:
        return reference
    with told(f"show the model {reference}"):
        return f"{name}@{api().model_info(name, revision=revision or None).sha}"


# ---- pushing ---------------------------------------------------------------------------------------------------------


def push(run: Run, domain: Domain, *, to: str = "", public: bool = False, licence: str = "") -> Pushed:
    """Uploads a finished run as one commit, downloads it again and checks its golden samples.

    `domain` has the run's config. The repository is `to`, else the user's own called after the domain and the run;
    it is private unless `public`. What was pushed before is replaced, what others put there stays. Raises `SuiteError`
    when the run is not finished, its licence forbids it, or the hub refuses; nothing is uploaded then.
    """
    hub = api()
    name = full_name(hub, to, f"{domain.name}-{re.sub(r'^[0-9]{8}-[0-9]{6}-', '', run.path.name)}")
    files = parcel(run, domain, licence=licence, open_data=_is_open(hub, data_origin(domain, domain.config.data)))
    with tempfile.TemporaryDirectory() as scratch:
        check(run, domain, laid(files, Path(scratch) / "parcel", links=True), Path(scratch) / "before")
        commit, url = _commit(hub, name, run, domain, files, public=public)
        say(f"Pushed to {url} at commit {commit[:12]}; downloading it again to check its answers.")
        with told(f"send {name} back"):
            found = hub.snapshot_download(name, revision=commit, local_dir=Path(scratch) / "download")
        check(run, domain, Path(found), Path(scratch) / "after")
    return Pushed(name, commit, url)


def _is_open(hub: HfApi, data: Origin) -> bool:
    """Whether a data set on the hub is there for everybody."""
    if not data.hub:
        return False
    try:
        info = hub.dataset_info(data.hub, revision=data.commit or None)
    except assets.http_errors():
        return False
    return not (info.private or info.gated)


def _commit(
    hub: HfApi, name: str, run: Run, domain: Domain, files: dict[str, Content], *, public: bool
) -> tuple[str, str]:
    """One commit with all that changed; returns it and the address."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    with told(f"make the model {name}"):
        url = str(hub.create_repo(name, private=not public, exist_ok=True))
    with told(f"show what is in {name}"):
        info = hub.model_info(name)
        there = {one.rfilename for one in info.siblings or []}
        before = _file(hub, name, info.sha, "environment.json") if "environment.json" in there else {}
        card = _text(hub, name, info.sha, "README.md") if "README.md" in there else ""
    _refuse_others(name, domain, files, there, before)
    refuse_visible(name, private=bool(info.private), public=public)
    assert isinstance(files["README.md"], bytes)
    files["README.md"] = merged(card, files["README.md"].decode()).encode()
    gone = sorted((set(before.get("files", [])) & there) - set(files))
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    with told(f"take the files of {name}"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="It seems that you are about to commit a data file")
        done = hub.create_commit(
            name,
            [*operations, *(CommitOperationDelete(path) for path in gone)],
            commit_message=f"Push {run.path.name} with Suite {version('suite')}",
            parent_commit=info.sha,
        )
    return str(done.oid), url


def _text(hub: HfApi, name: str, commit: str | None, path: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        found = hub.hf_hub_download(name, path, revision=commit, local_dir=folder)
        return Path(found).read_text(encoding="utf-8")


def _file(hub: HfApi, name: str, commit: str | None, path: str) -> dict[str, Any]:
    import json

    try:
        found = json.loads(_text(hub, name, commit, path))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _refuse_others(
    name: str, domain: Domain, files: dict[str, Content], there: set[str], before: dict[str, Any]
) -> None:
    """Nothing that somebody else put there is replaced, nor one domain's model by another's."""
    if before.get("domain") not in (None, domain.name):
        raise SuiteError(f"{name} is a model of {before['domain']}, not of {domain.name}; give another --to.")
    foreign = sorted(there & set(files) - set(before.get("files", [])) - {"README.md", *_GITS_OWN})
    if foreign:
        raise SuiteError(
            f"{name} holds {', '.join(foreign[:3])} that Suite did not put there and would replace; give another --to."
        )
