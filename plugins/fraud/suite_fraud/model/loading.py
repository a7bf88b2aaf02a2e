"""Loads whichever network a folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from suite import SuiteError, read_json
from suite_fraud.model.base import NetworkConfig
from suite_fraud.model.residual import FraudNetwork

if TYPE_CHECKING:
    from suite_fraud.model.tabicl import InContextNetwork


Network: TypeAlias = "FraudNetwork | InContextNetwork"


def load_network(folder: Path) -> Network:
    """The network a folder holds. Raises `SuiteError` if it holds another kind of model."""
    if read_json(folder / "config.json").get("model_type") == "suite-fraud-tabicl":
        return _in_context(folder)
    if not NetworkConfig.from_pretrained(folder).features:
        raise SuiteError(f"{folder} holds no fraud network; give a run of `suite fraud train`, or leave --model out.")
    return FraudNetwork.from_pretrained(folder, use_safetensors=True)


def _in_context(folder: Path) -> InContextNetwork:
    try:
        from suite_fraud.model import tabicl  # an extra: the package is there only where it was asked for
    except ImportError:
        raise SuiteError(f"{folder} holds a TabICL, which takes: pip install 'suite-fraud[tabicl]'.") from None
    return tabicl.load(folder)
