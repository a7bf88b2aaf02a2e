"""The report after a training: the contest of all systems, what decisions would have saved, how far to believe it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from datasets import Dataset

from suite import Baselines, Interval, Ranking, Scored, Section, column, paired, sigmoid
from suite_fraud.config import SUPERVISED, UNSUPERVISED, FraudConfig
from suite_fraud.evaluation import champion
from suite_fraud.evaluation.champion import NETWORK, Contest
from suite_fraud.evaluation.figures import capacity_figure
from suite_fraud.model import classical, decisions
from suite_fraud.model import inputs as blocks
from suite_fraud.model.decisions import Outcome, Thresholds
from suite_fraud.model.inputs import Example
from suite_fraud.model.loading import Network

if TYPE_CHECKING:
    from suite_fraud.serving.model import FraudModel  # one floor up

METER = "LightGBM careful"
"""The system that the optimism of a random split is measured with: strong, and quick to fit again."""
ANSWERS = (
    "What answers: in predict, demo and API the fine-tuned network; in `suite fraud score` a student of the champion, "
    "whose fidelity `suite fraud student` tells."
)
_BATCH = 8192
_DRAWS = 200  # of the champion's lead, which the table has to three digits


@dataclass(frozen=True)
class Optimism:
    """Average precision of one system on the test days, and where the same rows are dealt out at random."""

    system: str
    through_time: float
    random: float


@dataclass(frozen=True)
class Comparison:
    """What the baselines leave for the report: the contest of all systems on the test days, and how much to believe."""

    contest: Contest
    optimism: Optimism


def baselines(model: FraudModel, splits: Mapping[str, Dataset], examples: Sequence[Example]) -> Baselines:
    """Classical models on the same features and rows, and ensembles, all calibrated on the validation rows.

    The context is the `Comparison`.
    """
    contest = compete(model.network, splits, model.config)
    train, test = numbers(splits["train"]), numbers(splits["test"])
    return Baselines(
        {
            name: [{"probability": float(chance)} for chance in contest.test(name)]
            for name in contest.answers
            if name != NETWORK
        },
        settings={name: how(name) for name in contest.answers if name != NETWORK},
        context=Comparison(contest, optimism(contest, train, test, model.config.seed)),
    )


def report(
    model: FraudModel, systems: Mapping[str, Scored], rows: Dataset, context: Comparison | None
) -> Iterator[Section]:
    """Who won, what decisions would have saved, and what a random split would have made believe.

    Of another data set than the test days, where `context` is None, the network's decisions alone.
    """
    kept, config = model.calibration, model.config
    if context is None:
        yield money(NETWORK, systems[NETWORK].scores, Thresholds(kept["cost"], kept["capacity"]), config)
        return
    contest = context.contest
    tested = {name: _precision(systems[name].scores) for name in contest.answers}
    name = contest.champion
    yield Section(
        "Who wins",
        f"{champion.verdict(contest, tested, _lead(systems[name], systems[NETWORK]))}\n\n{ANSWERS}",
        {"champion": contest.champion, "validation": contest.scores, "test": tested},
    )
    thresholds = Thresholds(kept["cost"], kept["capacity"]) if name == NETWORK else _thresholds(contest, kept, config)
    yield money(name, systems[name].scores, thresholds, config)
    yield _meter(context.optimism)


def how(name: str) -> str:
    """How a system came to its settings; every one is calibrated on the validation rows."""
    if name.endswith(" joined"):
        return "members chosen on validation"
    if name.endswith(" careful"):
        return "fixed settings, chosen on weeks of a simulated portfolio"
    return "fixed settings"


def _lead(winner: Scored, network: Scored) -> Interval:
    """How much more average precision the champion has than the network, on the same resamples of entities."""
    return paired(winner, network, lambda scores: {"x": _precision(scores)}, count=_DRAWS)["x"]


def network_probabilities(network: Network, rows: Dataset) -> np.ndarray:
    """The network's probabilities, not calibrated, float64 (n,)."""
    block, logits = blocks.block(rows, network.config), []
    with torch.no_grad():
        for start in range(0, len(block.label), _BATCH):
            part = slice(start, start + _BATCH)
            texts = block.vectors[block.texts[part]].reshape(len(block.label[part]), -1)
            inputs = [torch.from_numpy(values).to(network.device) for values in (block.features[part],
                      block.extras[part], texts)]  # fmt: skip
            logits.append(network(*inputs).logits.double().cpu().numpy())
    return sigmoid(np.concatenate(logits)) if logits else np.zeros(0)


def numbers(rows: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """What classical systems read: features and the portfolio's own numbers (n, d) float32, 0 where missing; labels."""
    leave = {"row", "time", "day", "entity", "label", "counterparty"}
    names = [name for name in rows.column_names if name not in leave and not name.startswith(blocks.TEXT)]
    return np.nan_to_num(blocks.matrix(rows, names)), column(rows, "label").to_numpy()


def compete(network: Network, splits: Mapping[str, Dataset], config: FraudConfig) -> Contest:
    """The contest of the network and the config's systems, which are fitted on the training rows."""
    validation = (*numbers(splits["validation"]), column(splits["validation"], "amount").to_numpy())
    own = {name: network_probabilities(network, splits[name]) for name in ("validation", "test")}
    train, test = numbers(splits["train"]), numbers(splits["test"])[0]

    def fit(name: str, x: np.ndarray, y: np.ndarray) -> champion.Predict:
        return classical.fit(name, x, y, seed=config.seed).predict

    return champion.hold(fit, tuple(config.systems or (*SUPERVISED, *UNSUPERVISED)), train, validation, test, own)


def optimism(
    contest: Contest, train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], seed: int
) -> Optimism:
    """One system when trained before and tested after, and when the same rows are dealt out anew.

    At random the test rows' neighbours in time, of the same card or terminal, are trained on: the second flatters.
    """
    x, y = (np.concatenate(parts) for parts in zip(train, test, strict=True))
    dealt = np.random.default_rng(seed).permutation(len(y))
    learned, asked = dealt[: len(train[1])], dealt[len(train[1]) :]
    name = METER if METER in contest.fits else next(iter(contest.fits))
    random = classical.fit(name, x[learned], y[learned], seed=seed).predict(x[asked])
    through_time = Ranking(contest.test(name), test[1]).average_precision()
    return Optimism(name, through_time, Ranking(random, y[asked]).average_precision())


def _precision(scores: Mapping[str, np.ndarray]) -> float:
    known = scores["label"] >= 0
    return Ranking(scores["probability"][known], scores["label"][known]).average_precision()


def _thresholds(contest: Contest, kept: Mapping[str, float], config: FraudConfig) -> Thresholds:
    """The champion's own, by the same rules: the network's share of alerts on validation is the capacity's."""
    network = sigmoid(contest.answers[NETWORK].validation)
    share = float((network >= kept["capacity"]).mean())
    chance = sigmoid(contest.answers[contest.champion].validation)
    return Thresholds.choose(chance, contest.label, contest.amount, review_cost=config.review_cost, share=share)


def money(name: str, scores: Mapping[str, np.ndarray], thresholds: Thresholds, config: FraudConfig) -> Section:
    """What the thresholds, and other capacities, would have done on the rows scored."""
    known = scores["label"] >= 0
    chance, label, amount, day = (scores[key][known] for key in ("probability", "label", "amount", "day"))

    def outcome(alert: np.ndarray) -> Outcome:
        return Outcome.of(alert, label, amount, day, review_cost=config.review_cost)

    chosen = {
        f"least cost (≥ {thresholds.cost:.3f})": outcome(chance >= thresholds.cost),
        f"capacity (≥ {thresholds.capacity:.3f})": outcome(chance >= thresholds.capacity),
    }
    curve = decisions.curve(chance, label, amount, day, review_cost=config.review_cost)
    text = (
        f"Thresholds of {name}, chosen on validation: least cost if a missed fraud costs its amount and a look "
        f"{config.review_cost:g}, and as many alerts as there is capacity for ({config.capacity} a day). Below them, "
        "the most suspicious of each day. Money saved is the amount of the frauds found less the looks.\n\n"
        + decisions.table(chosen | {f"first {k} of each day": after for k, after in curve.items()})
    )
    values = {
        "system": name,
        "thresholds": thresholds.to_json(),
        "chosen": {key.split(" (")[0]: asdict(after) for key, after in chosen.items()},
        "capacity": {str(k): asdict(after) for k, after in curve.items()},
    }
    return Section("What it would have saved", text, values, capacity_figure(name, chance, label, curve))


def _meter(optimism: Optimism) -> Section:
    gap = optimism.random - optimism.through_time
    moral = (
        "A figure from a random split promises what no day to come will keep."
        if gap > 0
        else "On these rows a random split does not flatter; that is luck, not a licence."
    )
    return Section(
        "Optimism meter",
        f"{optimism.system} on these days: average precision {optimism.through_time:.3f} when it learns from the days "
        f"before, {optimism.random:.3f} when the same rows are dealt out at random ({gap:+.3f}). {moral}",
        asdict(optimism),
    )
