"""Suite: a plugin-based application suite on Hugging Face.

What describes a domain is here at once. What works (training, answering, tables) comes with its packages, torch among
them, when it is first used: a plugin is listed without them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from suite.assets.asset import Asset, Wheel, cache_dir
from suite.assets.minilm import minilm
from suite.config import TrainConfig, only_with
from suite.domain.answers import inert, write_predictions
from suite.domain.description import Domain, Task
from suite.domain.parts import Answers, Data, Model, Scores, Stage
from suite.domain.vocabulary import (
    Baselines,
    Batch,
    Example,
    Prediction,
    Scored,
    Section,
    Space,
    Splits,
    Stacked,
    Starter,
    TrainingData,
)
from suite.errors import SuiteError
from suite.plugins.hookspecs import Entry, hookimpl
from suite.tables.columns import Column, Columns, Finding

if TYPE_CHECKING:
    from suite.api import Evaluation, evaluate, load, predict, train
    from suite.assets.encoder import mean_states
    from suite.assets.resolve import resolve_model
    from suite.cli.options import format_option
    from suite.console import bar
    from suite.data.corrections import Correction, Corrections
    from suite.evaluation.calibration import PlattScaling, Reliability, TemperatureScaling, log_odds, sigmoid
    from suite.evaluation.ranking import Ranking
    from suite.inference.predictor import Predictor
    from suite.tables.store import column, on_disk
    from suite.training.callbacks import Callback

__version__ = "0.1.0"
_LATER = {
    "suite.api": ("Evaluation", "evaluate", "load", "predict", "train"),
    "suite.assets.encoder": ("mean_states",),
    "suite.assets.resolve": ("resolve_model",),
    "suite.cli.options": ("format_option",),
    "suite.console": ("bar",),
    "suite.data.corrections": ("Correction", "Corrections"),
    "suite.evaluation.calibration": ("PlattScaling", "Reliability", "TemperatureScaling", "log_odds", "sigmoid"),
    "suite.evaluation.ranking": ("Ranking",),
    "suite.inference.predictor": ("Predictor",),
    "suite.tables.store": ("column", "on_disk"),
    "suite.training.callbacks": ("Callback",),
}
_MODULES = {name: module for module, names in _LATER.items() for name in names}
__all__ = [
    "Answers",
    "Asset",
    "Baselines",
    "Batch",
    "Callback",
    "Column",
    "Columns",
    "Correction",
    "Corrections",
    "Data",
    "Domain",
    "Entry",
    "Evaluation",
    "Example",
    "Finding",
    "Model",
    "PlattScaling",
    "Prediction",
    "Predictor",
    "Ranking",
    "Reliability",
    "Scored",
    "Scores",
    "Section",
    "Space",
    "Splits",
    "Stacked",
    "Stage",
    "Starter",
    "SuiteError",
    "Task",
    "TemperatureScaling",
    "TrainConfig",
    "TrainingData",
    "Wheel",
    "bar",
    "cache_dir",
    "column",
    "evaluate",
    "format_option",
    "hookimpl",
    "inert",
    "load",
    "log_odds",
    "mean_states",
    "minilm",
    "on_disk",
    "only_with",
    "predict",
    "resolve_model",
    "sigmoid",
    "train",
    "write_predictions",
]


def __getattr__(name: str) -> Any:
    """A name of `_LATER`, imported now."""
    if name not in _MODULES:
        raise AttributeError(f"module 'suite' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value
