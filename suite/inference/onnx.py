"""`suite export`: a run's model as ONNX, for programs without torch; compared with torch before it is called done.

What is exported is the one call of the network that `infer` makes for a batch, seen while it answers the run's golden
samples. So no domain says anything about ONNX, and a model that is asked many times for one answer, such as one that
writes word by word, is refused.
"""

from __future__ import annotations

import inspect
import json
import logging
import shutil
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from safetensors.torch import save_file

from suite.console import say
from suite.domain.description import Task
from suite.domain.parts import Model
from suite.errors import SuiteError
from suite.inference.predictor import Predictor, read_config
from suite.plugins.loader import load_plugins
from suite.runs import Run

TOLERANCE = 1e-4
"""Largest difference of a float32 output. Sums in another order differ by some 1e-6, a wrong operator by far more."""
INLINE = 1_900_000_000
"""Bytes of weights beyond which they become a second file: a protobuf, which ONNX is, holds no more than 2 GiB."""


def export_onnx(run: Run, folder: Path) -> float:
    """Writes `folder` and returns the largest difference of any output from torch's, over the golden samples.

    Beside `model.onnx`, whose first axes are free, lie `onnx.json` (names, types and shapes of inputs and outputs),
    `samples.safetensors` (the samples' inputs and outputs, to compare with elsewhere) and the JSON files of the run's
    model, which say how inputs are made and outputs are read. Raises `SuiteError` where the packages are missing, the
    model is no plain network, or its outputs differ by more than `TOLERANCE`; then no model is left.
    """
    _check_packages()
    domain = load_plugins().domain(run.domain)
    model = Predictor(Task(domain, read_config(run, domain)), str(run.path)).model
    network = model.network.cpu().float()
    inputs, constants = _call_arguments(model, run)
    folder.mkdir(parents=True, exist_ok=True)
    outputs, difference = write_onnx(network, inputs, constants, folder / "model.onnx")
    for kept in run.model.glob("*.json"):
        shutil.copy(kept, folder)
    save_file({name: value.contiguous() for name, value in (inputs | outputs).items()}, folder / "samples.safetensors")
    description = {
        "domain": domain.name,
        "run": run.path.name,
        "inputs": _described(inputs),
        "outputs": _described(outputs),
        "largest_difference": difference,
    }
    (folder / "onnx.json").write_text(json.dumps(description, indent=2) + "\n")
    return difference


def write_onnx(
    network: torch.nn.Module, inputs: dict[str, torch.Tensor], constants: Mapping[str, Any], path: Path
) -> tuple[dict[str, torch.Tensor], float]:
    """Writes `network(**inputs, **constants)` to `path`; returns outputs by name, and the largest difference of one.

    The first axis of every input is the batch. Raises `SuiteError` above `TOLERANCE`; then no file is left.
    """
    function = TensorFunction(network, constants).eval()
    with torch.no_grad():
        outputs = function(inputs)
        _write(function, inputs, list(outputs), path)
    difference = _largest_difference(path, inputs, outputs)
    if not difference <= TOLERANCE:
        path.unlink()
        raise SuiteError(
            f"The exported model's outputs differ from the model's by {difference:.1e}, more than {TOLERANCE:.0e}; "
            "nothing was kept. Report it with the versions that 'suite doctor' shows."
        )
    return outputs, difference


def _check_packages() -> None:
    missing = [name for name in ("onnx", "onnxruntime", "onnxscript") if find_spec(name) is None]
    if missing:
        raise SuiteError(f"ONNX takes {', '.join(missing)}, which is not installed: pip install 'suite-core[onnx]'.")


def _call_arguments(model: Model, run: Run) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The arguments `infer` calls the network with for the golden samples: tensors by name, and everything else."""
    examples = model.prepare(Dataset.from_parquet(str(run.path / "golden" / "rows.parquet")), "test")
    calls: list[dict[str, Any]] = []

    def note(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        calls.append(dict(inspect.signature(module.forward).bind(*args, **kwargs).arguments))

    hook = model.network.register_forward_pre_hook(note, with_kwargs=True)
    try:
        with torch.no_grad():
            model.infer(model.collate([examples[index] for index in range(len(examples))]))
    finally:
        hook.remove()
    if len(calls) != 1:
        raise SuiteError(
            f"{run.domain} calls its model {len(calls)} times for an answer; only a network that answers in one call "
            "becomes ONNX. The folder model/ of the run loads without Suite all the same."
        )
    # A tensor without a number is a kind of input this model does not have.
    inputs = {name: value for name, value in calls[0].items() if isinstance(value, torch.Tensor) and value.numel()}
    return inputs, {name: value for name, value in calls[0].items() if name not in inputs}


class TensorFunction(torch.nn.Module):
    """A network as a function of its tensors, by name, giving its output tensors by name."""

    def __init__(self, network: torch.nn.Module, constants: Mapping[str, Any]) -> None:
        super().__init__()
        self.network, self.constants = network, constants

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Calls the network with `inputs` and the constants."""
        output = self.network(**inputs, **self.constants)
        named = {"output": output} if isinstance(output, torch.Tensor) else dict(output)
        return {name: value for name, value in named.items() if isinstance(value, torch.Tensor)}


def _write(function: torch.nn.Module, inputs: dict[str, torch.Tensor], outputs: list[str], path: Path) -> None:
    """Exports through `torch.export`; the first axis of every input is the batch, of any size."""
    size = sum(value.numel() * value.element_size() for value in function.state_dict().values())
    batch = torch.export.Dim("batch")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it tells of every package it would like to see
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of axes that share a name, which is what is meant
        torch.onnx.export(
            function, (), str(path), kwargs={"inputs": inputs}, input_names=list(inputs), output_names=outputs,
            dynamo=True, dynamic_shapes={"inputs": {name: {0: batch} for name in inputs}},
            external_data=size > INLINE, verbose=False,
        )  # fmt: skip
    say(f"{path}: {path.stat().st_size / 1e6:.1f} MB.")


def _largest_difference(path: Path, inputs: dict[str, torch.Tensor], outputs: dict[str, torch.Tensor]) -> float:
    """Over all samples together, and each alone, which shows that the size of the batch is free."""
    import onnxruntime  # of the extra suite-core[onnx]

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    count = len(next(iter(inputs.values())))
    differences: list[float] = []
    for part in (slice(None), *(slice(n, n + 1) for n in range(count))):
        arrays = session.run(list(outputs), {name: value[part].numpy() for name, value in inputs.items()})
        for tensor, array in zip(outputs.values(), arrays, strict=True):
            differences.append(float(np.abs(tensor[part].numpy() - array).max()))
    return float(np.max(differences))  # NaN if any is NaN, which `max` would pass over


def _described(tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    return {
        name: {"type": str(value.dtype).removeprefix("torch."), "shape": ["batch", *value.shape[1:]]}
        for name, value in tensors.items()
    }
