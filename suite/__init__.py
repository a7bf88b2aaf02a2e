"""Suite: a plugin-based application suite on Hugging Face."""

from suite.api import Evaluation, evaluate, load, predict, train
from suite.assets import Asset, Wheel, cache_dir, resolve_model
from suite.config import TrainConfig
from suite.console import bar
from suite.corrections import Correction, Corrections
from suite.data.columns import Column, Columns, Finding
from suite.data.store import column, on_disk
from suite.domain import Batch, Domain, Example, Prediction, Section, Space, Splits, Starter
from suite.encoder import mean_states, minilm
from suite.errors import SuiteError
from suite.hookspecs import Entry, hookimpl
from suite.predictor import Predictor, inert, write_predictions
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
