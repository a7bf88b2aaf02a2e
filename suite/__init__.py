"""Suite: a plugin-based application suite on Hugging Face."""

from typing import TYPE_CHECKING

from suite.api import Evaluation, evaluate, load, predict, train
from suite.assets.asset import Asset, Wheel, cache_dir
from suite.assets.encoder import mean_states, minilm
from suite.assets.resolve import resolve_model
from suite.config import TrainConfig
from suite.console import bar
from suite.data.corrections import Correction, Corrections
from suite.domain.answers import inert, write_predictions
from suite.domain.base import Domain
from suite.domain.vocabulary import Batch, Example, Prediction, Section, Space, Splits, Starter
from suite.errors import SuiteError
from suite.inference.predictor import Predictor
from suite.plugins.hookspecs import Entry, hookimpl
from suite.tables.columns import Column, Columns, Finding
from suite.tables.store import column, on_disk
from suite.training.callbacks import Callback

if TYPE_CHECKING:
    from suite.evaluation.calibration import PlattScaling, Reliability, TemperatureScaling, log_odds, sigmoid
    from suite.evaluation.ranking import Ranking
else:

    def __getattr__(name: str) -> object:
        """What needs numpy, imported when asked for (PEP 562): it would make `suite --help` half as slow again."""
        from importlib import import_module

        if name not in _NUMERIC:
            raise AttributeError(f"module 'suite' has no attribute {name!r}")
        return getattr(import_module(_NUMERIC[name]), name)


_NUMERIC = {"Ranking": "suite.evaluation.ranking"} | dict.fromkeys(
    ("PlattScaling", "Reliability", "TemperatureScaling", "log_odds", "sigmoid"), "suite.evaluation.calibration"
)

__version__ = "0.1.0"
__all__ = [
    "Asset",
    "Batch",
    "Callback",
    "Column",
    "Columns",
    "Correction",
    "Corrections",
    "Domain",
    "Entry",
    "Evaluation",
    "Example",
    "Finding",
    "PlattScaling",
    "Prediction",
    "Predictor",
    "Ranking",
    "Reliability",
    "Section",
    "Space",
    "Splits",
    "Starter",
    "SuiteError",
    "TemperatureScaling",
    "TrainConfig",
    "Wheel",
    "bar",
    "cache_dir",
    "column",
    "evaluate",
    "hookimpl",
    "inert",
    "load",
    "log_odds",
    "mean_states",
    "minilm",
    "on_disk",
    "predict",
    "resolve_model",
    "sigmoid",
    "train",
    "write_predictions",
]
