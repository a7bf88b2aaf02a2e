"""What the table of metrics leaves out: calibration, the operating point, what is left to a human, and shortcuts."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from datasets import Dataset
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from suite import Interval, Reliability, Scored, Section, Stacked, Units, intervals, paired, share_interval
from suite_medical_imaging.config import MedicalConfig
from suite_medical_imaging.data.tasks import ImageTask
from suite_medical_imaging.evaluation import metrics
from suite_medical_imaging.model.calibrate import LEVELS, Calibration, predictive_values
from suite_medical_imaging.model.model import MedicalModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TUNED = "fine-tuned"
SHORTCUTS = ("borders only", "heavily blurred", "file facts only")
LEAK = 0.55
"""AUROC that borders or facts must surely exceed to be called a leak: .5 is luck, and a test of few pictures wavers."""
WARNED = 200  # resamples: a warning needs no third digit


def report(model: MedicalModel, systems: Mapping[str, Scored], rows: Dataset, context: Any) -> Iterator[Section]:
    """Calibration, operating points, recalls, conformal sets, shortcuts."""
    return Report(model.task, model.calibration, model.config, systems).sections()


@dataclass(frozen=True)
class Report:
    """Sections about one data set; the scores of each of the `systems` are "p" and "y"."""

    task: ImageTask
    calibration: Calibration
    config: MedicalConfig
    systems: Mapping[str, Scored]

    def sections(self) -> Iterator[Section]:
        """All that apply to the task."""
        yield self._calibration()
        if self.task.kind in ("binary", "multi-label"):
            yield self._operating_points()
        if not self.task.many:
            yield self._recalls()
            yield self._abstention()
        if any(name in self.systems for name in SHORTCUTS):
            yield self._shortcuts()

    @property
    def _scores(self) -> np.ndarray:
        return self.systems[TUNED].scores["p"]

    @property
    def _truths(self) -> np.ndarray:
        return self.systems[TUNED].scores["y"]

    @property
    def _over(self) -> str:
        """What intervals are over, and whether that is too little."""
        units = Units.of(self.systems[TUNED])
        few = "" if units.enough else f"; {units.too_few()}"
        return f"95 % intervals over {units}{few}"

    def _calibration(self) -> Section:
        kind, many = self.task.kind, self.task.many
        before = self.calibration.undo(self._scores, many=many)
        pairs = {
            "before temperature": metrics.confidences(before, self._truths, kind),
            "after": metrics.confidences(self._scores, self._truths, kind),
        }
        bins = {name: Reliability.of_width(*pair) for name, pair in pairs.items()}
        errors = {name: curve.error() for name, curve in bins.items()}
        tables = {
            name: [part.tolist() for part in (curve.count, curve.stated, curve.true)] for name, curve in bins.items()
        }
        text = (
            f"Temperature {self.calibration.temperature:.2f}, chosen on validation. Expected calibration error "
            f"{errors['before temperature']:.3f} before and {errors['after']:.3f} after, over {len(pairs['after'][0])} "
            f"answers in {len(bins['after'].count)} bins; a stated probability is to be trusted about that far.\n\n"
            + _bins_table(bins["after"])
        )
        values = {"temperature": self.calibration.temperature, "ece": errors, "bins": tables}
        return Section("Calibration", text, values, _reliability(pairs, bins))

    def _operating_points(self) -> Section:
        places = [1] if self.task.kind == "binary" else range(len(self.task.classes))
        points = [self._point(place) for place in places]
        columns = ("class", "threshold", "sensitivity", "specificity", "found", "missed", "false alarms", "spared")
        rows = [
            [row["class"], _number(row["threshold"]), *map(_ranged, self._shares(place)),
             row["found"], row["missed"], row["alarms"], row["spared"]]
            for place, row in zip(places, points, strict=True)
        ]  # fmt: skip
        values = [
            [row["class"], f"{row['prevalence']:.1%}", _number(row["ppv"]), _number(row["npv"])] for row in points
        ]
        rule = (
            f"a specificity of {self.config.specificity:.0%} there" if self.config.specificity else "Youden's J there"
        )
        where = "set by you" if self.config.prevalence else "of these data, hardly that of a clinic (set prevalence)"
        text = (
            f"The threshold was chosen on validation, for {rule}; the counts are of these data, with "
            f"{self._over}.\n\n"
            f"{_table(columns, rows)}\n\nWhat an answer is worth, by Bayes' rule, at the prevalence {where}:\n\n"
            + _table(("class", "prevalence", "PPV", "NPV"), values)
        )
        if never := [row["class"] for row in points if row["threshold"] > 1]:
            text += f"\n\nNo threshold keeps that specificity on validation for {', '.join(never)}: it is never called."
        return Section("At the threshold", text, points)

    def _point(self, place: int) -> dict[str, Any]:
        known = ~np.isnan(self._truths[:, place])
        truth = self._truths[known, place] == 1
        said = self._scores[known, place] >= self.calibration.threshold(place)
        hits, missed = int((said & truth).sum()), int((~said & truth).sum())
        alarms, spared = int((said & ~truth).sum()), int((~said & ~truth).sum())
        prevalence = self.config.prevalence or (hits + missed) / max(known.sum(), 1)
        sensitivity, specificity = _ratio(hits, missed), _ratio(spared, alarms)
        ppv, npv = predictive_values(sensitivity, specificity, prevalence)
        return {
            "class": self.task.classes[place], "threshold": self.calibration.threshold(place),
            "found": hits, "missed": missed, "alarms": alarms, "spared": spared,
            "sensitivity": sensitivity, "specificity": specificity,
            "prevalence": float(prevalence), "ppv": ppv, "npv": npv,
        }  # fmt: skip

    def _shares(self, place: int) -> tuple[Interval, Interval]:
        """Sensitivity and specificity of a class at its threshold."""
        truth, said = self._truths[:, place], self._scores[:, place] >= self.calibration.threshold(place)
        hits, spared = (np.where(truth == sick, said == sick, np.nan) for sick in (1, 0))
        return share_interval(self.systems[TUNED], hits), share_interval(self.systems[TUNED], spared)

    def _recalls(self) -> Section:
        """Per class for every system: an average hides the class that is never found."""
        counts = np.bincount(self._truths.argmax(1), minlength=len(self.task.classes))
        rows, values = [], {}
        for place, name in enumerate(self.task.classes):
            recalls = {
                system: metrics.recalls(scored.scores["p"], scored.scores["y"], self.task.kind)[place]
                for system, scored in self.systems.items()
            }
            values[name] = {"examples": int(counts[place]), **recalls}
            hits = np.where(self._truths.argmax(1) == place, self._scores.argmax(1) == place, np.nan)
            rest = [_number(value) for system, value in recalls.items() if system != TUNED]
            rows.append([name, int(counts[place]), _ranged(share_interval(self.systems[TUNED], hits)), *rest])
        header = ("class", "examples", TUNED, *(name for name in self.systems if name != TUNED))
        said = f"Share of each class for which the most probable answer is right, with {self._over}."
        text = f"{said}\n\n{_table(header, rows)}"
        return Section("Recall of each class", text, values)

    def _abstention(self) -> Section:
        levels = sorted({*LEVELS, self.config.coverage})
        points = [self._sets(level) for level in levels]
        rows = [
            [
                f"{p['wanted']:.0%}",
                f"{p['covered']:.1%}",
                f"{p['size']:.2f}",
                f"{p['answered']:.1%}",
                _number(p["right"]),
            ]
            for p in points
        ]
        header = ("wanted coverage", "coverage here", "mean size", "answered alone", "right among these")
        text = (
            "Conformal sets: every class that cannot be ruled out. Where the set is not a single class, the picture is "
            "left to a human. The coverage is promised for pictures like the validation ones, on average and not for "
            f"each class or group; other pictures break it.\n\n{_table(header, rows)}"
        )
        return Section("What is left to a human", text, points)

    def _sets(self, level: float) -> dict[str, float]:
        kept = self.calibration.kept(self._scores, level)
        alone = kept.sum(1) == 1
        right = self._truths.argmax(1) == self._scores.argmax(1)
        return {
            "wanted": level,
            "covered": float((kept & (self._truths == 1)).any(1).mean()),
            "size": float(kept.sum(1).mean()),
            "answered": float(alone.mean()),
            "right": float(right[alone].mean()) if alone.any() else np.nan,
        }

    def _shortcuts(self) -> Section:
        areas = {name: self._area(name) for name in (TUNED, *SHORTCUTS) if name in self.systems}
        shortcuts = [name for name in areas if name != TUNED]
        leads = {name: self._lead(name) for name in shortcuts}
        near = [name for name, lead in leads.items() if not lead.low > 0]
        led = ", ".join(f"{lead.value:+.3f} ({lead.low:+.3f} to {lead.high:+.3f}) on {n}" for n, lead in leads.items())
        if near:
            verdict = (
                f"**Warning: {' and '.join(near)} may do as well as the model.** Look for texts, rulers, scanners or a "
                "different cut between the classes before believing the score; of a blur, ask whether rough shape and "
                "brightness may tell."
            )
        else:
            verdict = "The model does better than each shortcut tried."
        leaks = [name for name in shortcuts if name in ("borders only", "file facts only") and areas[name].low > LEAK]
        if leaks:
            verdict += (
                f" **But {' and '.join(leaks)} alone tell more than luck would**: the classes differ in how their "
                "pictures were taken or cut, and part of the model's score may be that."
            )
        scores = {name: area.value for name, area in areas.items()}
        text = (
            f"{verdict} The model's lead in AUROC, with {self._over}: {led}.\n\n"
            f"AUROC: {', '.join(f'{name} {value:.3f}' for name, value in scores.items())}; guessing gives .5. Borders "
            "and blur are linear probes on frozen features of pictures whose centre is black (a frame of 12 % is left) "
            "and of pictures through a Gaussian of 8 % of the side; the facts are a shallow tree over size, shape and "
            "acquisition of the file. What is not tried here, such as a marker inside the organ, is not ruled out."
        )
        values = {"auroc": scores, "low": areas[TUNED].low, "near": near, "leaks": leaks}
        return Section("Leaks and shortcuts", text, values | {"lead": {name: vars(leads[name]) for name in leads}})

    def _area(self, name: str) -> Interval:
        return intervals(self.systems[name], self._auroc, count=WARNED)["auroc"]

    def _lead(self, name: str) -> Interval:
        """How much better the model ranks than a shortcut, on the same resamples."""
        return paired(self.systems[TUNED], self.systems[name], self._auroc, count=WARNED)["auroc"]

    def _auroc(self, scores: Stacked) -> dict[str, float]:
        return {"auroc": metrics.auroc(scores["p"], scores["y"], self.task.kind)}


def _reliability(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]], bins: Mapping[str, Reliability]) -> bytes:
    """A PNG: true share against stated probability, and how many answers each bin holds."""
    figure = Figure(figsize=(5, 5.2), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    top, bottom = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    top.plot([0, 1], [0, 1], color="0.7", linestyle="--")
    for (name, (sure, _)), marker in zip(pairs.items(), "os", strict=True):
        _curve(top, name, bins[name], marker)
        bottom.hist(sure, bins=np.linspace(0, 1, len(bins[name].count) + 1), histtype="step", label=name)
    top.set(ylabel="came true", ylim=(0, 1))
    bottom.set(xlabel="stated probability", ylabel="answers", xlim=(0, 1))
    top.legend()
    held = io.BytesIO()
    figure.savefig(held, format="png")
    return held.getvalue()


def _curve(axes: Axes, name: str, bins: Reliability, marker: str) -> None:
    held = bins.count > 0
    label = f"{name} (ECE {bins.error():.3f})"
    axes.plot(bins.mean_stated[held], bins.share_true[held], marker=marker, label=label)


def _bins_table(bins: Reliability) -> str:
    width = len(bins.count)
    rows = [
        [f"{place / width:.1f} to {(place + 1) / width:.1f}", int(bins.count[place]),
         _number(bins.mean_stated[place]), _number(bins.share_true[place])]
        for place in np.flatnonzero(bins.count)
    ]  # fmt: skip
    return _table(("stated", "answers", "mean stated", "came true"), rows)


def _table(header: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines)


def _ranged(share: Interval) -> str:
    return "–" if np.isnan(share.value) else f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})"


def _ratio(hits: int, misses: int) -> float:
    return hits / (hits + misses) if hits + misses else np.nan


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"
