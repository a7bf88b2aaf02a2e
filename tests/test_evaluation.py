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
from suite.domain.vocabulary import Scored
from suite.errors import SuiteError
from suite.evaluation.intervals import Bootstrap, difference
from suite.evaluation.report import BEFORE, TUNED, check_slice, render, strict, summarise, verdicts, with_units
from suite.evaluation.scoring import score_examples, scored, stack, validate
from suite.evaluation.slicing import slices


@pytest.fixture
def scores(toy, toy_model):
    """The toy's scores."""
    return toy.scores(toy_model)


def right(*values):
    stacked = {"right": np.array(values, dtype=float)}
    return Scored([{}] * len(values), [None] * len(values), stacked)


def test_intervals_of_a_binomial_are_those_of_its_distribution(scores):
    """100 of 200 right: the 95 % interval of a share is 0.5 ± 1.96 · sqrt(.25 / 200) = 0.431 … 0.569."""
    interval = Bootstrap.of(scores, right(*[0, 1] * 100), 1).interval("accuracy")
    assert interval.value == 0.5
    assert (interval.low, interval.high) == (pytest.approx(0.431, abs=0.01), pytest.approx(0.569, abs=0.01))


def test_a_difference_is_paired_and_its_verdict_follows_the_interval(scores):
    rng = np.random.default_rng(0)
    base = (rng.random(200) < 0.5).astype(float)
    better = base.copy()
    better[np.flatnonzero(base == 0)[:15]] = 1.0
    above, below = (Bootstrap.of(scores, right(*values), 1) for values in (better, base))
    gain = difference(TOY, above, below)
    assert (gain.value, gain.verdict) == (pytest.approx(0.075), "better")
    assert gain.low > 0  # unpaired, two intervals of ±.07 would hide it
    assert difference(TOY, below, above).verdict == "worse"
    same = difference(TOY, below, Bootstrap.of(scores, right(*rng.permutation(base)), 1))
    assert same.verdict == "no difference shown"


def test_smaller_can_be_better(scores):
    errors = replace(TOY, greater_is_better=False)
    few, many = (Bootstrap.of(scores, right(*[value] * 100), 1) for value in (0, 1))
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


BOTH = ["vowels"] * 30 + ["consonants"] * 30


def summed(task, scores, systems, rows, slice_by="", settings=None):
    """The summary of systems whose examples are the rows."""
    known = {name: with_units(task, system, rows) for name, system in systems.items()}
    return summarise(task, scores, known, rows, slice_by, settings)


def words(count, **columns):
    return Dataset.from_dict({"word": [f"w{i}" for i in range(count)], **columns})


def test_a_summary_has_every_system_difference_and_slice(toy, scores):
    systems = {TUNED: answers(scores, BOTH, BOTH), BEFORE: answers(scores, ["vowels"] * 60, BOTH)}
    rows = words(60, label=BOTH, kind=["rare"] * 10 + ["plain"] * 50)
    result = summed(toy, scores, systems, rows, slice_by="label")
    assert result["examples"] == 60 and result["resampled"] == "example" and result["ungrouped"] == "author"
    assert result["systems"][BEFORE]["accuracy"]["value"] == 0.5
    assert result["differences"][BEFORE]["verdict"] == "better"
    vowels = result["slices"]["label"]["vowels"]
    assert (vowels["examples"], vowels[TUNED], vowels[BEFORE]) == (30, {"accuracy": 1.0}, {"accuracy": 1.0})
    assert result["slices"]["label"]["consonants"][BEFORE] == {"accuracy": 0.0}
    with pytest.raises(SuiteError, match="No column 'sex' to slice by. The test rows have: word, label, kind"):
        check_slice(rows, "sex")
    kinds = summed(toy, scores, systems, rows, slice_by="kind")["slices"]["kind"]
    interval = kinds["plain"]["intervals"][BEFORE]["accuracy"]
    assert interval["low"] < interval["value"] == 0.4 < interval["high"]
    assert kinds["rare"]["intervals"] == {} and kinds["rare"]["units"]["few"]
    text = render(TOY, {"test": summed(toy, scores, systems, rows, slice_by="kind")})
    assert f"0.400 [{interval['low']:.3f}, {interval['high']:.3f}]" in text and "1.000 (too few)" in text
    assert "60 examples, resampled by example, since no author is given. No example differs in accuracy" in text


def test_slices_are_resampled_by_group(toy, scores):
    """Ten authors of three words each, in a slice of thirty: too few, whatever the words."""
    rows = words(60, author=[f"a{i % 10}" if i < 30 else f"b{i}" for i in range(60)], label=BOTH)
    systems = {TUNED: answers(scores, BOTH, BOTH)}
    parts = summed(toy, scores, systems, rows, slice_by="label")["slices"]["label"]
    assert [parts[name]["units"]["count"] for name in ("vowels", "consonants")] == [10, 30]
    assert [bool(parts[name]["intervals"]) for name in ("vowels", "consonants")] == [False, True]


def test_a_metric_that_is_not_defined_is_null_and_said_to_be_so(toy, toy_model):
    class Undefined(ToyScores):
        def metrics(self, scores):
            return {"accuracy": float("nan")}

    references = ["vowels"] * 4
    scores = Undefined(toy.config, toy_model)
    systems = {name: answers(scores, references, references) for name in (TUNED, BEFORE)}
    result = {"test": strict(summed(toy, scores, systems, words(4, label=references)))}
    assert result["test"]["systems"][TUNED]["accuracy"] == {"value": None, "low": None, "high": None}
    text = render(TOY, result)
    assert "\nfine-tuned                 –     –\n" in text
    assert f"accuracy of {TUNED} against {BEFORE}: not defined on these examples." in text


def test_groups_are_resampled_however_few_and_too_few_are_said_to_be(toy, scores):
    """Five authors are not sixty words: their examples were resampled once, which covers half of what it states."""
    half = ["vowels", "consonants"] * 30
    systems = {TUNED: answers(scores, BOTH, BOTH), BEFORE: answers(scores, half, BOTH)}
    rows = words(60, author=[f"a{i % 30}" for i in range(60)])
    enough = summed(toy, scores, systems, rows)
    assert (enough["resampled"], enough["differences"][BEFORE]["verdict"]) == ("author", "better")
    few = summed(toy, scores, systems, words(60, author=[f"a{i % 5}" for i in range(60)]))
    assert few["resampled"] == "author" and few["units"]["accuracy"]["count"] == 5
    assert few["differences"][BEFORE]["verdict"] == "too few to tell"
    text = render(TOY, {"test": strict(few)})
    assert "60 examples, resampled by author. 5 authors are too few for a claim (20 are needed)" in text
    assert f"accuracy of {TUNED} against {BEFORE}: 5 authors are too few for a claim (20 are needed) (+0.5" in text
    lone = render(TOY, {"test": strict(summed(toy, scores, systems, words(60, author=["a"] * 60)))})
    assert "1 author is too few for a claim" in lone and "95 % interval" not in lone


def test_words_without_an_author_are_authors_of_their_own(toy, scores):
    rows = words(60, author=[None if i < 30 else "a" for i in range(60)])
    result = summed(toy, scores, {TUNED: answers(scores, BOTH, BOTH)}, rows)
    assert result["units"]["accuracy"]["count"] == 31


def test_examples_that_are_no_rows_must_say_whose_they_are(toy, scores, toy_model):
    class Named(ToyScores):
        def belongs(self, example):
            return {"author": example["author"]}

    rows = words(3, author=["a", "b", "c"])
    with pytest.raises(ValueError, match="toy makes 60 examples of 3 rows that are grouped by 'author'"):
        with_units(toy, answers(scores, BOTH, BOTH), rows)
    examples = [{"word": "area", "label": "vowels", "author": f"a{i // 2}"} for i in range(6)]
    named = Named(toy.config, toy_model)
    asked = score_examples(toy_model, named, examples, make_accelerator(toy.config), "toy")
    assert list(with_units(toy, asked, rows).units["author"]) == [0, 0, 1, 1, 2, 2]


class Watching(ToyScores):
    """Accuracy, and how many different things were said, which people care for too."""

    def score(self, prediction, reference):
        return {**super().score(prediction, reference), "sure": prediction["vowels"]}

    def metrics(self, scores):
        return {**super().metrics(scores), "doubt": float(1 - scores["sure"].mean()), "best": scores["sure"].max()}

    def watched(self):
        return {"doubt": False, "best": True}

    def unit(self, metric):
        return "day" if metric == "best" else ""


def watched(toy, toy_model, sure):
    """The verdict on a better accuracy by systems whose doubt is 1 - `sure` and 1."""
    scores = Watching(toy.config, toy_model)
    days = np.arange(60) // 20
    systems = {
        name: replace(
            scored(scores, [{"label": label, "vowels": float(s)} for label, s in zip(labels, said, strict=True)], BOTH),
            units={"example": np.arange(60), "day": days},
        )
        for name, labels, said in ((TUNED, BOTH, sure), (BEFORE, ["vowels"] * 60, [1.0] * 60))
    }
    return verdicts(strict(summarise(toy, scores, systems, words(60))))[0]


def test_a_metric_that_moves_the_other_way_is_told_in_the_same_sentence(toy, toy_model):
    said = watched(toy, toy_model, np.linspace(0, 0.9, 60))
    assert said.startswith(f"accuracy of {TUNED} against {BEFORE}: better (+0.500, 95 % interval +")
    assert ", but doubt is worse (+0.550, 95 % interval +" in said
    assert said.endswith("; best cannot be told: 3 days are too few for a claim (20 are needed).")
    assert "doubt" not in watched(toy, toy_model, [1.0] * 60)


def test_the_line_below_the_table_names_the_metrics_that_rest_on_too_few(toy, toy_model):
    scores, days = Watching(toy.config, toy_model), np.repeat(np.arange(30), [31, *[1] * 29])
    units = {"word": np.arange(60), "day": days}
    system = replace(scored(scores, [{"label": "vowels", "vowels": 1.0}] * 60, BOTH), units=units)
    text = render(TOY, {"test": strict(summarise(toy, scores, {TUNED: system}, words(60)))})
    few = "30 days (of such sizes that they are worth 4) are too few for a claim about best (20 are needed)"
    assert f"{few}: an interval over so few covers less than it states." in text


def test_a_verdict_says_how_its_baseline_was_tuned(toy, scores):
    systems = {TUNED: answers(scores, BOTH, BOTH), "majority": answers(scores, ["vowels"] * 60, BOTH)}
    result = summed(toy, scores, systems, words(60), settings={"majority": "nothing to tune"})
    text = render(TOY, {"test": strict(result)})
    assert f"accuracy of {TUNED} against majority (nothing to tune): better (" in text
    assert "Baselines: nothing to tune (majority)." in text


class Uneven(ToyScores):
    """Hits of as many things as each example has: as lists, and as the sums that these make."""

    def metrics(self, scores):
        whole = np.concatenate(list(scores["hits"]))
        sums = scores["sum"].sum() / scores["count"].sum()
        return {"accuracy": float(whole.mean()), "by sums": float(sums)}

    def unit(self, metric):
        return ""


def uneven(seed, sizes, author=()):
    rng = np.random.default_rng(seed)
    rows = [{"hits": (rng.random(size) < 0.6).astype(float).tolist()} for size in sizes]
    stacked = stack({**row, "sum": sum(row["hits"]), "count": len(row["hits"])} for row in rows)
    return Scored([{}] * len(rows), [None] * len(rows), stacked, {"author": np.array(author)} if len(author) else {})


@pytest.mark.parametrize("author", [(), np.arange(60) // 2])
def test_scores_of_uneven_length_have_the_intervals_of_the_sums_they_make(toy, toy_model, author):
    sizes = np.random.default_rng(0).integers(0, 6, 60)
    scores, (ours, theirs) = Uneven(toy.config, toy_model), (uneven(seed, sizes, author) for seed in (1, 2))
    first, second = (Bootstrap.of(scores, scored, 1, count=200) for scored in (ours, theirs))
    interval = first.interval("accuracy")
    assert vars(interval) == pytest.approx(vars(first.interval("by sums")))
    assert interval.low < interval.value < interval.high
    assert len(first.units["accuracy"]) == (30 if len(author) else 60)
    gap = difference(TOY, first, second)
    assert (gap.low, gap.high) == pytest.approx(
        (difference(TOY, first, second, "by sums").low, difference(TOY, first, second, "by sums").high)
    )


def test_lists_of_one_length_are_still_a_table_and_others_keep_each_its_own():
    assert stack([{"a": [1, 2]}, {"a": [3, 4]}])["a"].tolist() == [[1, 2], [3, 4]]
    for rows in ([[1.0], [2.0, 3.0]], [[], [1.0]], [[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]], [[[1.0]], [2.0]]):
        stacked = stack({"a": row} for row in rows)["a"]
        assert stacked.shape == (2,) and [part.tolist() for part in stacked] == rows
        assert [part.tolist() for part in stacked[np.array([1, 1, 0])]] == [rows[1], rows[1], rows[0]]


def test_uneven_scores_are_validated_and_sliced(toy_model, toy_rows):
    class Letters(ToyScores):
        def score(self, prediction, reference):
            return {"hits": [float(prediction["label"] == reference)] * (1 + (reference == "vowels"))}

        def metrics(self, scores):
            return {"accuracy": float(np.concatenate(list(scores["hits"])).mean())}

    scores, accelerator = Letters(toy_model.config, toy_model), make_accelerator(toy_model.config)
    answers = score_examples(toy_model, scores, toy_rows[:40], accelerator, "Answering")
    metrics = validate(toy_model, scores, toy_rows[:40], accelerator, lambda: False)
    assert metrics["accuracy"] == scores.metrics(answers.scores)["accuracy"]
    parts = slices({"toy": answers}, [row["label"] for row in toy_rows[:40]], scores.metrics)
    sizes = {name: part["examples"] * (1 + (name == "vowels")) for name, part in parts.items()}
    whole = sum(parts[name]["toy"]["accuracy"] * size for name, size in sizes.items()) / sum(sizes.values())
    assert whole == pytest.approx(metrics["accuracy"])
