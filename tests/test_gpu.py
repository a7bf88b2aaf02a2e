"""What only a GPU can show; skipped where there is none."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from suite_toy.fitting import Fitting, largest
from suite_toy.model import ToyModel

from suite.plugins.hookspecs import hookimpl

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")


class Strict:
    """From one step to another, waiting for the device is an error."""

    @hookimpl
    def suite_step_taken(self, step):
        if step in (3, 12):
            torch.cuda.set_sync_debug_mode("error" if step == 3 else "default")


@gpu
@pytest.mark.parametrize("settings", [{}, {"micro_batch_size": 3, "ema": 0.9}])
def test_hot_steps_never_wait_for_the_device(toy_rows, tmp_path, settings):
    try:
        Fitting(toy_rows, tmp_path, callbacks=[Strict()], log_every=100, evaluate_every=100, epochs=3, **settings)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@gpu
def test_auto_is_bf16_and_weights_stay_in_full_precision(toy_rows, tmp_path):
    fitted = Fitting(toy_rows, tmp_path, precision="auto", epochs=6)
    assert all(value.dtype == torch.float32 for value in fitted.network.state_dict().values())
    losses = [line["validation/loss"] for line in fitted.run.history() if "validation/loss" in line]
    assert losses[-1] < losses[0] * 0.7


class Greedy(ToyModel):
    """Takes a tenth of the card for each example of a training batch: ten do not fit."""

    def loss(self, network, batch):
        if network.training:
            total = torch.cuda.get_device_properties(0).total_memory
            _ = torch.empty(len(batch["labels"]) * total // 10, dtype=torch.uint8, device="cuda")
        return super().loss(network, batch)


@gpu
def test_a_real_lack_of_memory_is_found_by_the_probe(toy_rows, tmp_path):
    whole = Fitting(toy_rows, tmp_path / "whole", batch_size=16)
    cut = Fitting(toy_rows, tmp_path / "cut", batch_size=16, model=Greedy)
    assert largest(whole.last(), cut.last()) < 1e-5
    assert json.loads((cut.run.path / "memory.json").read_text()) == {
        "micro_batch_size": 8, "step": 0, "device": "cuda"
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(not (torch.cuda.is_available() or shutil.which("g++")), reason="torch.compile needs a compiler")
def test_compiled_and_plain_losses_agree(toy_rows, tmp_path):
    runs = [Fitting(toy_rows, tmp_path / str(on), compile=on, log_every=1, precision="fp32") for on in (False, True)]
    plain, compiled = ([line["loss"] for line in f.run.history() if "loss" in line] for f in runs)
    assert compiled == pytest.approx(plain, rel=1e-4)
