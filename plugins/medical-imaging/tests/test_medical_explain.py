"""Heat maps, features and heads of every family, on tiny random models; a model whose reason is known."""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
from datasets import Dataset
from PIL import Image
from torch import nn

from suite import SuiteError, TrainingData
from suite_medical_imaging.data.preprocess import View
from suite_medical_imaging.domain import MEDICAL_IMAGING
from suite_medical_imaging.model import models
from suite_medical_imaging.model.explain import heat_map

SMALL = {"image_size": 64, "num_labels": 3}
TOKENS = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 8, **SMALL}
SHIFTED = {"patch_size": 4, "embed_dim": 16, "depths": [1, 1, 1], "num_heads": [2, 2, 2], "window_size": 4, **SMALL}
STAGES = {"hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 1], **SMALL}
FAMILIES = {
    "ViT": {**TOKENS, "intermediate_size": 64},
    "Dinov2": TOKENS,
    "Swin": SHIFTED,
    "Swinv2": SHIFTED,
    "ConvNext": STAGES,
    "ResNet": {**STAGES, "embedding_size": 8, "layer_type": "basic"},
}
VIEW = View(64, (0.5,) * 3, (0.5,) * 3)


def tiny(family: str) -> transformers.PreTrainedModel:
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**FAMILIES[family])
    return getattr(transformers, f"{family}ForImageClassification")(config).eval()


def pictures(count: int, size: int = 64) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (size, size, 1), dtype=np.uint8) for _ in range(count)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_gets_a_new_head_and_nothing_else(family, tmp_path):
    tiny(family).save_pretrained(tmp_path)
    model = models.load_classifier(tmp_path, ["a", "b", "c", "d", "e"])
    assert model.config.id2label[4] == "e" and models.head(model).out_features == 5
    body = {name: value for name, value in tiny(family).state_dict().items() if "classifier" not in name}
    again = model.state_dict()
    assert body and all(torch.equal(again[name], value) for name, value in body.items())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [64, 96])
def test_the_head_gets_the_features(family, size):
    model, view = tiny(family), View(size, (0.5,) * 3, (0.5,) * 3)
    features = models.features(model, pictures(3, size), view)
    with torch.no_grad():
        expected = models.logits(model, models.batched(pictures(3, size), view))
        again = models.head(model)(torch.from_numpy(features))
    assert torch.allclose(expected, again, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [64, 96])
def test_a_map_covers_the_picture(family, size):
    model = tiny(family)
    pixels = models.batched(pictures(1, size), View(size, (0.5,) * 3, (0.5,) * 3))
    maps = [heat_map(model, pixels, target) for target in range(3)]
    assert all(heat.shape == (size, size) for heat in maps)
    assert all(heat.min() >= 0 and heat.max() in (0, 1) for heat in maps)
    assert sum(heat.max() == 1 for heat in maps) >= 2 and not torch.equal(maps[0], maps[1])
    assert all(parameter.grad is None for parameter in model.parameters())


class Bright(nn.Module):
    """Says class 1 for what is bright, class 0 for what is dark: the reason is known."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(num_labels=2)
        self.pool = nn.AvgPool2d(4)
        self.classifier = nn.Linear(1, 2, bias=False)
        with torch.no_grad():
            self.classifier.weight.copy_(torch.tensor([[-1.0], [1.0]]))

    def forward(self, pixel_values):
        cells = self.pool(pixel_values.mean(1, keepdim=True)).relu()
        return SimpleNamespace(logits=self.classifier(cells.mean((2, 3))))


def test_the_peak_is_at_the_reason():
    pixels = torch.zeros(1, 3, 64, 64)
    pixels[..., 20:24, 40:44] = 1
    heat = heat_map(Bright(), pixels, 1)
    row, column = divmod(int(heat.argmax()), 64)
    assert 20 <= row < 24 and 40 <= column < 44
    assert heat[40:].max() == 0
    assert heat_map(Bright(), pixels, 0).max() == 0  # nothing speaks for dark


@pytest.mark.parametrize("family", ["ViT", "Dinov2", "Swin"])
@pytest.mark.parametrize(("top", "left"), [(40, 16), (16, 40)])
def test_the_peak_is_at_the_only_patch_that_matters(family, top, left):
    """The head is set to the direction in which one bright patch moves the features, so that nothing else speaks."""
    model, black = tiny(family), np.zeros((64, 64, 1), np.uint8)
    lit = black.copy()
    lit[top : top + 8, left : left + 8] = 255
    features = torch.from_numpy(models.features(model, [black, lit], VIEW))
    towards, layer = features[1] - features[0], models.head(model)
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.zero_()
        layer.weight[1] = towards / towards.norm()
        layer.bias[1] = -(layer.weight[1] @ features.mean(0))
    seen = heat_map(model, models.batched([lit], VIEW), 1, many=True)
    row, column = divmod(int(seen.argmax()), 64)
    assert top <= row < top + 8 and left <= column < left + 8


def test_batch_statistics_become_those_of_the_pictures():
    model = tiny("ResNet")
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    norm.running_mean += 5  # as of other pictures, many of them
    norm.num_batches_tracked += 100
    momentum = norm.momentum
    seen = []
    hook = norm.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    models.adapt_statistics(model, pictures(8), VIEW)
    hook.remove()
    assert torch.allclose(norm.running_mean, seen[0].mean((0, 2, 3)), atol=1e-5)
    assert norm.momentum == momentum and not model.training


def test_what_is_no_classifier_is_refused(tmp_path):
    with pytest.raises(SuiteError, match=r"holds no config\.json"):
        models.load_classifier(tmp_path, ["a", "b"])
    config = transformers.BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=16)
    transformers.BertModel(config).save_pretrained(tmp_path)
    png = io.BytesIO()
    Image.new("L", (64, 64), 128).save(png, "PNG")
    rows = Dataset.from_list([{"image": {"bytes": png.getvalue(), "path": None}, "label": name} for name in "ab" * 4])
    with pytest.raises(SuiteError, match=r"The model in .* cannot be read \(Unrecognized configuration class .*Bert"):
        MEDICAL_IMAGING.task().load(tmp_path, TrainingData(rows))


def test_missing_weights_are_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    tiny("ViT").save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    gone = next(name for name in tensors if "layer.1" in name or "layers.1" in name)
    save_file({k: v for k, v in tensors.items() if k != gone}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(SuiteError, match="lacks 1 weights of the model"):
        models.load_classifier(tmp_path, ["a", "b"])
