"""Classical models: they learn, they repeat themselves, they are read back as they were, and their students follow."""

from __future__ import annotations

import json

import numpy as np
import pytest

from suite import Ranking, SuiteError
from suite_fraud.config import SUPERVISED, UNSUPERVISED
from suite_fraud.data.features import NAMES
from suite_fraud.data.wording import reasons, sentence
from suite_fraud.model import classical
from suite_fraud.serving.student import About, Student, fidelity, find


def problem(count=1500, seed=0, apart=2.5):
    """Frauds are outliers in the first two of four features; the last is constant."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(count, 4)).astype(np.float32)
    y = (generator.random(count) < 0.1).astype(np.int8)
    x[:, :2] += apart * y[:, None]
    x[:, 3] = 7
    return x, y


@pytest.mark.parametrize("name", [*SUPERVISED, *UNSUPERVISED])
def test_each_model_ranks_frauds_first_and_answers_within_0_and_1(name):
    x, y = problem()
    other, truth = problem(seed=1)
    probability = classical.fit(name, x, y).predict(other)
    assert probability.shape == (1500,) and probability.dtype == np.float64
    assert probability.min() >= 0 and probability.max() <= 1
    least = 0.93 if name in SUPERVISED else 0.8
    assert Ranking(probability, truth).auroc() > least


@pytest.mark.parametrize("name", SUPERVISED)
def test_probabilities_add_up_to_the_frauds(name):
    """Weights for the rare class would make this several times too large."""
    x, y = problem(3000, apart=1.0)
    other, truth = problem(3000, seed=1, apart=1.0)
    assert classical.fit(name, x, y).predict(other).sum() == pytest.approx(truth.sum(), rel=0.25)


@pytest.mark.parametrize(
    "name", ["random forest", "LightGBM careful", "XGBoost careful", "isolation forest", "autoencoder"]
)
def test_equal_seeds_give_equal_models_and_labels_matter_only_where_they_should(name):
    x, y = problem(600)
    first, second, other = (classical.fit(name, x, y, seed=seed).predict(x) for seed in (1, 1, 2))
    assert np.array_equal(first, second) and not np.array_equal(first, other)
    swapped = classical.fit(name, x, 1 - y, seed=1).predict(x)
    assert np.array_equal(first, swapped) == (name in UNSUPERVISED)


def test_half_of_the_training_rows_are_odder_than_a_half():
    x, y = problem(600)
    assert np.median(classical.fit("autoencoder", x, y).predict(x)) == pytest.approx(0.5, abs=1e-3)


def test_a_student_follows_its_teacher_and_is_read_back(tmp_path):
    x, y = problem(3000)
    other, truth = problem(3000, seed=1)
    teacher = classical.fit("logistic regression", x, y)
    about = About(windows=(1.0,), delay=2.0, numbers=("extra",), threshold=0.3, columns={"entity": "card"})
    student = Student.teach(x, teacher.predict(x), about)
    agreement = fidelity(teacher.predict(other), student.predict(other), truth)
    assert agreement["spearman"] > 0.97 and agreement["overlap_top_1"] > 0.6
    assert agreement["student_average_precision"] == pytest.approx(agreement["teacher_average_precision"], abs=0.03)
    assert np.abs(student.predict(other) - teacher.predict(other)).mean() < 0.01
    student.save(tmp_path / "run" / "student")
    assert sorted(path.name for path in (tmp_path / "run" / "student").iterdir()) == ["model.txt", "student.json"]
    again = Student.load(tmp_path / "run")
    assert again.about == about
    assert np.array_equal(again.predict(other), student.predict(other))
    assert student.booster.num_trees() <= 100


def test_a_students_calibration_is_a_line_through_log_odds():
    x, y = problem(500)
    student = Student.teach(x, np.where(y, 0.9, 0.1))
    plain = student.predict(x)
    student = Student(student.booster, About(slope=2.0, intercept=-1.0))
    odds = np.log(plain / (1 - plain))
    np.testing.assert_allclose(student.predict(x), 1 / (1 + np.exp(1 - 2 * odds)))


def test_without_a_student_the_error_says_how_to_make_one(tmp_path):
    with pytest.raises(SuiteError, match="has no student model; make one with: suite fraud student"):
        find(tmp_path)


def test_reasons_are_of_different_subjects_strongest_first_and_only_for_suspicion():
    x = np.zeros((1, len(NAMES)), np.float32)
    share = np.zeros((1, len(NAMES)))
    for name, value, contribution in [
        ("counterparty_risk_7d", 0.5, 1.0),
        ("counterparty_risk_30d", 0.25, 1.5),
        ("amount", 412.5, 2.0),
        ("log_amount", 6.0, 0.1),
        ("amount_ratio", 5.2, 0.3),
        ("is_night", 1, -3.0),
    ]:
        x[0, NAMES.index(name)], share[0, NAMES.index(name)] = value, contribution
    (sentences,) = reasons(NAMES, x, share, 5)
    assert sentences == [
        "25% of this counterparty's transactions were fraud, in 30 days with known labels",
        "amount of 412.50",
        "amount 5.2 times this customer's mean",
    ]
    assert reasons(NAMES, x, share, 1) == [sentences[:1]]
    assert reasons(NAMES, x[:0], share[:0]) == []


def test_trees_give_the_reason_that_they_were_taught():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2000, len(NAMES))).astype(np.float32)
    student = Student.teach(x, 1 / (1 + np.exp(3 - 4 * x[:, NAMES.index("recency_days")])))
    row = np.zeros((1, len(NAMES)), np.float32)
    row[0, NAMES.index("recency_days")] = 2
    assert student.reasons(row)[0][0] == "2.00 days since this customer's last transaction"


@pytest.mark.parametrize("name", [*NAMES, "entity_mean_0.5d", "counterparty_count_14d", "balance", "V7_d"])
def test_every_feature_has_a_sentence(name):
    text = sentence(name, 0.5)
    assert text and "{" not in text and "nan" not in text
    assert json.dumps(text)
