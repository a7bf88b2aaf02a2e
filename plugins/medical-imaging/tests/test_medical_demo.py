"""The demo's handlers: what is shown is escaped and true, what is stored can be trained on.

Model and heat map are replaced by a list of answers and a hot spot, since they are tested elsewhere; files are real.
"""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from PIL import Image

from suite import SuiteError, Task
from suite.data.load import load
from suite_medical_imaging.config import MedicalConfig
from suite_medical_imaging.data.preprocess import View
from suite_medical_imaging.data.tasks import ImageTask, answer, task_of
from suite_medical_imaging.demo import cards, views
from suite_medical_imaging.demo import examples as demo_examples
from suite_medical_imaging.demo.examples import as_dicom, known_examples
from suite_medical_imaging.demo.session import DemoSession
from suite_medical_imaging.domain import MEDICAL_IMAGING
from suite_medical_imaging.model.calibrate import Calibration
from suite_medical_imaging.model.model import MedicalModel
from suite_medical_imaging.readers.picture import Picture
from suite_medical_imaging.readers.pixels import open_picture

SIDE = 16
HOSTILE = "<img src=x onerror=alert(1)>"
GREY = np.arange(SIDE * SIDE, dtype=np.uint8).reshape(SIDE, SIDE)
BINARY = ImageTask("binary", ("none", "lesion"))
LABELS = ImageTask("multi-label", ("edema", "mass"))
PLANES = ImageTask("multi-class", ("axial", "coronal", "sagittal"))
CALIBRATED = Calibration(1.25, (0.6, 0.4), {0.9: 0.3})


class Asked(list):
    """Answers all with one prediction, and keeps what it was asked."""

    def __init__(self, task, model, prediction):
        super().__init__()
        self.task, self.model, self.prediction, self.source = task, model, prediction, "runs/first"

    def __call__(self, examples):
        self.extend(examples)
        return [self.prediction]


def made(tmp_path, scores=(0.2, 0.8), *, task=BINARY, calibration=CALIBRATED, spot=(4, 5), **settings):
    """A session whose model answers `scores`, and whose heat map has one hot cell at `spot`."""
    config = MedicalConfig(output=tmp_path / "runs", **settings)
    model = MedicalModel(
        network=None, config=config, task=task, view=View(SIDE, (0.5,) * 3, (0.5,) * 3), calibration=calibration,
        class_weights=None,
    )  # fmt: skip
    (prediction,) = model.answers(np.array([scores]))
    session = DemoSession(Asked(Task(MEDICAL_IMAGING, config), model, prediction))
    heat = np.zeros((SIDE, SIDE), np.float32)
    heat[spot] = 1
    session._heat = lambda example, target: heat
    return session


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "scan.png"
    Image.fromarray(GREY).save(path)
    return path


@pytest.fixture
def starter(tmp_path, monkeypatch):
    """A folder as the starter's, with ten test slices; those with an odd number have a lesion in rows 4-7."""
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "cache"))
    folder = demo_examples.starter_folder()
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[4:8, 4:8] = 255
    lines = [json.dumps({"image": "images/no.png", "label": "none", "split": "train", "patient": "a", "mask": ""})]
    for number in range(10):
        name, sick = f"test-{number:04d}.png", number % 2
        Image.fromarray(GREY + np.uint8(number)).save(folder / "images" / name)
        Image.fromarray(mask).save(folder / "masks" / name)
        row = {"image": f"images/{name}", "label": ("none", "lesion")[sick], "split": "test", "patient": f"slab {sick}"}
        lines.append(json.dumps({**row, "mask": f"masks/{name}" if sick else ""}))
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    return folder


# ---- what is said ----------------------------------------------------------------------------------------------------


def carded(scores, task=BINARY, calibration=CALIBRATED, coverage=0.9):
    config = SimpleNamespace(coverage=coverage)
    model = SimpleNamespace(task=task, calibration=calibration, config=config)
    kept = calibration.kept(np.array(scores), coverage)
    limits = [calibration.threshold(place) for place in range(len(scores))]
    return cards.answer_card(model, answer(task, scores, kept, limits)).replace("\N{NARROW NO-BREAK SPACE}", " ")


def test_the_bars_are_the_probabilities_with_the_threshold_marked():
    shown = carded((0.2, 0.8))
    assert '<p class="kit-large">lesion</p>' in shown
    assert "The probability of lesion, 80.0 %, reaches the threshold of 40.0 %." in shown
    called, other = shown.split('<div class="kit-bar')[2:4]
    assert called.startswith(' kit-strong"><span>lesion</span>') and "width:80.0%" in called
    assert "left:40.0%" in called
    assert "width:20.0%" in other and "left:" not in other


def test_below_the_threshold_the_other_is_called():
    shown = carded((0.65, 0.35))
    assert '<p class="kit-large">none</p>' in shown
    assert "The probability of lesion, 35.0 %, stays under the threshold of 40.0 %." in shown


@pytest.mark.parametrize(
    ("scores", "cutoff", "sentence"),
    [
        ((0.2, 0.8), 0.3, "Nothing but <b>lesion</b> is left at 90 % coverage."),
        ((0.4, 0.6), 0.3, "<b>Left to a human:</b> none and lesion cannot be ruled out at 90 % coverage."),
        ((0.4, 0.6), 0.7, "<b>Left to a human:</b> it is like none of the classes at 90 % coverage."),
        ((0.55, 0.45), 0.5, "<b>Left to a human:</b> lesion is called, yet nothing but none is left at 90 % coverage."),
    ],
)
def test_the_conformal_set_is_said_in_words(scores, cutoff, sentence):
    assert sentence in carded(scores, calibration=Calibration(1.0, (0.6, 0.4), {0.9: cutoff}))


def test_a_model_without_validation_is_said_to_be_uncalibrated():
    shown = carded((0.2, 0.8), calibration=Calibration())
    assert "Not calibrated" in shown and "Left to a human" not in shown
    assert "Calibrated on the validation pictures (temperature 1.25)" in carded((0.2, 0.8))


def test_several_classes_have_no_threshold_and_labels_have_one_each():
    calibration = Calibration(1.0, (0.1, 0.2, 0.3), {0.9: 0.3})
    shown = carded((0.2, 0.7, 0.1), PLANES, calibration)
    assert "The most probable of 3 classes, 70.0 %." in shown and "left:" not in shown
    shown = carded((0.2, 0.3), LABELS, calibration)
    assert '<p class="kit-large">edema and mass</p>' in shown and "left:10.0%" in shown and "left:20.0%" in shown
    assert "None of the labels" in carded((0.05, 0.1), LABELS, calibration)


# ---- what is shown ---------------------------------------------------------------------------------------------------


def test_heat_colours_its_place_only():
    pixels = np.full((SIDE, SIDE, 1), 100, np.uint8)
    heat = np.zeros((SIDE, SIDE), np.float32)
    heat[2:6, 2:6] = 1
    shown = np.asarray(views.overlaid(pixels, heat))
    scale = views.SHOWN // SIDE
    mixed = [round(100 + views.STRONGEST * (hot - 100)) for hot in views.HOT]
    assert np.abs(shown[4 * scale, 4 * scale] - np.array(mixed)).max() <= 1
    assert shown[12 * scale, 12 * scale].tolist() == [100] * 3


def test_the_peak_is_ringed_and_the_mask_outlined():
    heat = np.zeros((SIDE, SIDE), np.float32)
    heat[3, 12] = 1
    assert views.peak(heat) == (3, 12)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[8:12, 2:6] = True
    shown = np.asarray(views.overlaid(np.zeros((SIDE, SIDE, 1), np.uint8), heat, mask))
    scale = views.SHOWN // SIDE
    row, column = round(3.5 * scale), round(12.5 * scale)
    assert shown[row, column - 8 : column + 9].max(0).tolist() == [255] * 3  # the ring is white
    assert shown[8 * scale, 4 * scale].tolist() == list(views.OUTLINE)
    assert shown[10 * scale, 4 * scale].tolist() == [0] * 3


def test_as_stored_keeps_its_shape():
    stored = np.full((10, 20, 3), 255, np.uint8)
    assert views.as_stored(Picture(np.zeros((10, 20, 3), np.float32), stored)).size == (views.SHOWN, views.SHOWN // 2)


def test_nothing_of_a_file_is_run_by_the_page(tmp_path, picture):
    path = as_dicom(picture, tmp_path / "hostile.dcm")
    file = pydicom.dcmread(path)
    file.PatientName, file.Manufacturer, file.Modality = HOSTILE, HOSTILE, HOSTILE
    file.BurnedInAnnotation, file.WindowWidth, file.VOILUTFunction = "YES", 0, HOSTILE
    file.save_as(hostile := tmp_path / f"{HOSTILE.replace('/', '')}.dcm")
    task = ImageTask("binary", ("none", HOSTILE))
    session = made(tmp_path, (0.5, 0.5), task=task)
    result = session.examine(hostile)
    stored = session.correct(result, HOSTILE)
    escaped = "&lt;img src=x onerror=alert(1)&gt;"
    for shown in (result.card, result.views, stored):
        assert HOSTILE not in shown and escaped in shown
    assert f"<dt>modality</dt><dd>{escaped}</dd>" in result.views and "Doubtful:" in result.views


def test_the_name_of_a_patient_is_not_shown(tmp_path, picture):
    path = as_dicom(picture, tmp_path / "scan.dcm")
    result = made(tmp_path).examine(path)
    assert "Example" not in result.card + result.views + json.dumps(result.facts)


def test_an_upload_has_no_truth_and_several_frames_can_be_turned(tmp_path):
    import nibabel

    volume = np.random.default_rng(0).random((SIDE, SIDE, 5), dtype=np.float32)
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / "volume.nii")
    session = made(tmp_path)
    middle, last = session.examine(tmp_path / "volume.nii"), session.examine(tmp_path / "volume.nii", 4)
    assert [(result.frame, result.frames) for result in (middle, last)] == [(2, 5), (4, 5)]
    assert "Truth" not in middle.card
    first, second = (example["pixels"] for example in session.predictor)
    assert (first != second).any()


def test_nothing_chosen_and_nothing_readable_are_sentences(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(SuiteError, match="Choose a picture first"):
        made(tmp_path).examine(None)
    with pytest.raises(SuiteError, match=r"notes\.txt"):
        made(tmp_path).examine(tmp_path / "notes.txt")


def test_scripts_get_the_answer_as_data(tmp_path, picture):
    result = made(tmp_path).classify(str(picture))
    assert result["label"] == "lesion" and result["set"] == ["lesion"] and result["calibrated"]
    assert result["thresholds"] == {"lesion": 0.4} and result["warning"] == "not for clinical use"
    json.dumps(result)


# ---- examples --------------------------------------------------------------------------------------------------------


def test_the_dicom_example_shows_what_the_slice_shows(tmp_path, picture):
    path = as_dicom(picture, tmp_path / "made" / "scan.dcm")
    seen, plain = open_picture(path), open_picture(picture)
    assert np.abs(seen.values - plain.values).max() < 1e-6
    assert (seen.stored == 255 - plain.stored).all()  # as stored it is a negative
    facts = seen.facts
    assert facts["photometric interpretation"] == "MONOCHROME1" and facts["bits"] == "12 of 16"
    assert "inverted" in facts and facts["window"].startswith("center 2648, width 2296") and "notes" not in facts
    before = path.stat().st_mtime_ns
    assert as_dicom(picture, path).stat().st_mtime_ns == before


def test_examples_are_test_slices_and_one_dicom(starter):
    examples = known_examples()
    assert [known.path.name for known in examples[:-1]] == [f"test-{number:04d}.png" for number in range(6)]
    assert examples[-1].path.suffix == ".dcm" and examples[-1].picture.name == "test-0007.png"
    assert [known.label for known in examples] == ["none", "lesion"] * 3 + ["lesion"]
    assert not any("lesion" in known.caption or "none" in known.caption for known in examples)  # told after asking
    assert [known.mask is not None for known in examples] == [False, True] * 3 + [True]


def test_without_the_starter_there_are_none(tmp_path):
    assert known_examples(tmp_path) == []


@pytest.mark.parametrize(("spot", "sentence"), [((4, 5), "peak lies inside it"), ((12, 2), "<b>outside</b> of it")])
def test_an_example_tells_the_truth_and_where_the_heat_peaks(tmp_path, starter, spot, sentence):
    session = made(tmp_path, spot=spot)
    session.examples = known_examples()
    sick, healthy = (
        session.examine(session.examples[1].path, known=1),
        session.examine(session.examples[0].path, known=0),
    )
    assert "<b>Truth: lesion</b> (simulated): the call is right." in sick.card and sentence in sick.card
    assert "<b>Truth: none</b>: the call is wrong." in healthy.card and "peak" not in healthy.card
    assert "outline of the simulated lesion" in sick.views and "outline" not in healthy.views


def test_the_truth_of_another_task_judges_no_call(tmp_path, starter):
    session = made(tmp_path, (0.7, 0.2, 0.1), task=PLANES, calibration=Calibration())
    session.examples = known_examples()
    assert "the call is" not in session.examine(session.examples[1].path, known=1).card


# ---- corrections -----------------------------------------------------------------------------------------------------


def corrected(session, *pairs):
    """The rows that `--data corrections:` reads after these (path, label) corrections."""
    for path, label in pairs:
        session.correct(session.examine(path), label)
    return load(session.predictor.task, "corrections:").rows


def test_corrections_are_rows_to_train_on(tmp_path, picture):
    scan = as_dicom(picture, tmp_path / "scan.dcm")
    file = pydicom.dcmread(scan)
    file.PatientID = "P7"
    file.save_as(scan)
    session = made(tmp_path)
    rows = corrected(session, (picture, "none"), (scan, "lesion"), (picture, "lesion"), (picture, "none"))
    assert rows["label"] == ["none", "lesion"] and rows["frame"] == [0, 0]
    assert rows["patient"][1] == "P7" and rows["patient"][0].startswith("file ")
    assert task_of(rows, session.model.config) == BINARY
    examples = session.model.prepare(rows, "test")
    assert [example["reference"] for example in examples] == ["none", "lesion"]
    assert (examples[0]["pixels"][..., 0] == GREY).all()
    kept = session.corrections.read()[0]
    assert kept.source == "upload" and kept.model == "runs/first"
    assert kept.before == {"label": "lesion"} and kept.after == {"label": "none"}


def test_labels_are_corrected_in_the_columns_training_reads(tmp_path, picture):
    plain = corrected(made(tmp_path / "a", task=LABELS), (picture, ["edema", "mass"]))
    assert plain["label"] == ["edema|mass"]
    table = corrected(made(tmp_path / "b", task=LABELS, labels=["edema", "mass"]), (picture, ["mass"]))
    assert (table["edema"], table["mass"]) == ([0], [1])


def test_an_example_keeps_its_patient(tmp_path, starter):
    session = made(tmp_path)
    session.examples = known_examples()
    assert "1 correction so far" in session.correct(session.examine(session.examples[1].path, known=1), "none")
    message = session.correct(session.examine(session.examples[0].path, known=0), "none")
    assert "2 corrections so far" in message and "train --data corrections:" in message
    first, second = session.corrections.read()
    assert first.row["patient"] == "slab 1" and second.source == "example test-0000.png"


def test_a_correction_needs_an_answer_and_a_choice(tmp_path, picture):
    session = made(tmp_path)
    with pytest.raises(SuiteError, match="Choose a picture first"):
        session.correct(None, "none")
    with pytest.raises(SuiteError, match="Choose what the picture shows"):
        session.correct(session.examine(picture), None)
    labels = made(tmp_path, task=LABELS)
    with pytest.raises(SuiteError, match="Choose at least one label"):
        labels.correct(labels.examine(picture), [])
    assert not session.corrections.path.exists()


# ---- the tab ---------------------------------------------------------------------------------------------------------

BUILD = """
import sys, gradio
from suite import Predictor
from suite_medical_imaging.domain import MEDICAL_IMAGING
task = MEDICAL_IMAGING.task()
with gradio.Blocks(analytics_enabled=False) as blocks:
    task.demo(Predictor(task))
assert not {"torch", "transformers", "datasets", "sklearn"} & set(sys.modules), "building imports a library"
print([function.api_name for function in blocks.fns.values() if function.api_visibility != "private"])
text = " ".join(str(block.value) for block in blocks.blocks.values() if isinstance(block, gradio.HTML))
print("Not for clinical use." in text, "simulated" in text, "The picture is copied" in text)
"""


def test_building_imports_no_torch_and_offers_one_endpoint(tmp_path):
    ran = subprocess.run([sys.executable, "-c", BUILD], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["['medical_imaging_classify']", "True True True"]
