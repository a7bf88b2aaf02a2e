"""TabICL under the common loop: a tiny one with random weights keeps every promise, and its episodes their order."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from fraud_toys import written

from suite import SuiteError
from suite.testing import DomainContract
from suite_fraud.model import loading

pytest.importorskip("tabicl")
from suite_fraud.model import tabicl

TINY = {
    "max_classes": 2, "embed_dim": 16, "col_num_blocks": 1, "col_nhead": 2, "col_num_inds": 4, "row_num_blocks": 1,
    "row_nhead": 2, "row_num_cls": 2, "icl_num_blocks": 1, "icl_nhead": 2, "zero_init": False,
}  # fmt: skip
HEAD = "icl_predictor.decoder.0.weight"


def weights() -> torch.nn.Module:
    torch.manual_seed(0)
    return tabicl.InContextNetwork(tabicl.InContextConfig(tabicl=TINY)).tabicl


def converted(folder, name: str = "model"):
    torch.save({"config": TINY, "state_dict": weights().state_dict()}, folder / "tiny.ckpt")
    tabicl.convert(folder / "tiny.ckpt", folder / name)
    return folder / name


class Promises(DomainContract):
    domain = "fraud"
    settings = {
        "max_steps": 3,
        "evaluate_every": 1,
        "batch_size": 64,
        "micro_batch_size": 2048,
        "validation_share": 0.3,
        "train_days": 20,
        "systems": ["logistic regression"],
    }


@pytest.mark.slow
def test_a_run_keeps_the_promises_of_every_run(tmp_path, monkeypatch):
    made = {"data": str(written(tmp_path)), "model": str(converted(tmp_path))}
    monkeypatch.setattr(Promises, "settings", Promises.settings | made)
    run = Promises().train(tmp_path)
    assert "suite-fraud-tabicl" in (run / "model" / "config.json").read_text()
    assert not torch.equal(loading.load_network(run / "model").tabicl.state_dict()[HEAD], weights().state_dict()[HEAD])
    Promises().test_run_is_complete(run)
    Promises().test_saved_model_answers_as_before(run)
    (tmp_path / "again").mkdir()
    Promises().test_resume_is_exact(run, tmp_path / "again")


def fitted(folder, *, delay: int = 2):
    generator = np.random.default_rng(0)
    values = generator.normal(size=(200, 3)).astype(np.float32)
    starter = loading.load_network(converted(folder)).adapted(
        features=["a", "b"], extras=["c"], texts=["t"], windows=[1.0]
    )
    label = (generator.random(200) < 0.2).astype(np.int8)
    return starter.fit(values[:, :2], values[:, 2:], label, np.arange(200) // 20, delay=delay)


def test_saved_and_loaded_answers_alike(tmp_path):
    model = fitted(tmp_path).eval()
    model.config.calibration["slope"] = 2.0
    model.save_pretrained(tmp_path / "run")
    again = loading.load_network(tmp_path / "run").eval()
    inputs = torch.randn(5, 2), torch.tensor([[0.0], [math.nan], [1.0], [2.0], [3.0]])
    answers = model(*inputs).logits
    assert torch.isfinite(answers).all() and answers.std() > 0
    assert torch.equal(again(*inputs).logits, answers)
    assert again.config.calibration["slope"] == 2.0
    assert {path.suffix for path in (tmp_path / "run").iterdir()} == {".json", ".safetensors"}


def test_the_converted_weights_are_the_checkpoints(tmp_path):
    loaded = loading.load_network(converted(tmp_path)).tabicl.state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in weights().state_dict().items())


def test_an_answer_does_not_depend_on_the_rows_beside_it(tmp_path):
    model = fitted(tmp_path).eval()
    rows = torch.randn(6, 2), torch.randn(6, 1)
    alone = torch.cat([model(rows[0][[n]], rows[1][[n]]).logits for n in range(6)])
    torch.testing.assert_close(model(*rows).logits, alone, atol=1e-4, rtol=1e-4)


def test_training_learns_only_from_what_was_known_by_then(tmp_path, monkeypatch):
    model = fitted(tmp_path).train()
    seen = []
    whole = model._logits
    monkeypatch.setattr(model, "_logits", lambda *given: seen.append(given[0]) or whole(*given))
    monkeypatch.setattr(torch, "randint", lambda low, high, size: torch.tensor(6))
    rows, days = (torch.randn(4, 2), torch.randn(4, 1)), torch.tensor([0, 5, 6, 9])
    output = model(*rows, labels=torch.tensor([1.0, 1, 0, 1]), days=days)
    assert len(seen[0]) == int((model.days < 4).sum())  # day 6 less the two days until a label is known
    expected = torch.nn.functional.binary_cross_entropy_with_logits(output.logits[2:].detach(), torch.tensor([0.0, 1]))
    assert float(output.loss.detach()) == pytest.approx(
        float(expected) / 2
    )  # the rows of days 0 and 5 are not asked about
    output.loss.backward()
    assert sum(float(weight.grad.abs().sum()) for weight in model.parameters() if weight.grad is not None) > 0


def test_a_context_keeps_all_frauds_and_says_what_it_left_out():
    label = np.zeros(1_000, np.int8)
    label[[3, 500, 999]] = 1
    label[10] = -1
    rows, shift = tabicl.sampled(label, most=100)
    assert len(rows) == 100 and {3, 500, 999} <= set(rows.tolist()) and 10 not in rows
    assert shift == pytest.approx(math.log(97 / 996))
    rows, shift = tabicl.sampled(1 - np.abs(label), most=100)
    assert shift == pytest.approx(-math.log(50 / 996)) and 998 in rows  # the latest half a context of frauds


def test_the_shift_moves_the_answers_by_itself(tmp_path):
    model = fitted(tmp_path).eval()
    rows = torch.randn(3, 2), torch.randn(3, 1)
    before = model(*rows).logits
    model.shift += 1.5
    torch.testing.assert_close(model(*rows).logits, before + 1.5)


def test_training_rows_within_the_delay_are_refused(tmp_path):
    with pytest.raises(SuiteError, match="span 10 days; give it more: --set train_days=36"):
        fitted(tmp_path, delay=9)


def test_what_is_no_checkpoint_is_refused(tmp_path):
    torch.save({"weights": 1}, tmp_path / "other.ckpt")
    done = CliRunner().invoke(tabicl.main, [str(tmp_path / "other.ckpt"), str(tmp_path / "out")])
    assert done.exit_code == 1 and "is no checkpoint of TabICL" in done.output
    torch.save({"config": TINY | {"max_classes": 0}, "state_dict": {}}, tmp_path / "regressor.ckpt")
    with pytest.raises(SuiteError, match="regressor"):
        tabicl.convert(tmp_path / "regressor.ckpt", tmp_path / "out")
    assert not (tmp_path / "out").exists()
