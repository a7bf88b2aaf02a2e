"""How a portfolio moves away from what a model was trained on, week by week, and when to train anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from suite import Ranking, SuiteError
from suite_fraud.data import stream
from suite_fraud.serving import student
from suite_fraud.serving.score import Reader
from suite_fraud.serving.spread import Training

LARGE = 0.25
"""The usual bound of the PSI above which a model should not be trusted unseen."""
LOST = 0.75
"""Share of the first weeks' average precision below which a model has aged."""
FRAUDS = 20
"""Weeks with fewer known frauds have no average precision worth reading."""


@dataclass(frozen=True)
class Week:
    """One week of scored transactions; `start` and `end` are days."""

    start: int
    end: int
    count: int
    features: dict[str, float]
    """Population stability index of each feature against training."""
    scores: float
    """The same of the model's scores."""
    alert_rate: float
    frauds: int
    """Known ones."""
    average_precision: float
    """On transactions of known label; NaN below twenty frauds."""

    @property
    def moved(self) -> list[str]:
        """Features whose index is large, the largest first."""
        return sorted((n for n, psi in self.features.items() if psi > LARGE), key=lambda n: -self.features[n])


@dataclass(frozen=True)
class Report:
    """All weeks, oldest first, and whether to train anew."""

    weeks: list[Week]
    retrain: bool
    advice: str
    """One sentence with the reason."""


def weekly(
    names: Sequence[str],
    x: np.ndarray,
    score: np.ndarray,
    label: np.ndarray,
    day: np.ndarray,
    *,
    trained: Training,
    threshold: float,
    delay: float = 7.0,
    span: int = 7,
) -> Report:
    """Drift of transactions after training: `x` (n, len(names)), `score`, `label` (-1 unknown) and `day` (n,) each.

    `threshold` is the score from which on a
    transaction is an alert. Labels younger than `delay` days before the last day count as unknown, as they would be.
    """
    label = np.where(day > (day.max(initial=0) - delay), -1, label)
    weeks = []
    first, end = (int(day.min()), int(day.max()) + 1) if len(day) else (0, 0)
    # The last week must be whole: part of one has other weekdays than training had. The first days are left out.
    begin = first + ((end - first) % span if end - first > span else 0)
    for start in range(begin, end, span):
        rows = np.flatnonzero((day >= start) & (day < start + span))
        if len(rows):
            weeks.append(_week(names, x[rows], score[rows], label[rows], start, span, trained, threshold))
    retrain, advice = _advice(weeks)
    return Report(weeks, retrain, advice)


def _week(
    names: Sequence[str],
    x: np.ndarray,
    score: np.ndarray,
    label: np.ndarray,
    start: int,
    span: int,
    trained: Training,
    threshold: float,
) -> Week:
    known = label >= 0
    frauds = int((label == 1).sum())
    precision = Ranking(score[known], label[known]).average_precision() if frauds >= FRAUDS else float("nan")
    return Week(
        start=start,
        end=start + span,
        count=len(score),
        features={name: trained.features[name].psi(x[:, place]) for place, name in enumerate(names)},
        scores=trained.scores.psi(score),
        alert_rate=float((score >= threshold).mean()),
        frauds=frauds,
        average_precision=precision,
    )


def _advice(weeks: list[Week]) -> tuple[bool, str]:
    """Whether to retrain and why; what labels say counts before what features say."""
    if not weeks:
        return False, "There is no transaction to tell drift from."
    last = weeks[-1]
    known = [week for week in weeks if not np.isnan(week.average_precision)]
    if len(known) > 1 and known[-1].average_precision < LOST * known[0].average_precision:
        return True, (
            f"Retrain: average precision fell from {known[0].average_precision:.3f} (days {known[0].start} to "
            f"{known[0].end}) to {known[-1].average_precision:.3f} (days {known[-1].start} to {known[-1].end})."
        )
    if last.scores > LARGE:
        return True, f"Retrain: the scores of the last week are far from those in training (PSI {last.scores:.2f})."
    if last.moved:
        listed = ", ".join(f"{name} (PSI {last.features[name]:.2f})" for name in last.moved[:3])
        return True, f"Retrain: the last week's transactions differ much from those in training in {listed}."
    most = max(last.features, key=lambda name: last.features[name], default="")
    said = f"; the largest is {most} with a PSI of {last.features[most]:.2f}" if most else ""
    return False, f"No need to retrain: no feature moved far in the last week{said}."


def of_file(
    path: Path, model: Path, *, history: Path | None = None, columns: Mapping[str, str] | None = None
) -> tuple[Report, float]:
    """Drift of a file against what the student in `model` was trained on, and the time of its day 0, in seconds.

    The file is read in blocks, as scoring does; some 100 bytes a row are kept. `history` are the same portfolio's
    earlier transactions. Raises `SuiteError` for a file of less than a week, and what scoring raises.
    """
    taught, trained = student.Student.load(model), Training.load(student.find(model))
    reader = Reader(taught, dict(columns or {}), stream.ROWS)
    for block in reader.read(history) if history is not None else ():
        reader.features(block)
    parts = [(block.time, block.label, reader.features(block)) for block in reader.read(path)]
    if not parts:
        raise SuiteError(f"{path} holds no transaction.")
    time, label, x = (np.concatenate([part[place] for part in parts]) for place in range(3))
    day = np.floor_divide(time, 86_400).astype(np.int64)
    if int(day[-1] - day[0]) < 6:
        raise SuiteError(f"{path.name} holds {int(day[-1] - day[0]) + 1} days; drift is told of whole weeks.")
    names = taught.about.names
    report = weekly(
        names, x, taught.predict(x), label, day - day[0],
        trained=trained, threshold=taught.about.threshold, delay=taught.about.delay,
    )  # fmt: skip
    return report, float(day[0] * 86_400)


def render(report: Report, start: float) -> str:
    """A line per week and the advice; `start` is the time of day 0."""
    lines = [f"{'week from':<12}{'rows':>10}{'alerts':>9}{'scores':>8}{'AP':>7}  largest PSI of a feature"]
    for week in report.weeks:
        most = max(week.features, key=lambda name: week.features[name])
        lines.append(
            f"{_date(start, week.start):<12}{week.count:>10,}{week.alert_rate:>9.2%}{week.scores:>8.3f}"
            f"{'' if np.isnan(week.average_precision) else format(week.average_precision, '.3f'):>7}  "
            f"{most} {week.features[most]:.3f}"
        )
    return "\n".join([*lines, report.advice])


def to_json(report: Report, start: float) -> dict[str, Any]:
    """JSON values; an average precision that is not known is null."""
    weeks = [
        asdict(week)
        | {"from": _date(start, week.start), "moved": week.moved}
        | ({"average_precision": None} if np.isnan(week.average_precision) else {})
        for week in report.weeks
    ]
    return {"retrain": report.retrain, "advice": report.advice, "weeks": weeks}


def _date(start: float, day: int) -> str:
    """The date, or the number of the day where times only count from some start."""
    year = 365.25 * 86_400
    return str(np.datetime64(int(start), "s").astype("datetime64[D]") + day) if start > year else f"day {day}"
