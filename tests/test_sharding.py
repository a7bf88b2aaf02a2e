"""Sharded parameters: the steps of whole ones, to the rounding of sums, and every promise of the loop kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from accelerate.utils.launch import prepare_multi_gpu_env
from suite_toy import sharding
from suite_toy.domain import ToyConfig
from suite_toy.fitting import LAUNCHER, Fitting, largest
from suite_toy.sharding import SETTINGS
from torch.distributed.fsdp.wrap import transformer_auto_wrap_policy

from suite.accelerator import _check_sharding, make_accelerator
from suite.errors import SuiteError
from suite.runs import Run
from suite.training import checkpoint

CONFIG = Path(__file__).parent.parent / "docs" / "configs" / "fsdp2.yaml"
EXACT = ("model", "optimizer", "average")


def launch(folder, cases, status=0):
    """Runs the cases in two processes; returns what they wrote to stderr."""
    folder.mkdir(exist_ok=True)
    line = [sys.executable, *LAUNCHER, sharding.__file__, ",".join(cases), str(folder)]
    done = subprocess.run(line, env=os.environ, capture_output=True, text=True, timeout=120)
    assert (done.returncode == 0) == (status == 0), done.stderr[-4000:]
    return done.stderr


def findings(folder, case):
    """What both processes found."""
    return [json.loads((folder / f"{case}-{rank}.json").read_text()) for rank in (0, 1)]


def tensors(folder, name):
    """The newest checkpoint's shards, put together: each is a part along the first axis."""
    path = checkpoint.latest(folder / "checkpoints")
    first, second = (checkpoint.read_tensors(path, f"{name}-rank-{rank}.safetensors") for rank in (0, 1))
    assert first.keys() == second.keys()
    return {key: torch.cat([first[key], second[key]]) if first[key].ndim else first[key] for key in first}


def validations(folder):
    """Every validation of a run, losses aside, which have other roundings."""
    lines = Run(folder).history()
    return [line["validation/accuracy"] for line in lines if "validation/accuracy" in line]


def logged(line):
    """The losses of a line in the log."""
    return {name: value for name, value in line.items() if "loss" in name}


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """All cases that end well, run by one pair of processes."""
    folder = tmp_path_factory.mktemp("sharded")
    launch(folder, [*SETTINGS, "exact", "own", "poisoned"])
    return folder


@pytest.mark.parametrize("case", SETTINGS)
def test_two_sharded_processes_train_as_one_whole(together, toy_rows, tmp_path, case):
    """Same weights at the end, same best weights, same scores; the last in each process and in a plain model."""
    alone, two = Fitting(toy_rows, tmp_path, **SETTINGS[case]), together / case
    close = 1e-2 if case == "bf16" else 1e-5  # bf16 keeps 3 digits; float32 sums in another order over 14 steps
    assert largest(alone.last(), tensors(two, "model")) < close
    path = checkpoint.latest(alone.run.checkpoints)
    whole = {name: checkpoint.read_tensors(path, f"{name}.safetensors") for name in EXACT}
    if case != "bf16":  # where a moment may be many times its parameter
        assert largest(whole["optimizer"], tensors(two, "optimizer")) < close
    assert largest(whole["average"], tensors(two, "average")) < close if "ema" in SETTINGS[case] else True
    assert len(validations(two)) == 3 and validations(two) == validations(tmp_path)
    ends = [torch.load(two / f"end-{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert largest(ends[0], ends[1]) == 0
    assert largest(ends[0], alone.network.state_dict()) < close
    assert largest(ends[0], alone.start) > 0.01, "it must have trained"


def test_each_process_holds_half(together):
    """738 parameters: 27 letters are 14 and 13 rows, all else is halved. The caller's network stays whole."""
    for case in SETTINGS:
        first, second = findings(together, case)
        assert first == {"sharded": True, "whole": True, "elements": 377, "total": 738}
        assert second == {**first, "elements": 361}


@pytest.mark.parametrize("case", ["exact", "own"])
def test_a_crashed_run_resumes_with_the_same_bits(together, case):
    """Dropout, augmentation, micro-batches, averaging; each process from its own files; also with an optimizer and
    named losses of the domain's own."""
    ends = [checkpoint.latest(together / case / name / "checkpoints") for name in ("whole", "parts")]
    names = sorted(path.name for path in ends[0].glob("*.safetensors"))
    assert names == sorted(f"{n}rank-{rank}.safetensors" for n in ("", *(f"{e}-" for e in EXACT)) for rank in (0, 1))
    for name in names:
        whole, parts = (checkpoint.read_tensors(end, name) for end in ends)
        assert whole.keys() == parts.keys() and whole
        assert all(torch.equal(whole[key], parts[key]) for key in whole), name
    assert validations(together / case / "whole") == validations(together / case / "parts")
    logs = [[logged(line) for line in Run(together / case / name).history()] for name in ("whole", "parts")]
    assert logs[0] == logs[1]
    for line in logs[0] if case == "own" else ():  # each rank names one that the other does not
        for prefix in [name.removesuffix("loss") for name in line if name.endswith("loss")]:
            assert line[f"{prefix}loss/twice"] == pytest.approx(2 * line[f"{prefix}loss"])
            assert {f"{prefix}loss/rank-0", f"{prefix}loss/rank-1"} <= line.keys()


def test_a_step_that_is_not_finite_in_one_process_is_skipped_in_both(together):
    for process in findings(together, "poisoned"):
        assert "not finite at step 4" in process["refused"] and process["finite"]


def test_a_loss_that_calls_the_model_twice_is_refused(tmp_path):
    launch(tmp_path, ["twice"])
    for process in findings(tmp_path, "twice"):
        assert "calls the network more than once for one micro-batch" in process["refused"]
        assert "--set micro_batch_size=1" in process["refused"]


def test_when_one_process_lacks_memory_the_run_goes_on_by_resume_with_less(tmp_path, toy_rows):
    """Others wait inside the pass for what the one would send, so that it cannot try again alone."""
    errors = launch(tmp_path, ["small"], status=2)
    assert "Memory ran out on one process while all were adding up gradients" in errors and "--resume" in errors
    assert json.loads((tmp_path / "small" / "memory.json").read_text())["micro_batch_size"] == 2
    launch(tmp_path, ["small"])
    alone = Fitting(toy_rows, tmp_path / "one", **sharding.SMALL)
    assert largest(alone.last(), tensors(tmp_path / "small", "model")) < 1e-5


def test_whole_and_sharded_checkpoints_are_not_mixed_up(together, toy_rows, tmp_path):
    sharded = checkpoint.latest(together / "plain" / "checkpoints")
    (tmp_path / "checkpoints").mkdir()
    copy = tmp_path / "checkpoints" / sharded.name
    copy.symlink_to(sharded)
    with pytest.raises(SuiteError, match="was made by 2 processes and this is 1"):
        Fitting(toy_rows, tmp_path, resume=True)


def test_a_checkpoint_says_whether_it_is_sharded(toy_rows, tmp_path):
    Fitting(toy_rows, tmp_path, max_steps=2, evaluate_every=2)
    state = checkpoint.latest(tmp_path / "checkpoints") / "state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"sharded": True}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "verify", lambda path: True)
        with pytest.raises(SuiteError, match="has sharded parameters and this training whole ones; start it as"):
            Fitting(toy_rows, tmp_path, resume=True)


@pytest.fixture
def launched(monkeypatch):
    """What `accelerate launch` would put into the environment, by its own parser; extra words change the config."""

    def environment(*words):
        arguments = launch_command_parser().parse_args(["--config_file", str(CONFIG), *words, "script.py"])
        arguments, _, _ = _validate_launch_command(arguments)
        for name, value in prepare_multi_gpu_env(arguments).items():
            if name.startswith(("FSDP_", "ACCELERATE_")) and name != "ACCELERATE_USE_CPU":
                monkeypatch.setenv(name, value)
        return arguments

    return environment


def test_accelerate_takes_every_key_of_the_config_file(launched):
    written = yaml.safe_load(CONFIG.read_text())
    assert load_config_from_file(str(CONFIG)).fsdp_config == written["fsdp_config"]
    arguments = launched()
    assert arguments.use_fsdp and arguments.num_processes == 4
    assert {key: str(getattr(arguments, key)) for key in written["fsdp_config"]} == {
        key: str(value) for key, value in written["fsdp_config"].items()
    }
    plugin = FullyShardedDataParallelPlugin()
    assert (plugin.fsdp_version, plugin.reshard_after_forward, plugin.cpu_ram_efficient_loading) == (2, True, False)
    assert plugin.auto_wrap_policy is transformer_auto_wrap_policy and plugin.activation_checkpointing is False


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, ""),
        (
            {"FSDP_VERSION": "1", "FSDP_RESHARD_AFTER_FORWARD": "FULL_SHARD", "FSDP_SYNC_MODULE_STATES": "false"},
            "give the config file fsdp_version: 2",
        ),
        ({"FSDP_CPU_RAM_EFFICIENT_LOADING": "true"}, "fsdp_cpu_ram_efficient_loading is not supported"),
        ({"FSDP_ACTIVATION_CHECKPOINTING": "true"}, "--set gradient_checkpointing=true"),
        ({"FSDP_IGNORED_MODULES": "head"}, "fsdp_ignored_modules is not supported"),
    ],
)
def test_what_sharding_cannot_do_is_refused_by_name(launched, monkeypatch, variables, said):
    launched()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    plugin = FullyShardedDataParallelPlugin()
    fake = SimpleNamespace(distributed_type=DistributedType.FSDP, state=SimpleNamespace(fsdp_plugin=plugin))
    if not said:
        return _check_sharding(fake)
    with pytest.raises(SuiteError, match=said):
        _check_sharding(fake)


def test_sharding_without_gpus_and_deepspeed_are_refused(monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(SuiteError, match="need several processes with a GPU each; without them use --processes"):
        make_accelerator(ToyConfig())
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(SuiteError, match="its checkpoints are pickles, which run what they hold when loaded"):
        make_accelerator(ToyConfig())
