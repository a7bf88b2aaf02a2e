"""What only this domain knows: its boxes, its figures, its drawings."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from suite import SuiteError, resolve_model

from suite_detection.data import pixels, scaled
from suite_detection.domain import DETECTION
from suite_detection.scores import overlap
from suite_detection.starter import MODEL, drawn, png, sample_file


@pytest.fixture(scope="module")
def model():
    """The starter, as it answers."""
    loaded = DETECTION.task(least=0.0).load(resolve_model(MODEL.name, [MODEL]), None)
    loaded.network.eval()
    return loaded


@pytest.fixture(scope="module")
def scores():
    return DETECTION.task().scores(None)


def example(seed, *, night=False):
    values, things = drawn(np.random.default_rng(seed), night=night)
    return {"image": {"bytes": png(values), "path": None}, "objects": things}


def box(left, top, right, bottom, label="a", **more):
    return {"box": [float(value) for value in (left, top, right, bottom)], "label": label, **more}


def test_a_batch_has_the_boxes_of_each_picture(model):
    first, second = example(1), {**example(2), "objects": []}
    batch = model.collate([first, second])
    assert batch["pixel_values"].shape == (2, 3, 64, 64) and batch["sizes"].tolist() == [[64.0, 64.0]] * 2
    left, top, right, bottom = (value / 64 for value in first["objects"][0]["box"])
    assert batch["labels"][0]["boxes"][0].tolist() == pytest.approx(
        [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
    )
    assert batch["labels"][1]["boxes"].shape == (0, 4) and batch["labels"][1]["class_labels"].shape == (0,)
    assert "labels" not in model.collate([{"image": first["image"]}])
    assert model.count(batch) == len(first["objects"])


def test_a_label_the_model_does_not_know_is_refused(model):
    with pytest.raises(SuiteError, match="does not know the label 'star'; it knows circle, square, triangle"):
        model.collate([{**example(1), "objects": [box(1, 1, 9, 9, "star")]}])


def test_a_mirrored_picture_has_mirrored_boxes(model):
    plain, turned = (model.collate([{**example(1), "mirrored": mirrored}]) for mirrored in (False, True))
    assert (plain["pixel_values"].flip(-1) == turned["pixel_values"]).all()
    boxes, others = plain["labels"][0]["boxes"], turned["labels"][0]["boxes"]
    assert torch.allclose(boxes[:, 0] + others[:, 0], torch.ones(len(boxes))) and (boxes[:, 1:] == others[:, 1:]).all()


def test_the_loss_is_the_networks_own_on_one_process(model):
    batch = model.collate([example(seed) for seed in range(4)])
    with torch.no_grad():
        ours = model.loss(model.network, batch)
        theirs = model.network(pixel_values=batch["pixel_values"], labels=batch["labels"]).loss_dict
    last = theirs["loss_ce"] + 5 * theirs["loss_bbox"] + 2 * theirs["loss_giou"]  # without those of earlier layers
    assert ours.item() == pytest.approx(last.item(), rel=1e-5)


def test_the_loss_is_a_mean_over_things(model):
    examples = [example(seed) for seed in range(5)]
    with torch.no_grad():
        parts = [model.collate([single]) for single in examples]
        whole = model.loss(model.network, model.collate(examples)).item()
        weighted = [(model.loss(model.network, part).item(), model.count(part)) for part in parts]
    assert whole == pytest.approx(
        sum(loss * count for loss, count in weighted) / sum(count for _, count in weighted), rel=1e-4
    )


def test_the_pretrained_model_sees_by_day_and_not_by_night(model, scores):
    figures = []
    for night in (False, True):
        examples = [example(seed, night=night) for seed in range(40)]
        with torch.inference_mode():
            answers = model.infer(model.collate(examples))
        rows = [scores.score(answer, e["objects"]) for answer, e in zip(answers, examples, strict=True)]
        stacked = {key: np.array([np.asarray(row[key]) for row in rows]) for key in rows[0]}
        figures.append(scores.metrics(stacked)["average_precision"])
    assert figures[0] > 0.8 and figures[1] < 0.2


def test_each_thing_is_hit_once_by_the_surest_box_that_fits(scores):
    boxes = [
        box(0, 0, 10, 10, confidence=0.9),
        box(0, 0, 10, 9, confidence=0.8),
        box(20, 0, 30, 10, "b", confidence=0.2),
    ]
    there = [box(0, 0, 10, 10), box(20, 0, 30, 10)]
    assert scores.score({"objects": boxes}, there) == {
        "confidence": [0.9, 0.8, 0.2],
        "hit": [1.0, 0.0, 0.0],
        "things": 2,
    }
    assert scores.score({"objects": []}, there) == {"confidence": [], "hit": [], "things": 2}


def test_average_precision_and_recall_of_pictures_with_different_numbers_of_boxes(scores):
    uneven = np.empty(3, object)
    uneven[:] = [np.array([0.9, 0.6]), np.array([0.8]), np.array([])]
    hits = np.empty(3, object)
    hits[:] = [np.array([1.0, 1.0]), np.array([0.0]), np.array([])]
    metrics = scores.metrics({"confidence": uneven, "hit": hits, "things": np.array([2, 1, 1])})
    assert metrics == pytest.approx({"average_precision": (1 + 2 / 3) / 4, "recall": 2 / 4})
    nothing = {"confidence": np.zeros((2, 0)), "hit": np.zeros((2, 0)), "things": np.array([1, 1])}
    assert scores.metrics(nothing) == {"average_precision": 0.0, "recall": 0.0}


@pytest.mark.parametrize(
    ("second", "share"), [((0, 0, 10, 10), 1.0), ((5, 0, 15, 10), 1 / 3), ((10, 0, 20, 10), 0.0), ((3, 3, 3, 3), 0.0)]
)
def test_overlap(second, share):
    assert overlap((0, 0, 10, 10), second) == pytest.approx(share)


def test_pixels_are_scaled(tmp_path):
    (tmp_path / "white.png").write_bytes(png(np.full((10, 20, 3), 255, np.uint8)))
    values, size = pixels(str(tmp_path / "white.png"), 32)
    assert values.shape == (32, 32, 3) and values.dtype == np.float32 and (values == 1).all() and size == (20, 10)
    assert scaled(np.zeros(1, np.uint8)).tolist() == [-1.0]


def test_what_is_no_picture_is_refused(model):
    with pytest.raises(SuiteError, match="is no picture this reads"):
        model.inputs(__file__)
    assert len(model.inputs(str(sample_file()))) == 1
