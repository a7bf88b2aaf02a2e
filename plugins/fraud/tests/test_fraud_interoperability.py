"""The network of a model folder answers the same where there is no Suite, by the code of the documentation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import suite
from suite.inference.onnx import write_onnx
from suite.testing.outside import documented, run_outside
from suite_fraud.domain import FRAUD
from suite_fraud.model import residual as network
from suite_fraud.serving.model import FraudModel

PAGE = Path(suite.__file__).parent.parent / "docs" / "interoperability.md"
ASK = """
from safetensors.torch import load_file as read
print(json.dumps(probability(**read("batch.safetensors")).tolist()))
"""


@pytest.mark.parametrize(("extras", "texts"), [([], []), (["x"], ["shop"])], ids=["features alone", "own columns"])
def test_the_documented_lines_give_the_networks_probabilities(tmp_path, extras, texts):
    torch.manual_seed(0)
    config = network.NetworkConfig(
        features=["a", "b"], extras=extras, texts=texts, hidden_size=8, layers=3,
        calibration={**network.UNCALIBRATED, "slope": 1.5, "intercept": -0.3},
    )  # fmt: skip
    model = network.FraudNetwork(config).eval()
    draw = np.random.default_rng(0)
    model.fit(draw.normal(size=(200, 2)), draw.normal(size=(200, len(extras))), None, None, delay=0)
    for layer in filter(None, (model.extra, model.text)):  # they begin silent
        layer.weight.data.normal_(std=0.1)
    features = torch.tensor([[0.3, -1.0], [float("nan"), 9.0], [-5.0, 0.0]])
    batch = {"features": features}
    batch |= {"extras": torch.tensor([[0.1], [2.0], [float("nan")]])} if extras else {}
    batch |= {"texts": torch.nn.functional.normalize(torch.randn(3, network.TEXT_SIZE), dim=1)} if texts else {}
    fraud = FraudModel(model, FRAUD.task().config, config.calibration)
    fraud.save(tmp_path / "model")
    save_file(batch, tmp_path / "batch.safetensors")
    with torch.no_grad():
        ours = fraud.infer({"extras": None, "texts": None, "asked": False, **batch})
    theirs = json.loads(run_outside(documented(PAGE, "Fraud detection") + ASK, tmp_path))
    assert theirs == pytest.approx([answer["probability"] for answer in ours], abs=1e-6)
    assert len({round(value, 3) for value in theirs}) == 3


def test_the_network_becomes_onnx_missing_values_included(tmp_path):
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    model = network.FraudNetwork(network.NetworkConfig(features=["a", "b"], hidden_size=8, layers=3)).eval()
    features = torch.tensor([[0.3, -1.0], [float("nan"), 9.0], [-5.0, 0.0]])
    outputs, difference = write_onnx(
        model, {"features": features}, {"extras": None, "texts": None}, tmp_path / "f.onnx"
    )
    assert list(outputs) == ["logits"] and difference < 1e-5
