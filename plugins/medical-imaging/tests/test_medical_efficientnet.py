"""EfficientNet-Lite0: the released tensors fit, and photographs are what ImageNet calls them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch.nn import functional as F

from suite.assets.resolve import fetch
from suite_medical_imaging.model.efficientnet import (
    EfficientNetLiteConfig,
    EfficientNetLiteForImageClassification,
    SameConv,
    from_released,
)
from suite_medical_imaging.model.models import load_classifier
from suite_medical_imaging.starter.assets import MODEL


@pytest.fixture(scope="module")
def released():
    return load_classifier(fetch(MODEL), None).eval()


def test_all_tensors_have_a_place():
    ours = EfficientNetLiteForImageClassification(EfficientNetLiteConfig(num_labels=1000)).state_dict()
    assert len(ours) == 296
    theirs = {f"tensor.{number}": value for number, value in enumerate(ours.values())}
    renamed = from_released(theirs)
    assert list(renamed) == list(ours)
    theirs["tensor.7"] = torch.zeros(3)
    with pytest.raises(ValueError, match=r"tensor\.7 has the shape \(3,\)"):
        from_released(theirs)
    del ours["classifier.bias"]
    with pytest.raises(ValueError, match="longer|shorter"):
        from_released(ours)


@pytest.mark.parametrize(("photograph", "classes"), [(0, {442, 449, 483, 663}), (1, {985})])
def test_photographs_are_recognised(released, photograph, classes):
    """The temple is a bell cote, boathouse, castle or monastery to ImageNet, the flower a daisy."""
    image = Image.fromarray(load_sample_images().images[photograph]).resize((224, 224), Image.Resampling.BICUBIC)
    pixels = torch.tensor(np.asarray(image)).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        top = released(pixel_values=(pixels - 0.5) / 0.5).logits[0].topk(1).indices
    assert set(top.tolist()) <= classes


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("size", [7, 8])
def test_the_odd_pixel_of_same_padding_is_at_the_end(kernel, size):
    convolution = SameConv(1, 1, kernel, stride=2, bias=False)
    pixels = torch.randn(1, 1, size, size)
    missing = (-(-size // 2) - 1) * 2 + kernel - size
    before, after = missing // 2, missing - missing // 2
    expected = F.conv2d(F.pad(pixels, (before, after, before, after)), convolution.weight, stride=2)
    assert torch.allclose(convolution(pixels), expected) and expected.shape[-1] == -(-size // 2)


def test_a_saved_model_is_found_by_its_type(tmp_path):
    model = EfficientNetLiteForImageClassification(EfficientNetLiteConfig(num_labels=3)).eval()
    model.save_pretrained(tmp_path)
    again = load_classifier(tmp_path, None).eval()
    pixels = torch.randn(2, 3, 64, 64)
    assert type(again) is type(model) and torch.equal(again(pixels).logits, model(pixels).logits)
