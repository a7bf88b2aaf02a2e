"""`suite export --onnx`: the exported network answers as the model, or is not kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from suite_toy.domain import TOY
from suite_toy.model import ToyModel

import suite
from suite import SuiteError, train
from suite.cli.actions import export as action
from suite.cli.export import export as command
from suite.inference import onnx as export
from suite.inference.predictor import Predictor
from suite.runs import Run
from suite.testing.outside import documented, run_outside


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train("toy", max_steps=2, limit=20, output=tmp_path_factory.mktemp("export"))


@pytest.fixture
def without_writing(monkeypatch):
    """As if the packages were there and had written a model; the test says how far off it is."""
    monkeypatch.setattr(export, "_check_packages", lambda: None)
    monkeypatch.setattr(export, "_write", lambda network, inputs, outputs, path: path.write_text("a model"))

    def differing(by):
        monkeypatch.setattr(export, "_largest_difference", lambda path, inputs, outputs: by)

    return differing


def test_the_exported_model_answers_any_number_of_examples_as_the_model(run, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    assert export.export_onnx(run, tmp_path / "onnx") < 1e-5
    assert sorted(path.name for path in (tmp_path / "onnx").iterdir()) == [
        "config.json", "model.onnx", "onnx.json", "samples.safetensors",
    ]  # fmt: skip
    signature = json.loads((tmp_path / "onnx" / "onnx.json").read_text())
    assert list(signature["inputs"]) == ["input_ids"] and signature["outputs"]["logits"] == {
        "type": "float32",
        "shape": ["batch", 2],
    }
    model = Predictor(TOY.task(), str(run.path)).model
    width = signature["inputs"]["input_ids"]["shape"][1]
    codes = model.collate([{"word": letter * width} for letter in "abcdefg"])
    session = runtime.InferenceSession(str(tmp_path / "onnx" / "model.onnx"))
    (logits,) = session.run(["logits"], {"input_ids": codes["input_ids"].numpy()})
    assert np.abs(logits - model.network.cpu()(codes["input_ids"]).logits.detach().numpy()).max() < 1e-5


def test_the_documented_lines_ask_it_without_suite(run, tmp_path):
    for name in ("onnxruntime", "onnxscript"):
        pytest.importorskip(name)
    export.export_onnx(run, tmp_path / "scorer")
    page = Path(suite.__file__).parents[1] / "docs" / "interoperability.md"
    script = documented(page, "ONNX") + "print(abs(outputs['logits'] - samples['logits']).max())"
    assert float(run_outside(script, tmp_path)) < 1e-5


@pytest.mark.parametrize("difference", [2e-4, float("nan")])
def test_a_model_that_answers_otherwise_is_not_kept(run, tmp_path, without_writing, difference):
    without_writing(difference)
    with pytest.raises(SuiteError, match="nothing was kept"):
        export.export_onnx(run, tmp_path / "onnx")
    assert list((tmp_path / "onnx").iterdir()) == []


def test_samples_and_what_inputs_are_made_by_lie_beside_the_model(run, tmp_path, without_writing):
    from safetensors.numpy import load_file

    without_writing(5e-5)
    assert export.export_onnx(run, tmp_path) == 5e-5
    samples = load_file(tmp_path / "samples.safetensors")
    kept = json.loads((run.path / "golden" / "predictions.json").read_text())["predictions"]
    shares = np.exp(samples["logits"]) / np.exp(samples["logits"]).sum(1, keepdims=True)
    assert shares[:, 1] == pytest.approx([answer["vowels"] for answer in kept], abs=1e-6)
    assert (tmp_path / "config.json").read_text() == (run.model / "config.json").read_text()


def test_a_model_that_is_asked_twice_for_an_answer_is_refused(run, tmp_path, without_writing, monkeypatch):
    def infer(self, batch):
        self.network(batch["input_ids"])
        return original(self, batch)

    original = ToyModel.infer
    monkeypatch.setattr(ToyModel, "infer", infer)
    with pytest.raises(SuiteError, match="toy calls its model 2 times for an answer"):
        export.export_onnx(run, tmp_path)


def test_the_newest_finished_run_is_exported_whatever_failed_since(run, tmp_path, monkeypatch):
    finished, failed = Run.create(tmp_path, "toy", "a"), Run.create(tmp_path, "toy", "b")
    finished.set_status("finished", "toy")
    failed.set_status("failed", "toy")
    taken = []
    monkeypatch.setattr(action, "export_onnx", lambda run, folder: taken.append(run) or 0.0)
    asked = ["--onnx", str(tmp_path / "onnx"), "--output", str(tmp_path)]
    for names in ([], [failed.path.name]):
        assert CliRunner().invoke(command, [*names, *asked]).exit_code == 0
    assert taken == [finished, failed]  # what is named is taken, and told what it lacks


def test_missing_packages_are_named_with_the_way_to_have_them(run, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(SuiteError, match=r"takes onnxscript, .* pip install 'suite-core\[onnx\]'"):
        export.export_onnx(run, tmp_path)


def test_numbers_that_are_none_count_as_a_difference(monkeypatch):
    import torch

    class Session:
        def __init__(self, path, providers):
            pass

        def run(self, names, given):
            return [np.where(given["x"] > 1, np.nan, given["x"])]

    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(InferenceSession=Session))
    whole, broken = torch.tensor([[0.5], [1.0]]), torch.tensor([[2.0], [1.0]])
    assert export._largest_difference("any", {"x": whole}, {"y": whole + 0.25}) == 0.25
    assert np.isnan(export._largest_difference("any", {"x": broken}, {"y": broken}))
