"""Suite: a plugin-based application suite on Hugging Face.

What describes a domain is here at once. What works (training, answering, tables) comes with its packages, torch among
them, when it is first used: a plugin is listed without them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from suite.assets.asset import Asset, Wheel, cache_dir
from suite.assets.minilm import minilm
from suite.config import TrainConfig, only_with
from suite.decoders import decoding, read_json
from suite.domain.answers import as_written, csv_text, inert, write_predictions
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
    from suite.api import Check, Evaluation, check, evaluate, load, predict, train
    from suite.assets.encoder import mean_states
    from suite.assets.resolve import resolve_model
    from suite.cli.options import format_option
    from suite.console import bar
    from suite.data.corrections import Correction, Corrections
    from suite.decoders.pictures import load_picture, picture_file
    from suite.evaluation.calibration import PlattScaling, Reliability, TemperatureScaling, log_odds, sigmoid
    from suite.evaluation.intervals import Interval, intervals, paired, share_interval
    from suite.evaluation.ranking import Ranking
    from suite.evaluation.slicing import slices
    from suite.evaluation.units import Units
    from suite.inference.predictor import Predictor
    from suite.tables.origin import located
    from suite.tables.readers import read_table
    from suite.tables.store import column, on_disk
    from suite.tables.times import moments

__version__ = "0.1.0"
_LATER = {
    "suite.api": ("Check", "Evaluation", "check", "evaluate", "load", "predict", "train"),
    "suite.assets.encoder": ("mean_states",),
    "suite.assets.resolve": ("resolve_model",),
    "suite.cli.options": ("format_option",),
    "suite.console": ("bar",),
    "suite.data.corrections": ("Correction", "Corrections"),
    "suite.evaluation.calibration": ("PlattScaling", "Reliability", "TemperatureScaling", "log_odds", "sigmoid"),
    "suite.evaluation.intervals": ("Interval", "intervals", "paired", "share_interval"),
    "suite.evaluation.ranking": ("Ranking",),
    "suite.evaluation.slicing": ("slices",),
    "suite.evaluation.units": ("Units",),
    "suite.inference.predictor": ("Predictor",),
    "suite.decoders.pictures": ("load_picture", "picture_file"),
    "suite.tables.origin": ("located",),
    "suite.tables.readers": ("read_table",),
    "suite.tables.store": ("column", "on_disk"),
    "suite.tables.times": ("moments",),
}
_MODULES = {name: module for module, names in _LATER.items() for name in names}
__all__ = [
    "Answers",
    "Asset",
    "Baselines",
    "Batch",
    "Check",
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
    "Interval",
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
    "Units",
    "Wheel",
    "as_written",
    "bar",
    "cache_dir",
    "check",
    "column",
    "csv_text",
    "decoding",
    "evaluate",
    "format_option",
    "hookimpl",
    "inert",
    "intervals",
    "load",
    "load_picture",
    "located",
    "log_odds",
    "mean_states",
    "minilm",
    "moments",
    "on_disk",
    "only_with",
    "paired",
    "picture_file",
    "predict",
    "read_json",
    "read_table",
    "resolve_model",
    "share_interval",
    "sigmoid",
    "slices",
    "train",
    "write_predictions",
]


def __getattr__(name: str) -> Any:
    """A name of `_LATER`, imported now."""
    if name not in _MODULES:
        raise AttributeError(f"module 'suite' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value
