"""The contract every domain keeps, as tests: subclass `DomainContract` in a plugin's own test file.

    class TestContract(DomainContract):
        domain = "weather"
        settings = {"limit": 8, "max_steps": 3}

Each failure says what was promised and what was seen.
"""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from suite.domain import Domain
from suite.errors import SuiteError
from suite.plugins import load_plugins

HEAVY = ("torch", "transformers", "datasets", "gradio", "accelerate", "peft", "diffusers")


class DomainContract:
    """What a domain promises, checked on its starter. Set `domain`, and `settings` that make a run take seconds."""

    domain: ClassVar[str]
    settings: ClassVar[dict[str, Any]] = {}
    bad_input: ClassVar[str] = "no-such-file.bin"
    """An argument `predict` must refuse with one sentence."""

    def make(self, **settings: Any) -> Domain:
        """The domain with the contract's settings and `settings` on top."""
        cls = load_plugins().domain(self.domain)
        return cls(cls.Config.build({**self.settings, **settings}))

    @pytest.fixture(scope="class")
    def trained(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A finished run of the starter, made once for the class by the command line users use."""
        return self.train(tmp_path_factory.mktemp("contract"))

    def train(self, folder: Path) -> Path:
        """Trains below `folder` in a process of its own and returns the run's folder."""
        done = self.command("train", *self.flags(folder), "--output", str(folder))
        assert done.returncode == 0, f"promised: train exits with 0; seen {done.returncode}:\n{done.stderr[-3000:]}"
        return newest(folder)

    def flags(self, folder: Path) -> list[str]:
        """The settings as a config file's flags."""
        path = folder / "contract.json"  # JSON is YAML
        path.write_text(json.dumps(self.settings))
        return ["--config", str(path)]

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs `suite DOMAIN …` and keeps what it prints."""
        line = [sys.executable, "-m", "suite", self.domain, *arguments]
        return subprocess.run(line, capture_output=True, text=True, env=os.environ | environment, check=False)

    # ---- what is said without work -------------------------------------------------------------------------------

    def test_domain_imports_nothing_heavy(self) -> None:
        """Listing, help and options must not wait for torch."""
        target = load_plugins().domains[self.domain].entry.target.partition(":")[0]
        script = f"import sys, {target}; print([m for m in {HEAVY!r} if m in sys.modules])"
        seen = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
        assert seen == "[]", f"promised: importing {target} imports nothing heavy; seen {seen}"

    def test_domain_says_what_people_read(self) -> None:
        """Title, limits, licences and a sentence for every option."""
        domain = self.make()
        assert domain.title and domain.limits.strip(), "promised: a title and limits; seen an empty one"
        mute = [name for name, field in type(domain).Config.model_fields.items() if not field.description]
        assert not mute, f"promised: a sentence for every option; none for {mute}"
        names = {asset.name for asset in domain.starter.assets}
        wanted = {domain.starter.model, domain.starter.data, domain.starter.answering}
        assert wanted <= names, f"promised: an asset for each starter; none for {wanted - names}"
        assert all(asset.licence and asset.url for asset in domain.starter.assets), "promised: licence and source"

    # ---- data ----------------------------------------------------------------------------------------------------

    def test_starter_data_passes_its_own_check(self) -> None:
        """No row of the starter is rejected beyond the share a run tolerates, and the splits share nothing."""
        from suite.data.load import load_splits

        _, splits = load_splits(self.make())
        assert set(splits) == {"train", "validation", "test"}, f"promised: three splits; seen {set(splits)}"
        assert all(len(rows) for rows in splits.values()), "promised: no empty split"

    # ---- the model -----------------------------------------------------------------------------------------------

    def test_loss_is_a_mean_over_count(self, loaded: Loaded) -> None:
        """One batch of n equals its halves weighted by `count`: accumulation and many processes rest on it."""
        import torch

        domain, model, examples = loaded
        found = [examples[i] for i in range(min(4, len(examples)))]
        parts = [domain.collate(found), domain.collate(found[:1]), domain.collate(found[1:])]
        with torch.no_grad():
            losses = [float(domain.loss(model, part)) for part in parts]
        counts = [domain.count(part) for part in parts]
        mean = (losses[1] * counts[1] + losses[2] * counts[2]) / (counts[1] + counts[2])
        assert abs(losses[0] - mean) < 1e-3 * max(1, abs(mean)), (
            f"promised: loss is the mean over count(batch); whole {losses[0]}, from parts {mean} with {counts}"
        )

    def test_predictions_are_json_and_scored(self, loaded: Loaded) -> None:
        """`infer` answers each example, in values JSON holds; `score` and `metrics` take any subset."""
        from suite.evaluation.scoring import score_examples
        from suite.training.accelerator import make_accelerator

        domain, model, examples = loaded
        few = [examples[i] for i in range(min(3, len(examples)))]
        scored = score_examples(domain, model, few, make_accelerator(domain.config), "contract")
        assert len(scored.predictions) == len(few), "promised: one prediction per example"
        json.dumps(scored.predictions)
        metrics = domain.metrics({key: values[[0, 0]] for key, values in scored.scores.items()})
        assert domain.metric in metrics, f"promised: metrics() holds {domain.metric!r}; seen {sorted(metrics)}"

    @pytest.fixture(scope="class")
    def loaded(self) -> Loaded:
        """The domain, its starter model in eval mode and a few validation examples."""
        from suite.assets import resolve_model
        from suite.data.load import load_splits

        domain = self.make()
        _, splits = load_splits(domain)
        source = resolve_model(domain.starter.model, domain.starter.assets)
        model = domain.load_model(source, splits["train"]).eval()
        domain.before_evaluate(model)
        return domain, model, domain.prepare(splits["validation"], model, training=False)

    # ---- runs ----------------------------------------------------------------------------------------------------

    def test_run_is_complete(self, trained: Path) -> None:
        """A finished run holds what the docs promise, without a pickle anywhere."""
        wanted = ("config.yaml", "environment.json", "metrics.jsonl", "status.json", "log.txt", "golden", "model")
        missing = [name for name in (*wanted, "evaluation.json", "README.md") if not (trained / name).exists()]
        assert not missing, f"promised: {missing} in the run; seen {sorted(p.name for p in trained.iterdir())}"
        pickles = [str(p) for ending in ("*.pt", "*.bin", "*.pkl", "*.pth") for p in trained.rglob(ending)]
        assert not pickles, f"promised: no pickle; seen {pickles}"
        evaluation = json.loads((trained / "evaluation.json").read_text())
        systems = set(evaluation["test"]["systems"])
        assert {"fine-tuned", "before fine-tuning"} <= systems, f"promised: both in the table; seen {systems}"

    def test_saved_model_answers_as_before(self, trained: Path) -> None:
        """Golden samples hold after a load, and a model that answers otherwise is refused."""
        from suite.predictor import Predictor

        predictor = Predictor(self.make(), str(trained))
        assert predictor.model is not None
        path = trained / "golden" / "predictions.json"
        kept = path.read_text()
        try:
            path.write_text(json.dumps(_altered(json.loads(kept))))
            with pytest.raises(SuiteError, match="does not give the answers stored with it"):
                _ = Predictor(self.make(), str(trained)).model
        finally:
            path.write_text(kept)

    def test_resume_is_exact(self, trained: Path, tmp_path: Path) -> None:
        """Killed at some step and resumed, with loader processes too, a run ends with the bits of one left alone."""
        step = random.randint(1, _steps(trained) - 1)
        self.train_through(tmp_path, [step], *self.flags(tmp_path), "--set", "workers=2")
        _assert_same(trained, newest(tmp_path), f"killed at step {step}")

    @pytest.mark.slow
    @pytest.mark.parametrize("workers", [0, 2])
    @pytest.mark.parametrize("pieces", [1, 2])
    def test_five_kills_equal_none(self, tmp_path: Path, workers: int, pieces: int) -> None:
        """With accumulation, averaged weights and early stopping: killed at five steps, the same bits."""
        size = math.ceil(self.make().config.batch_size / pieces)
        extra = {"workers": workers, "micro_batch_size": size, "ema": 0.9, "patience": 4, "save_every": 2}
        settings = [part for key, value in extra.items() for part in ("--set", f"{key}={value}")]
        for name in ("whole", "killed"):
            (tmp_path / name).mkdir()
        self.train_through(tmp_path / "whole", [], *self.flags(tmp_path), *settings)
        last = _steps(newest(tmp_path / "whole"))
        steps = sorted(random.sample(range(1, last), min(5, last - 1)))
        self.train_through(tmp_path / "killed", steps, *self.flags(tmp_path), *settings)
        _assert_same(newest(tmp_path / "whole"), newest(tmp_path / "killed"), f"killed at steps {steps}")

    def train_through(self, folder: Path, kills: Sequence[int], *flags: str) -> None:
        """Trains below `folder`, killed at each of the steps and resumed."""
        path = os.pathsep.join([str(fault_plugin(folder / "fault")), os.environ.get("PYTHONPATH", "")])
        command = ["train", *flags, "--output", str(folder), "--set", "callbacks=[kill]"]
        for step in (*kills, -1):
            done = self.command(*command, PYTHONPATH=path, KILL_AT_STEP=str(step))
            wanted = 0 if step == -1 else -signal.SIGKILL
            assert done.returncode == wanted, f"promised: exit status {wanted}; seen {done.stderr[-3000:]}"
            command = ["train", "--resume", "--output", str(folder)]

    def answered_input(self, folder: Path) -> str:
        """An argument `predict` must answer, such as a file made in `folder`; "" skips that promise."""
        return ""

    def test_a_fresh_process_answers(self, trained: Path, tmp_path: Path) -> None:
        """`predict` of the command line answers an input that nothing was loaded before."""
        argument = self.answered_input(tmp_path)
        if not argument:
            pytest.skip("answered_input gives none")
        done = self.command("predict", argument, "--model", str(trained), "--output", str(tmp_path / "answers.json"))
        assert done.returncode == 0, f"promised: exit status 0; seen {done.returncode}: {done.stderr[-2000:]}"
        assert json.loads((tmp_path / "answers.json").read_text()), "promised: an answer; seen none"

    # ---- mistakes ------------------------------------------------------------------------------------------------

    def test_bad_input_is_one_sentence(self, trained: Path) -> None:
        """`predict` refuses what it cannot read, with status 2 and without a traceback."""
        done = self.command("predict", self.bad_input, "--model", str(trained))
        assert done.returncode == 2, f"promised: exit status 2; seen {done.returncode}: {done.stderr[-500:]}"
        assert "Traceback" not in done.stderr and "Error: " in done.stderr, f"promised: a sentence; seen {done.stderr}"

    def test_misspelt_option_names_the_nearest(self) -> None:
        """`--set epoch=1` is an error that names `epochs`."""
        done = self.command("train", "--set", "epoch=1")
        assert done.returncode == 2 and "'epochs'" in done.stderr, f"promised: names 'epochs'; seen {done.stderr}"


Loaded = tuple[Domain, Any, Any]
"""What the fixture `loaded` gives: domain, model, validation examples."""


KILL = """
import os, signal
from suite import Callback, Entry, hookimpl

@hookimpl
def suite_callbacks():
    return [Entry("kill", "Kills the process at a step.", "suite_fault:Kill")]

class Kill(Callback):
    def on_step(self, step):
        if step == int(os.environ.get("KILL_AT_STEP", "-1")):
            os.kill(os.getpid(), signal.SIGKILL)
"""


def fault_plugin(folder: Path) -> Path:
    """Writes an installed plugin whose callback `kill` ends the process at the step `KILL_AT_STEP`."""
    return distribution(folder, "suite_fault", KILL)


def distribution(folder: Path, module: str, source: str, *, entry_point: str = "") -> Path:
    """Writes a module and the metadata of an installed distribution: on `PYTHONPATH` it is found like any plugin."""
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[suite]\n{entry_point or module.removeprefix('suite_')} = {module}\n")
    return folder


def newest(folder: Path) -> Path:
    """The newest run below a folder."""
    return max((path.parent for path in folder.glob("*/*/status.json")), key=lambda path: path.name)


def _altered(value: Any) -> Any:
    """The same JSON with every string and number changed."""
    if isinstance(value, dict):
        return {key: value[key] if key == "device" else _altered(value[key]) for key in value}
    if isinstance(value, list):
        return [_altered(item) for item in value]
    return f"{value}?" if isinstance(value, str) else value + 1 if isinstance(value, int | float) else value


def _digests(checkpoints: Path) -> dict[str, Any]:
    """Name and sha256 of every tensor file of the newest checkpoint."""
    last = max(checkpoints.glob("step-*"))
    files = json.loads((last / "MANIFEST.json").read_text())["files"]
    return {f"{last.name}/{name}": sha for name, (_, sha) in files.items() if name.endswith(".safetensors")}


def _steps(run: Path) -> int:
    """How many steps a run took."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return max(json.loads(line)["step"] for line in lines)


def _assert_same(whole: Path, other: Path, how: str) -> None:
    """Weights, optimizer, average, random states and every logged number but times are the same."""
    ours, theirs = (_digests(path / "checkpoints") for path in (whole, other))
    different = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    assert not different, f"promised: the resumed run has the same bits; {how}, different: {different}"
    timed = ("time", "seconds", "examples_per_second")
    logs = [
        [
            {key: value for key, value in json.loads(line).items() if key not in timed}
            for line in (path / "metrics.jsonl").read_text().splitlines()
        ]
        for path in (whole, other)
    ]
    assert logs[0] == logs[1], f"promised: the resumed run logs the same numbers; {how}"
