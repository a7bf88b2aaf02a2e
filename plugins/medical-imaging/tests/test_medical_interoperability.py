"""A classifier's folder answers the same where there is no Suite, by the code of the documentation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import ViTConfig, ViTForImageClassification

import suite
from suite.inference.onnx import write_onnx
from suite.testing.outside import documented, run_outside
from suite_medical_imaging.config import MedicalConfig
from suite_medical_imaging.data.preprocess import View
from suite_medical_imaging.data.tasks import ImageTask
from suite_medical_imaging.model.calibrate import Calibration
from suite_medical_imaging.model.efficientnet import EfficientNetLiteConfig, EfficientNetLiteForImageClassification
from suite_medical_imaging.model.model import MedicalModel

PAGE = Path(suite.__file__).parent.parent / "docs" / "interoperability.md"
TRANSFORMERS = documented(PAGE, "Medical imaging: ViT and others of transformers")
OWN = documented(PAGE, "Medical imaging: EfficientNet-Lite")
LABELS = {"id2label": {0: "healthy", 1: "sick", 2: "worse"}, "label2id": {"healthy": 0, "sick": 1, "worse": 2}}
PRINT = "\nprint(json.dumps(probabilities.tolist()))"


def vit():
    return ViTForImageClassification(
        ViTConfig(
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            image_size=32,
            patch_size=8,
            initializer_range=0.5,
            **LABELS,
        )
    )


def efficientnet():
    model = EfficientNetLiteForImageClassification(EfficientNetLiteConfig(**LABELS))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    model.classifier.weight.data.normal_(std=0.05)  # no class so sure that rounding hides the others
    return model


SCRIPTS = {
    "vit": TRANSFORMERS,
    "efficientnet": OWN
    + TRANSFORMERS.split("model = Auto")[0]
    + "logits = efficientnet(shown('scan.png'))\n"
    + TRANSFORMERS.splitlines()[-1],
}


@pytest.mark.parametrize("fit", ["pad", "squeeze"])
@pytest.mark.parametrize(("name", "make"), [("vit", vit), ("efficientnet", efficientnet)])
def test_the_documented_lines_give_the_domains_probabilities(tmp_path, name, make, fit):
    torch.manual_seed(0)
    task = ImageTask("multi-class", ("healthy", "sick", "worse"))
    view = View(32, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), fit)
    calibration = Calibration(temperature=1.7)
    model = MedicalModel(
        network=make().eval(), config=MedicalConfig(), task=task, view=view, calibration=calibration,
        class_weights=torch.ones(3),
    )  # fmt: skip
    model.save(tmp_path / "model")
    pixels = np.random.default_rng(0).integers(0, 256, (50, 41, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "scan.png")
    with torch.no_grad():
        (ours,) = model.infer(model.collate(model.inputs(str(tmp_path / "scan.png"))))
    theirs = json.loads(run_outside(SCRIPTS[name] + PRINT, tmp_path))
    assert theirs == pytest.approx(list(ours["probabilities"].values()), abs=1e-5)
    assert np.ptp(theirs) > 0.01


@pytest.mark.parametrize(
    ("make", "constants"), [(vit, {"interpolate_pos_encoding": True}), (efficientnet, {})], ids=["vit", "efficientnet"]
)
def test_classifiers_become_onnx(tmp_path, make, constants):
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    outputs, difference = write_onnx(
        make().eval(), {"pixel_values": torch.randn(3, 3, 32, 32)}, constants, tmp_path / "classifier.onnx"
    )
    assert outputs["logits"].shape == (3, 3) and difference < 1e-4
