"""Suite: a plugin-based application suite on Hugging Face."""

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
    "Prediction",
    "Predictor",
    "Section",
    "Space",
    "Splits",
    "Starter",
    "SuiteError",
    "TrainConfig",
    "Wheel",
    "bar",
    "cache_dir",
    "column",
    "evaluate",
    "hookimpl",
    "inert",
    "load",
    "mean_states",
    "minilm",
    "on_disk",
    "predict",
    "resolve_model",
    "train",
    "write_predictions",
]
