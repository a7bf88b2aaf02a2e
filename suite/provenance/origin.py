"""What a run was made from, in words that may be told to anybody: names on the hub and of starters, never a path."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import hf_hub_download

from suite.assets import resolve as assets
from suite.assets.asset import Asset
from suite.config import TrainConfig
from suite.data.hub_names import hub_name
from suite.decoders import decoding, read_json
from suite.domain.description import Domain, Task
from suite.errors import SuiteError
from suite.provenance.licence import forbids_sharing

LOCAL = assets.LOCAL


@dataclass(frozen=True)
class Origin:
    """A model or data set that something was made from."""

    name: str
    """What people read: a starter's name, a hub id, or that it is a local one."""
    hub: str = ""
    """`owner/name` where it is on the hub."""
    commit: str = ""
    licence: str = ""
    """As its owner states it; "" if that is not known."""
    url: str = ""
    starter: bool = False
    """Whether it is one that a plugin brings or mirrors."""

    @property
    def reproducible(self) -> bool:
        """Whether somebody else can have the same thing."""
        return self.starter or bool(self.hub)

    def sentence(self) -> str:
        """Name, commit, licence and address in Markdown."""
        details = [f"commit `{self.commit[:12]}`"] if self.commit else []
        details += [part for part in (self.licence, self.url) if part]
        name = f"`{self.name}`" if self.hub or self.starter else self.name
        return f"{name} ({', '.join(details)})" if details else name


def model_origin(task: Task) -> Origin:
    """The model a config starts from; of a finished run, the one that run started from."""
    return _model(task.domain, task.config.model or task.domain.starter.model, depth=0)


def data_origin(domain: Domain, reference: str, fingerprint: str = "") -> Origin:
    """A data set by the name a config has for it; a local one is told apart by its fingerprint alone."""
    if asset := _asset(domain, reference or domain.starter.data, "data"):
        return _of_asset(asset)
    if not Path(reference).expanduser().exists() and (named := hub_name(reference)):
        name, revision = named
        return Origin(name, hub=name, commit=revision, url=f"https://huggingface.co/datasets/{name}")
    return Origin(f"a local data set (fingerprint {fingerprint})" if fingerprint else "a local data set")


def sharable(data: Origin) -> bool:
    """Whether anybody can have the rows of a data set anyway: a starter's, unless its licence says otherwise."""
    return data.starter and not forbids_sharing(data.licence)


def consent(config: TrainConfig) -> bool:
    """Whether the user has agreed to non-commercial terms, in the option that a domain with such models has."""
    return bool(config.model_dump().get("allow_noncommercial", False))


def front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The YAML at the head of a card, {} where there is none that can be read, and the text after it."""
    fence, front, body = [*text.split("---\n", 2), "", ""][:3]
    if fence.strip() or not text.startswith("---\n"):
        return {}, text
    values = None
    with suppress(SuiteError), decoding("the card"):
        values = yaml.safe_load(front)
    return (values, body) if isinstance(values, dict) else ({}, text)


def stated_licence(card: Path) -> str:
    """The licence in a card's front matter; "" without one. For `other`, the name given to it."""
    if not card.is_file():
        return ""
    values, _ = front_matter(card.read_text(encoding="utf-8", errors="replace"))
    licence = values.get("license") or ""
    if licence == "other":
        licence = values.get("license_name") or licence
    return ", ".join(map(str, licence)) if isinstance(licence, list) else str(licence)


def _model(domain: Domain, reference: str, depth: int) -> Origin:
    if asset := _asset(domain, reference, "model"):
        return _of_asset(asset)
    path = Path(reference).expanduser()
    if path.is_dir():
        return _local_model(domain, path, depth)
    if reference.startswith(LOCAL):
        return Origin("a local model")
    name, _, revision = reference.partition("@")
    licence = stated_licence(_card_of(name, revision))
    return Origin(name, hub=name, commit=revision, licence=licence, url=f"https://huggingface.co/{name}")


def _local_model(domain: Domain, path: Path, depth: int) -> Origin:
    """A run names the model it started from; of another folder only a card in it can tell."""
    config = path / "config.yaml"
    if config.is_file() and (path / "model").is_dir() and depth < 10:  # a run that starts from itself is no run
        base = domain.Config.from_file(config).get("model") or domain.starter.model
        return _model(domain, str(base), depth + 1)
    about = path / "config.json"
    kind = read_json(about).get("model_type", "") if about.is_file() else ""
    return Origin(f"a local {kind} model".replace("  ", " "), licence=stated_licence(path / "README.md"))


def _card_of(name: str, revision: str) -> Path:
    """The card of a model on the hub, from the cache where it is there; a path without a file if there is none."""
    try:
        local = not assets.hub_reachable()
        return Path(hf_hub_download(name, "README.md", revision=revision or None, local_files_only=local))
    except assets.http_errors(ValueError):
        return Path("README.md", "missing")


def _asset(domain: Domain, name: str, kind: str) -> Asset | None:
    return next((asset for asset in domain.starter.assets if (asset.name, asset.kind) == (name, kind)), None)


def _of_asset(asset: Asset) -> Origin:
    addresses = {f"https://huggingface.co/{asset.name}", f"https://huggingface.co/datasets/{asset.name}"}
    hub = asset.name if asset.url.rstrip("/") in addresses else ""
    return Origin(asset.name, hub=hub, licence=asset.licence, url=asset.url, starter=True)
