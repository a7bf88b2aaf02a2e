"""A small LightGBM that answers like a dearer system: a hundred trees, a text file, milliseconds, and its reasons.

Distillation (Bucila, Caruana, Niculescu-Mizil 2006) as regression on the teacher's log-odds. Soft labels under
cross-entropy rank worse: average precision .710 for a teacher's .731, against .733 for the log-odds, on the
handbook's last fold.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import lightgbm
import numpy as np
from scipy.stats import spearmanr

from suite import Ranking, SuiteError, decoding, log_odds, sigmoid
from suite_fraud.data import features
from suite_fraud.data.wording import reasons
from suite_fraud.model.threads import threads
from suite_fraud.serving import spread

TREES, LEAVES = 100, 31
"""Largest size: more brought no fidelity worth its time on the handbook's portfolio."""
MODEL, ABOUT = "model.txt", "student.json"


@dataclass(frozen=True)
class About:
    """What the trees read and what their answers are worth; all of student.json."""

    windows: tuple[float, ...] = features.WINDOWS
    delay: float = features.DELAY
    """Both in days, as `features.compute` takes them."""
    numbers: tuple[str, ...] = ()
    """Further columns of the table that are read after the features, as numbers; one a file lacks is missing."""
    columns: dict[str, str] = field(default_factory=dict)
    """Our columns to those of the tables it was taught on."""
    time_unit: str = "auto"
    """What the numbers of those tables' time column counted: a short file alone would not tell."""
    slope: float = 1.0
    intercept: float = 0.0
    """Calibration: log-odds = slope * the trees' log-odds + intercept."""
    threshold: float = 0.5
    """Probability from which on a transaction is an alert, unless something else is asked for."""
    teacher: str = ""
    fidelity: dict[str, float] = field(default_factory=dict)
    """On test rows; see `fidelity`."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the trees' input: features, then further numbers."""
        return (*features.names(self.windows), *self.numbers)


@dataclass(frozen=True)
class Student:
    """The trees and what they read."""

    booster: lightgbm.Booster
    about: About
    training: spread.Training | None = None
    """What its training looked like; written, and read again by `suite fraud drift` alone."""

    @classmethod
    def teach(cls, x: np.ndarray, probability: np.ndarray, about: About | None = None, *, seed: int = 0) -> Student:
        """Trees for inputs (n, len(about.names)) that answer like the teacher's probabilities (n,)."""
        about = about or About()
        settings = {"objective": "regression", "num_leaves": LEAVES, "learning_rate": 0.1, "min_data_in_leaf": 10}
        # As fine as the tails of amounts need: with LightGBM's 255 bins all large amounts share one.
        exact = {"max_bin": 1023, "deterministic": True, "force_row_wise": True, "seed": seed, "verbose": -1}
        parameters = settings | exact | {"num_threads": threads()}
        # Log-odds beyond one in a hundred thousand tell nobody anything and would draw all the trees to themselves.
        booster = lightgbm.train(parameters, lightgbm.Dataset(x, log_odds(probability, least=1e-5)), TREES)
        return cls(booster, about)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, float64 (n,), of inputs (n, len(about.names))."""
        if not len(x):
            return np.empty(0)
        raw = np.asarray(self.booster.predict(x, raw_score=True, num_threads=threads()))
        return sigmoid(self.about.slope * raw + self.about.intercept)

    def reasons(self, x: np.ndarray, k: int = 3) -> list[list[str]]:
        """The k strongest reasons for each row's suspicion, strongest first: TreeSHAP (Lundberg and others 2020)."""
        if not len(x):
            return []
        contributions = np.asarray(self.booster.predict(x, pred_contrib=True, num_threads=threads()))
        return reasons(self.about.names, x, contributions[:, :-1], k)

    def save(self, folder: Path) -> None:
        """Writes the folder's two files, and what training looked like if that is known."""
        folder.mkdir(parents=True, exist_ok=True)
        self.booster.save_model(str(folder / MODEL))
        (folder / ABOUT).write_text(json.dumps(asdict(self.about), indent=2, ensure_ascii=False) + "\n", "utf-8")
        if self.training is not None:
            (folder / spread.FILE).write_text(json.dumps(asdict(self.training)) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> Student:
        """Reads a folder `save` wrote, or a run's that has one. Raises `SuiteError` where there is none."""
        folder = find(path)
        with decoding(f"The student in {folder}", "make it anew: suite fraud student."):
            kept = json.loads((folder / ABOUT).read_text("utf-8"))
            kept |= {name: tuple(kept[name]) for name in ("windows", "numbers")}
            return cls(lightgbm.Booster(model_file=str(folder / MODEL)), About(**kept))


def find(path: Path) -> Path:
    """The student's folder: the path itself, or below a run's."""
    for folder in (path, path / "student", path / "model" / "student"):
        if (folder / ABOUT).is_file() and (folder / MODEL).is_file():
            return folder
    raise SuiteError(f"{path} has no student model; make one with: suite fraud student --model {path}")


def fidelity(teacher: np.ndarray, student: np.ndarray, label: np.ndarray) -> dict[str, float]:
    """How far a student's answers are its teacher's, on rows neither learned from; (n,) each.

    Spearman's correlation of the probabilities, the share of the teacher's top 1 % among the student's, and both
    average precisions.
    """
    top = max(1, len(teacher) // 100)
    first, second = (set(np.argsort(-scores, kind="stable")[:top].tolist()) for scores in (teacher, student))
    return {
        "spearman": float(spearmanr(teacher, student).statistic),
        "overlap_top_1": len(first & second) / top,
        "teacher_average_precision": Ranking(teacher, label).average_precision(),
        "student_average_precision": Ranking(student, label).average_precision(),
    }
