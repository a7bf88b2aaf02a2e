"""Any image classifier of `transformers`, and what this plugin must know of one: its head and its features."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForImageClassification, PreTrainedModel
from transformers.utils import logging

from suite import SuiteError
from suite_medical_imaging.data.preprocess import View
from suite_medical_imaging.model import efficientnet  # noqa: F401 - makes its model known to the Auto classes

_BATCH = 64  # pictures a forward pass without gradients; more is no faster on a CPU


def load_classifier(source: Path, classes: Sequence[str] | None) -> PreTrainedModel:
    """The classifier in a folder, with a new head of `classes`, or with its own for None.

    Raises `SuiteError` if the folder holds no image classifier, or lacks weights below the head.
    """
    before = logging.get_verbosity()
    logging.set_verbosity_error()  # a new head is meant; what else is missing is asked for below
    try:
        config = _config(source)
        if classes is not None:
            config.id2label = dict(enumerate(classes))
            config.label2id = {name: number for number, name in enumerate(classes)}
        model, info = AutoModelForImageClassification.from_pretrained(
            source, config=config, ignore_mismatched_sizes=classes is not None, output_loading_info=True,
            trust_remote_code=False, use_safetensors=True, local_files_only=True, dtype=torch.float32,
        )  # fmt: skip
    finally:
        logging.set_verbosity(before)
    _refuse_holes(model, {str(key) for key in info["missing_keys"]}, source)
    return model


def untrained(model: PreTrainedModel) -> PreTrainedModel:
    """A model of the same shape with random weights."""
    return AutoModelForImageClassification.from_config(model.config, trust_remote_code=False)


def head(model: Any) -> nn.Linear:
    """The layer that gives the logits: the last linear one with an output per class."""
    labels = model.config.num_labels
    layers = [m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features == labels]
    if not layers:
        raise SuiteError(f"{type(model).__name__} has no linear layer of {labels} outputs, so no probe can start it.")
    return layers[-1]


def logits(model: nn.Module, pixel_values: Tensor) -> Tensor:
    """(N, 3, S, S) to (N, classes); positions of a transformer are interpolated to the size at hand."""
    return model(pixel_values, **_extra(model)).logits


def features(model: nn.Module, pixels: Sequence[np.ndarray], view: View) -> np.ndarray:
    """(N, D) float32: what the head is given for each picture, in eval mode and without gradients."""
    held: list[Tensor] = []
    hook = head(model).register_forward_pre_hook(lambda _, given: held.append(given[0].float().cpu()))
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            for start in range(0, len(pixels), _BATCH):
                logits(model, batched(pixels[start : start + _BATCH], view).to(device))
    finally:
        hook.remove()
        model.train(was_training)
    return torch.cat(held).numpy()


def batched(pixels: Sequence[np.ndarray], view: View) -> Tensor:
    """(size, size, C) uint8 pictures as (N, 3, size, size) float32, normalised; gray is shown on all three channels."""
    held = np.stack([np.broadcast_to(image, (*image.shape[:2], 3)) for image in pixels])
    values = torch.from_numpy(held).permute(0, 3, 1, 2).float().div_(255)
    mean, std = (torch.tensor(numbers).view(1, 3, 1, 1) for numbers in (view.mean, view.std))
    return ((values - mean) / std).contiguous(memory_format=torch.channels_last)


def adapt_statistics(model: nn.Module, pixels: Sequence[np.ndarray], view: View) -> None:
    """Batch norms get the statistics of these pictures (Li et al. 2017, https://arxiv.org/abs/1603.04779).

    Training takes each batch's own, so a head fitted to features under those of photographs would meet other features
    in its first step. What this alone brings has not been measured. Models without batch norm stay as they are, and so
    does one with less than two pictures.
    """
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    if not norms or len(pixels) < 2:
        return
    momenta = [norm.momentum for norm in norms]
    dropouts = [m for m in model.modules() if isinstance(m, nn.Dropout)]
    order = np.random.default_rng(0).permutation(len(pixels))[:2000]  # statistics of more would be the same
    device = next(model.parameters()).device
    model.train()
    for module in dropouts:
        module.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over all batches
    with torch.no_grad():
        for part in np.array_split(order, max(1, len(order) // 32)):
            logits(model, batched([pixels[i] for i in part], view).to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()


def _config(source: Path) -> Any:
    if not (source / "config.json").is_file():
        raise SuiteError(f"{source} holds no config.json; give a folder with config.json and model.safetensors.")
    return AutoConfig.from_pretrained(source, trust_remote_code=False, local_files_only=True)


def _refuse_holes(model: nn.Module, missing: set[str], source: Path) -> None:
    """Only the head may be new. Weights that were left random without a word would make any result worthless."""
    layer = head(model)
    own = {name for name, parameter in model.named_parameters() if any(parameter is p for p in layer.parameters())}
    if holes := sorted(missing - own):
        raise SuiteError(f"{source} lacks {len(holes)} weights of the model, the first {holes[0]!r}; get it anew.")


def _extra(model: nn.Module) -> dict[str, bool]:
    known = inspect.signature(type(model).forward).parameters
    return {"interpolate_pos_encoding": True} if "interpolate_pos_encoding" in known else {}
