"""What the task is taken to be, what contradicts it, and the losses."""

from __future__ import annotations

import math

import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Value

from suite import SuiteError
from suite_medical_imaging.config import MedicalConfig
from suite_medical_imaging.data.tasks import ImageTask, answer, labels_of, task_of
from suite_medical_imaging.model.losses import class_weights, known, loss, probabilities


def rows(*labels):
    return Dataset.from_dict({"label": list(labels)})


@pytest.mark.parametrize(
    ("labels", "settings", "kind", "classes"),
    [
        (["sick", "healthy"], {}, "binary", ("healthy", "sick")),
        (["malignant", "benign"], {}, "binary", ("benign", "malignant")),
        (["lesion", "none"], {}, "binary", ("none", "lesion")),
        (["a", "b"], {"order": ["b", "a"]}, "binary", ("b", "a")),
        (["c", "b", "a"], {}, "multi-class", ("a", "b", "c")),
        ([10, 9, 2], {}, "multi-class", ("2", "9", "10")),
        ([0.0, 1.0, 2.0], {"task": "ordinal"}, "ordinal", ("0", "1", "2")),
        (["mild", "none", "severe"], {"order": ["none", "mild", "severe"]}, "ordinal", ("none", "mild", "severe")),
        (["edema|mass", "mass", "No Finding"], {}, "multi-label", ("No Finding", "edema", "mass")),
    ],
)
def test_the_task_is_told_from_the_rows(labels, settings, kind, classes):
    assert task_of(rows(*labels), MedicalConfig(**settings)) == ImageTask(kind, classes)


@pytest.mark.parametrize(
    ("labels", "settings", "message"),
    [
        (["a", "a"], {}, "nothing to tell apart"),
        (["a", "b", "c"], {"task": "binary"}, "the labels are 3"),
        (["a", "b", "c"], {"task": "ordinal"}, r"set order=\[a, b, c\]"),
        (["a", "b", "c"], {"order": ["a", "b"]}, "'c' of the data is not in order"),
        (["a", "b"], {"order": ["a", "b", "a"]}, "names a class twice"),
        (["a", "b"], {"labels": ["edema"]}, "no column 'edema'"),
        (["a", "b"], {"labels": ["label"], "task": "binary"}, "drop one of the two"),
    ],
)
def test_what_contradicts_is_one_sentence(labels, settings, message):
    with pytest.raises(SuiteError, match=message):
        task_of(rows(*labels), MedicalConfig(**settings))


def test_numbers_of_a_hub_data_set_become_names():
    features = Features({"label": ClassLabel(names=["normal", "pneumonia"])})
    assert labels_of(Dataset.from_dict({"label": [1, 0]}, features)) == ["pneumonia", "normal"]
    assert labels_of(Dataset.from_dict({"label": [1, 0]}, Features({"label": Value("int64")}))) == ["1", "0"]


def test_labels_of_a_table_may_be_unknown():
    task = ImageTask("multi-label", ("edema", "mass", "nodule"))
    reference = task.reference({"edema": 1, "mass": -1, "nodule": None})
    assert reference == {"edema": 1.0, "mass": None, "nodule": None}
    target = task.target(reference)
    assert target[0] == 1 and math.isnan(target[1]) and math.isnan(target[2])
    with pytest.raises(SuiteError, match="holds 'perhaps'"):
        task.reference({"edema": "perhaps", "mass": 0, "nodule": 0})


def test_a_class_never_trained_on_is_refused():
    with pytest.raises(SuiteError, match="'c' is in the data to score but not in the training data"):
        ImageTask("binary", ("a", "b")).reference({"label": "c"})


def test_an_answer_is_called_at_the_threshold():
    task = ImageTask("binary", ("none", "lesion"))
    prediction = answer(task, [0.7, 0.3], [True, False], [0.5, 0.25])
    assert prediction["label"] == "lesion" and prediction["confidence"] == 0.3 and prediction["set"] == ["none"]
    many = answer(ImageTask("multi-label", ("x", "y")), [0.9, 0.3], [True, True], [0.5, 0.5])
    assert many["label"] == ["x"] and many["confidence"] == 0.7 and "set" not in many


LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.1, 0.2]])
PLAIN = {"weights": torch.ones(3), "focal": False}


def test_unknown_labels_have_no_loss_and_no_gradient():
    task = ImageTask("multi-label", ("x", "y", "z"))
    targets = torch.tensor([[1.0, math.nan, 0.0], [math.nan, math.nan, math.nan]])
    logits = LOGITS.clone().requires_grad_(True)
    value = loss(logits, targets, task, **PLAIN)
    by_hand = (math.log1p(math.exp(-2.0)) + math.log1p(math.exp(-1.0))) / 2
    assert value.item() == pytest.approx(by_hand) and int(known(targets, task)) == 2
    value.backward()
    assert logits.grad[1].abs().sum() == 0 and logits.grad[0, 1] == 0 and logits.grad[0, 0] != 0
    assert loss(LOGITS, torch.full((2, 3), math.nan), task, **PLAIN).item() == 0.0


def test_ordinal_loss_is_the_sum_over_thresholds():
    task = ImageTask("ordinal", ("a", "b", "c"))
    p = LOGITS[:1].softmax(-1)[0]
    middle = torch.tensor([[0.0, 1.0, 0.0]])
    by_hand = -torch.log(p[1] + p[2]) - torch.log(p[0] + p[1])  # worse than a; not worse than b
    assert loss(LOGITS[:1], middle, task, **PLAIN).item() == pytest.approx(by_hand.item(), rel=1e-5)


def test_two_grades_off_cost_more_than_one():
    task = ImageTask("ordinal", ("a", "b", "c"))
    truth = torch.tensor([[1.0, 0.0, 0.0]])
    near, far = torch.tensor([[0.0, 3.0, -3.0]]), torch.tensor([[0.0, -3.0, 3.0]])
    assert loss(far, truth, task, **PLAIN) > loss(near, truth, task, **PLAIN)
    flat = ImageTask("multi-class", ("a", "b", "c"))
    assert loss(far, truth, flat, **PLAIN).item() == pytest.approx(loss(near, truth, flat, **PLAIN).item())


def test_focal_loss_by_hand():
    task = ImageTask("multi-class", ("a", "b", "c"))
    truth = torch.tensor([[1.0, 0.0, 0.0]])
    p = LOGITS[0].softmax(-1)[0].item()
    value = loss(LOGITS[:1], truth, task, weights=torch.ones(3), focal=True)
    assert value.item() == pytest.approx(-((1 - p) ** 2) * math.log(p), rel=1e-5)


def test_class_weights_have_mean_one_over_the_rows():
    targets = [[1.0, 0.0]] * 9 + [[0.0, 1.0]]
    weights = class_weights(targets, ImageTask("binary", ("a", "b")))
    assert weights.tolist() == pytest.approx([10 / 18, 5.0])
    assert (torch.tensor(targets) * weights).sum().item() == pytest.approx(10)
    unknown = [[1.0, math.nan], [0.0, 1.0], [0.0, 0.0]]
    assert class_weights(unknown, ImageTask("multi-label", ("x", "y"))).tolist() == pytest.approx([2.0, 1.0])


def test_probabilities_sum_to_one_or_stand_alone():
    assert probabilities(LOGITS, ImageTask("ordinal", ("a", "b", "c"))).sum(-1).tolist() == pytest.approx([1, 1])
    alone = probabilities(LOGITS, ImageTask("multi-label", ("x", "y", "z")))
    assert alone[0, 0].item() == pytest.approx(1 / (1 + math.exp(-2)))
