"""Scores, intervals and verdicts: exact values on toy sets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from datasets import Dataset
from suite_toy.domain import TOY
from suite_toy.model import ToyModel
from suite_toy.parts import ToyScores

from suite.accelerator import make_accelerator
from suite.errors import SuiteError
from suite.evaluation.intervals import FEWER, MANY, RESAMPLES, Bootstrap, Resamples, difference
from suite.evaluation.report import BEFORE, TUNED, check_slice, render, strict, summarise
from suite.evaluation.scoring import score_examples, scored, stack, validate


@pytest.fixture
def scores(toy, toy_model):
    """The toy's scores."""
    return toy.scores(toy_model)


def right(*values):
    return {"right": np.array(values, dtype=float)}


def test_intervals_of_a_binomial_are_those_of_its_distribution(scores):
    """100 of 200 right: the 95 % interval of a share is 0.5 ± 1.96 · sqrt(.25 / 200) = 0.431 … 0.569."""
    interval = Bootstrap.of(scores, right(*[0, 1] * 100), Resamples(200, seed=1)).intervals()["accuracy"]
    assert interval.value == 0.5
    assert (interval.low, interval.high) == (pytest.approx(0.431, abs=0.01), pytest.approx(0.569, abs=0.01))


def test_resampling_by_group_draws_whole_groups_and_widens_the_interval(scores):
    stacked = right(*[1] * 50, *[0] * 50)
    groups = ["a"] * 50 + ["b"] * 50
    samples = Resamples(100, seed=1, groups=groups)
    assert len(samples) == RESAMPLES
    assert {float(stacked["right"][sample].mean()) for sample in samples} == {0.0, 0.5, 1.0}
    assert Bootstrap.of(scores, stacked, samples).intervals()["accuracy"].high == 1.0


def test_resamples_are_the_same_each_time_they_are_gone_through_and_fewer_of_many_examples():
    samples = Resamples(50, seed=3)
    assert all(np.array_equal(first, again) for first, again in zip(samples, samples, strict=True))
    assert (len(Resamples(MANY, seed=3)), len(Resamples(MANY + 1, seed=3))) == (RESAMPLES, FEWER)


def test_a_difference_is_paired_and_its_verdict_follows_the_interval(scores):
    rng = np.random.default_rng(0)
    base = (rng.random(200) < 0.5).astype(float)
    better = base.copy()
    better[np.flatnonzero(base == 0)[:15]] = 1.0
    samples = Resamples(200, seed=1)
    above, below = (Bootstrap.of(scores, right(*values), samples) for values in (better, base))
    gain = difference(TOY, above, below)
    assert (gain.value, gain.verdict) == (pytest.approx(0.075), "better")
    assert gain.low > 0  # unpaired, two intervals of ±.07 would hide it
    assert difference(TOY, below, above).verdict == "worse"
    same = difference(TOY, below, Bootstrap.of(scores, right(*rng.permutation(base)), samples))
    assert same.verdict == "no difference shown"


def test_smaller_can_be_better(scores):
    errors, samples = replace(TOY, greater_is_better=False), Resamples(100, seed=1)
    few, many = (Bootstrap.of(scores, right(*[value] * 100), samples) for value in (0, 1))
    assert difference(errors, few, many).verdict == "better"


def in_batches_of(model, size):
    """The model asked so many examples at once."""
    return model.with_config(model.config.model_copy(update={"micro_batch_size": size}))


def test_every_example_is_scored_once_in_order_whatever_the_batch(toy, toy_model, toy_rows, scores):
    accelerator = make_accelerator(toy.config)
    whole = score_examples(toy_model, scores, toy_rows[:33], accelerator, "toy")
    for size in (1, 4, 50):
        again = score_examples(in_batches_of(toy_model, size), scores, toy_rows[:33], accelerator, "toy")
        assert again.references == [row["label"] for row in toy_rows[:33]]
        assert [p["label"] for p in again.predictions] == [p["label"] for p in whole.predictions]
        assert np.array_equal(again.scores["right"], whole.scores["right"])


def test_validation_loss_is_the_mean_over_examples_not_over_batches(toy, toy_model, toy_rows, scores):
    accelerator, losses = make_accelerator(toy.config), []
    for size in (1, 7, 33):
        model = in_batches_of(toy_model, size)
        losses.append(validate(model, scores, toy_rows[:33], accelerator, lambda: False)["loss"])
    assert losses == pytest.approx([losses[0]] * 3, abs=1e-6)


def test_validation_cut_short_gives_no_metric(toy, toy_model, toy_rows, scores):
    model, accelerator = in_batches_of(toy_model, 4), make_accelerator(toy.config)
    assert validate(model, scores, toy_rows[:33], accelerator, lambda: True) is None


def test_infer_must_answer_every_example(toy, toy_model, toy_rows, scores):
    class Mute(ToyModel):
        def infer(self, batch):
            return super().infer(batch)[:-1]

    mute = Mute(toy_model.network, toy.config)
    with pytest.raises(ValueError, match="Mute.infer gave 7 predictions for 8 examples"):
        score_examples(mute, scores, toy_rows[:8], make_accelerator(toy.config), "toy")


def test_stack_keeps_vectors():
    assert stack([{"a": 1.0, "b": [1, 2]}, {"a": 2.0, "b": [3, 4]}])["b"].shape == (2, 2)
    assert stack([]) == {}


def answers(scores, labels, references):
    return scored(scores, [{"label": label, "vowels": 0.0} for label in labels], references)


def test_a_summary_has_every_system_difference_and_slice(toy, scores):
    references = ["vowels"] * 6 + ["consonants"] * 6
    systems = {
        TUNED: answers(scores, references, references),
        BEFORE: answers(scores, ["vowels"] * 12, references),
    }
    rows = Dataset.from_dict({"word": [f"w{i}" for i in range(12)], "label": references, "author": ["a", "b"] * 6})
    result = summarise(toy, scores, systems, rows, slice_by="label")
    assert result["examples"] == 12 and result["resampled"] == "example"  # two authors cannot be resampled
    assert result["systems"][BEFORE]["accuracy"]["value"] == 0.5
    assert result["differences"][BEFORE]["verdict"] == "better"
    assert result["slices"]["label"]["vowels"] == {"examples": 6, TUNED: {"accuracy": 1.0}, BEFORE: {"accuracy": 1.0}}
    assert result["slices"]["label"]["consonants"][BEFORE] == {"accuracy": 0.0}
    with pytest.raises(SuiteError, match="No column 'sex' to slice by. The test rows have: word, label, author"):
        check_slice(rows, "sex")


def test_a_metric_that_is_not_defined_is_null_and_said_to_be_so(toy, toy_model):
    class Undefined(ToyScores):
        def metrics(self, scores):
            return {"accuracy": float("nan")}

    references = ["vowels"] * 4
    scores = Undefined(toy.config, toy_model)
    systems = {name: answers(scores, references, references) for name in (TUNED, BEFORE)}
    rows = Dataset.from_dict({"word": list("abcd"), "label": references})
    result = {"test": strict(summarise(toy, scores, systems, rows))}
    assert result["test"]["systems"][TUNED]["accuracy"] == {"value": None, "low": None, "high": None}
    text = render(TOY, result)
    assert "\nfine-tuned                 –     –\n" in text
    assert f"accuracy of {TUNED} against {BEFORE}: not defined on these examples." in text


def test_many_groups_are_resampled_as_groups(toy, scores):
    references = ["vowels"] * 40
    rows = Dataset.from_dict({"word": [f"w{i}" for i in range(40)], "author": [f"a{i % 20}" for i in range(40)]})
    result = summarise(toy, scores, {TUNED: answers(scores, references, references)}, rows)
    assert result["resampled"] == "author"
