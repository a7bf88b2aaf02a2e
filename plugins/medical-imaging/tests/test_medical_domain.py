"""The domain on small data: what is refused, what is said, and what a run holds."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from suite import Predictor, Scored, SuiteError
from suite.assets.resolve import fetch
from suite.data.load import load_splits
from suite_medical_imaging.config import MedicalConfig
from suite_medical_imaging.data.preprocess import View, decode
from suite_medical_imaging.data.tasks import ImageTask
from suite_medical_imaging.domain import MEDICAL_IMAGING
from suite_medical_imaging.evaluation import baselines
from suite_medical_imaging.evaluation.audit import blurred, borders_only, from_facts
from suite_medical_imaging.evaluation.report import Report
from suite_medical_imaging.evaluation.scores import MedicalScores
from suite_medical_imaging.model import models
from suite_medical_imaging.model.calibrate import Calibration, calibrated
from suite_medical_imaging.model.model import KEPT, MedicalModel
from suite_medical_imaging.model.probe import Probe, nearest
from suite_medical_imaging.starter.assets import MODEL


def table(folder, rows, *, constant=()):
    """A folder with metadata.jsonl and a noisy PNG for each row; those numbered in `constant` show one value."""
    generator = np.random.default_rng(0)
    lines = []
    for number, row in enumerate(rows):
        bright = 100 if row.get("label") in ("sick", 2, "severe") else 0
        pixels = generator.integers(0, 100, (40, 40), dtype=np.uint8) + np.uint8(bright)
        Image.fromarray(np.full_like(pixels, 7) if number in constant else pixels).save(folder / f"{number}.png")
        lines.append(json.dumps({"image": f"{number}.png", **row}))
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    return folder


def made(folder, **settings):
    return MEDICAL_IMAGING.task({"data": str(folder), "image_size": 32, **settings})


def loaded(task):
    """The starter's model in eval mode with a head for the task's rows, and its splits."""
    _, splits = load_splits(task)
    model = task.load(fetch(MODEL), splits.training)
    model.network.eval()
    return model, splits


def headless(task, view):
    """A model without a network, for what asks none."""
    return MedicalModel(
        network=None, config=MedicalConfig(), task=task, view=view, calibration=Calibration(), class_weights=None
    )


def patients(count, label=lambda number: ("healthy", "sick")[number % 2]):
    splits = ["train"] * (count // 2) + ["test"] * (count - count // 2)
    return [{"label": label(n), "patient": f"p{n}", "split": split} for n, split in enumerate(splits)]


@pytest.mark.parametrize("task", ["", "multi-label"])
def test_one_class_is_refused(tmp_path, task):
    rows = [{"label": "sick", "patient": str(n)} for n in range(8)]
    with pytest.raises(SuiteError, match="nothing to tell apart"):
        load_splits(made(table(tmp_path, rows), task=task))


def test_a_patient_in_both_splits_is_refused(tmp_path):
    rows = patients(12)
    rows[-1]["patient"] = "p0"
    with pytest.raises(SuiteError, match="1 values of patient are in both train and test"):
        load_splits(made(table(tmp_path, rows)))


def test_splits_share_no_patient(tmp_path):
    rows = [{"label": ("healthy", "sick")[n % 2], "patient": f"p{n // 3}"} for n in range(60)]
    _, splits = load_splits(made(table(tmp_path, rows)))
    seen = [set(part["patient"]) for part in splits.values()]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]


def test_a_constant_picture_is_left_out(tmp_path):
    loaded, _ = load_splits(made(table(tmp_path, patients(24), constant=[3])))
    assert [rejected["row"] for rejected in loaded.report.rejected] == [3]


def test_a_missing_label_column_is_named(tmp_path):
    rows = [{"verdict": "healthy", "patient": str(n)} for n in range(8)]
    with pytest.raises(SuiteError, match="No column for 'label'.*verdict.*--columns label="):
        load_splits(made(table(tmp_path, rows)))


def test_a_class_outside_the_order_is_refused(tmp_path):
    rows = patients(12, lambda n: ("none", "mild", "severe")[n % 3])
    with pytest.raises(SuiteError, match="'mild' of the data is not in order"):
        load_splits(made(table(tmp_path, rows), task="ordinal", order=["none", "severe"]))


def test_a_class_in_the_test_split_alone_is_refused(tmp_path):
    rows = patients(12)
    rows[-1]["label"] = "other"
    with pytest.raises(SuiteError, match="'other' is in the data to score but not in the training data"):
        load_splits(made(table(tmp_path, rows)))


def test_the_task_is_said(tmp_path):
    loaded, _ = load_splits(made(table(tmp_path, patients(12))))
    assert "'sick' against 'healthy'" in loaded.report.render()


@pytest.mark.parametrize(
    ("label", "settings", "kind"),
    [
        (lambda n: ("healthy", "sick")[n % 2], {}, "binary"),
        (lambda n: n % 3, {"task": "ordinal"}, "ordinal"),
        (lambda n: "abc"[n % 3], {"imbalance": "weights"}, "multi-class"),
    ],
)
def test_a_model_answers_and_is_read_back(tmp_path, label, settings, kind):
    task = made(table(tmp_path, patients(24, label)), **settings)
    model, splits = loaded(task)
    assert model.task.kind == kind
    examples = model.prepare(splits["test"], "test")
    batch = model.collate(examples[:4])
    assert model.loss(model.network, batch).isfinite() and model.count(batch) == 4
    answers = model.infer(batch)
    assert sum(answers[0]["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    scores = task.scores(model)
    neutral = model.calibration
    calibrated = model.calibrate(model.infer(model.collate(examples)), [scores.reference(e) for e in examples])
    assert model.calibration is neutral != calibrated.calibration
    calibrated.save(tmp_path / "model")
    again = made(tmp_path, **settings).load(tmp_path / "model", None)
    again.network.eval()
    assert again.calibration == calibrated.calibration and again.task == calibrated.task
    assert all(map(task.answers.same, again.infer(batch), calibrated.infer(batch)))


def test_unknown_labels_of_a_table(tmp_path):
    rows = [{"patient": str(n), "edema": n % 2, "mass": None if n % 3 else (n // 3) % 2} for n in range(40)]
    model, splits = loaded(made(table(tmp_path, rows), labels=["edema", "mass"], imbalance="weights"))
    examples = model.prepare(splits["train"], "test")
    batch = model.collate(examples[:9])
    known = sum(value is not None for example in examples[:9] for value in example["reference"].values())
    assert model.count(batch) == known < 18 and model.loss(model.network, batch).isfinite()
    assert set(model.infer(batch)[0]["probabilities"]) == {"edema", "mass"}


def test_the_probe_is_the_head_before_fine_tuning(tmp_path):
    task = made(table(tmp_path, patients(40)), image_size=64)
    model, splits = loaded(task)
    scores = MedicalScores(task.config, model)
    examples = model.prepare(splits["test"], "test")
    pairs = zip(model.infer(model.collate(examples)), examples, strict=True)
    rows = [scores.score(answer, scores.reference(example)) for answer, example in pairs]
    assert scores.metrics({key: np.array([row[key] for row in rows]) for key in rows[0]})["auroc"] >= 0.9


def test_a_model_without_classes_is_refused():
    with pytest.raises(SuiteError, match=f"holds no {KEPT}"):
        MEDICAL_IMAGING.task().load(fetch(MODEL), None)


def test_a_probe_separates_what_is_separable():
    generator = np.random.default_rng(0)
    numbers = np.arange(120) % 3
    features = (generator.normal(size=(120, 8)) + np.eye(8)[numbers] * 6).astype(np.float32) * 50 + 1000
    task = ImageTask("multi-class", ("a", "b", "c"))
    probe = Probe(features, np.eye(3)[numbers], task, groups=numbers // 1 + np.arange(120) // 3)
    assert (probe.probabilities(features).argmax(1) == numbers).mean() > 0.97
    assert (nearest(features - 1000, np.eye(3)[numbers], features - 1000, task).argmax(1) == numbers).mean() > 0.97


def test_shortcuts_see_what_they_should():
    pixels = np.full((100, 100, 1), 200, np.uint8)
    frame = borders_only(pixels)
    assert frame[:12].min() == 200 and frame[12:88, 12:88].max() == 0 and pixels.min() == 200
    spot = np.zeros((100, 100, 1), np.uint8)
    spot[50, 50] = 255
    assert blurred(spot).max() <= 1
    facts = [{"width": 512 if n % 2 else 256, "maker": "A"} for n in range(60)]
    truths = np.eye(2)[[n % 2 for n in range(60)]]
    probabilities = from_facts(facts, truths, facts, ImageTask("binary", ("a", "b")))
    assert np.array_equal(probabilities, truths)


def scores(quality, seed=0, count=400):
    generator = np.random.default_rng(seed)
    truth = np.arange(count) % 2
    p = 1 / (1 + np.exp(-(truth - 0.5) * quality - generator.normal(size=count)))
    return {"p": np.stack([1 - p, p], 1), "y": np.eye(2)[truth]}


def system(stacked, **units):
    count = len(stacked["p"])
    return Scored([{}] * count, [None] * count, stacked, units)


@pytest.mark.parametrize(("leak", "warned", "mentioned"), [(0.0, False, False), (1.0, False, True), (3.0, True, True)])
def test_the_report_warns_of_a_leak(leak, warned, mentioned):
    tuned = scores(3.0)
    calibration = calibrated(tuned["p"], tuned["y"], "binary", specificity=0.9, coverage=0.9)
    config = MedicalConfig(specificity=0.9, prevalence=0.01)
    tuned["p"] = calibration.apply(tuned["p"], many=False)
    systems = {"fine-tuned": system(tuned), "borders only": system(scores(leak, seed=1))}
    report = Report(ImageTask("binary", ("no", "yes")), calibration, config, systems)
    sections = {section.title: section for section in report.sections()}
    assert ("Warning: borders only" in sections["Leaks and shortcuts"].text) is warned
    assert ("borders only alone tell more than luck" in sections["Leaks and shortcuts"].text) is mentioned
    point = sections["At the threshold"].values[0]
    assert point["prevalence"] == 0.01 and point["ppv"] < 0.2 < 0.9 <= point["specificity"]
    assert point["found"] + point["missed"] == point["alarms"] + point["spared"] == 200
    assert sections["Calibration"].figure.startswith(b"\x89PNG")
    assert sections["What is left to a human"].values[1]["covered"] >= 0.9


def test_intervals_of_the_report_are_over_patients():
    """Ten pictures of each of 40 patients are alike: the shares at the threshold rest on 40, and 10 are too few."""
    tuned = {key: np.repeat(values, 10, axis=0) for key, values in scores(2.0, count=40).items()}
    calibration = calibrated(tuned["p"], tuned["y"], "binary", specificity=0.9, coverage=0.9)
    patients, widths = np.repeat(np.arange(40), 10), []
    for units, few in (({}, False), ({"patient": patients}, False), ({"patient": patients // 4}, True)):
        systems = {"fine-tuned": system(tuned, **units), "borders only": system(tuned, **units)}
        report = Report(ImageTask("binary", ("no", "yes")), calibration, MedicalConfig(), systems)
        widths += [interval.high - interval.low for interval in report._shares(1)[:1]]
        texts = {section.title: section.text for section in report.sections()}
        for title in ("At the threshold", "Recall of each class", "Leaks and shortcuts"):
            assert ("10 patients are too few for a claim" in texts[title]) is few
        assert "Warning: borders only may do as well" in texts["Leaks and shortcuts"]
    assert widths[0] * 2 < widths[1] < widths[2]


def test_twins_that_the_split_parts_are_told(tmp_path, capsys):
    table(tmp_path, patients(24))
    with Image.open(tmp_path / "3.png") as picture:
        picture.save(tmp_path / "20.png", compress_level=0)  # the same picture, other bytes
    data, _ = load_splits(made(tmp_path))
    seen = capsys.readouterr().err
    assert "(3.png)" in seen and "(20.png) are near duplicates" in seen
    assert any("are near duplicates" in finding.message for finding in data.report.findings)


def test_each_picture_is_decoded_once(tmp_path, monkeypatch):
    from suite_medical_imaging.data import preprocess

    decoded = []
    real = preprocess.open_picture
    monkeypatch.setattr(preprocess, "open_picture", lambda *a, **k: decoded.append(a) or real(*a, **k))
    task = made(table(tmp_path, patients(24)))
    load_splits(task)
    loaded(task)
    assert len(decoded) == 24


def test_a_start_from_scratch_keeps_its_best_weights(tmp_path, monkeypatch):
    model, splits = loaded(made(table(tmp_path, patients(40)), max_steps=3, evaluate_every=1, batch_size=4))
    train, held = (model.prepare(splits[name], "test") for name in ("train", "validation"))
    marks, weights = iter([0.5, 0.9, 0.7]), []

    def validated(model, examples):
        weights.append(models.head(model.network).weight.detach().clone())
        return next(marks)

    monkeypatch.setattr(baselines, "_validated", validated)
    fresh = replace(model, network=models.untrained(model.network))
    baselines.from_scratch(fresh, train, held)
    kept = models.head(fresh.network).weight
    assert kept.equal(weights[1]) and not kept.equal(weights[2])


def test_a_label_that_is_never_known_is_refused(tmp_path):
    rows = [{"patient": str(n), "edema": n % 2, "mass": None} for n in range(20)]
    with pytest.raises(SuiteError, match="'mass' is unknown in every training row"):
        load_splits(made(table(tmp_path, rows), labels=["edema", "mass"]))


def test_facts_of_an_unknown_label_say_nothing():
    facts, truths = [{"width": n} for n in range(20)], np.full((20, 2), np.nan)
    truths[:, 0] = np.arange(20) >= 10
    probabilities = from_facts(facts, truths, facts, ImageTask("multi-label", ("a", "b")))
    assert np.array_equal(probabilities[:, 0], truths[:, 0]) and (probabilities[:, 1] == 0.5).all()


@pytest.mark.parametrize(
    ("row", "settings"),
    [
        (lambda n: {"label": n % 4}, {"task": "ordinal"}),
        (lambda n: {"label": ("a", "a|b", "b", "c")[n % 4]}, {}),
    ],
)
def test_a_run_from_data_to_answer(tmp_path, row, settings):
    from suite.training.train import train

    (tmp_path / "data").mkdir()
    folder = table(tmp_path / "data", [{**row(n), "patient": str(n)} for n in range(48)])
    limits = {"max_steps": 3, "batch_size": 8, "evaluate_every": 3, "audit": False, "output": tmp_path / "runs"}
    run = train(made(folder, **limits, **settings))
    result = json.loads((run.path / "evaluation.json").read_text())["test"]
    titles = {section["title"] for section in result["sections"]}
    assert ("kappa" in result["systems"]["fine-tuned"]) is (settings != {})
    grades = {"Calibration", "Recall of each class", "What is left to a human"}
    assert titles == (grades if settings else {"Calibration", "At the threshold"})
    predictor = Predictor(made(folder, output=tmp_path / "runs"), str(run.path))
    (answer,) = predictor.answer(str(folder / "0.png"))
    assert list(answer["probabilities"]) == list(predictor.model.task.classes)


def test_a_probe_does_not_mind_where_the_features_lie():
    features = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    truths = np.eye(2)[(features[:, 0] > 0).astype(int)]
    task = ImageTask("binary", ("a", "b"))
    moved = features + np.array([100, -30], np.float32)
    probabilities = [Probe(given, truths, task).probabilities(given) for given in (features, moved)]
    assert probabilities[0] == pytest.approx(probabilities[1], abs=1e-2)
    assert (probabilities[1].argmax(1) == truths.argmax(1)).mean() > 0.9


def test_what_travels_with_a_model_names_nobody_and_is_seen_the_same(tmp_path):
    source = Path(pydicom.data.get_testdata_file("MR_small.dcm", download=False))
    source = Path(shutil.copy(source, tmp_path / "JANE.dcm"))
    view = View(32, (0.5,) * 3, (0.5,) * 3)
    data, model = made(tmp_path).data, headless(ImageTask("binary", ("well", "sick")), view)
    row = {"image": str(source), "label": "sick", "patient": "JANE", "frame": None, "age": 51}
    kept = data.portable(row, model)
    assert set(kept) == {"image", "label", "frame"} and kept["image"]["path"] == "golden.png" and kept["frame"] == -1
    assert b"CompressedSamples" in source.read_bytes() and b"CompressedSamples" not in kept["image"]["bytes"]
    seen, again = decode(str(source), -1, view).pixels, decode(kept["image"], -1, view).pixels
    assert seen.std() > 10 and np.array_equal(seen, again)
    labels = headless(ImageTask("multi-label", ("a", "b")), view)
    row = {"image": str(source), "a": 1, "b": None, "frame": -1}
    assert set(data.portable(row, labels)) == {"image", "frame", "a", "b"}
