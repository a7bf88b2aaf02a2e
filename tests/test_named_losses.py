"""Losses by name: means over the same items as the loss, however these are cut, killed and shared out."""

from __future__ import annotations

import pytest
import torch
from suite_toy.fitting import Fitting, largest
from suite_toy.model import ToyModel

from suite.domain.losses import split_loss
from suite.training.callbacks import Progress
from suite.training.meters import Window


class Several(ToyModel):
    """Three losses: one is twice the other, and one is there where a word begins with a vowel."""

    def loss(self, network, batch):
        loss = super().loss(network, batch)
        assert loss.requires_grad or not network.training
        vowels = {"first": loss} if (batch["input_ids"][:, 0] == 1).any() else {}
        return {"loss": loss, "twice": 2 * loss, **vowels}


def losses(fitted):
    """The lines of the log, losses alone."""
    return [{k: v for k, v in line.items() if "loss" in k or k == "step"} for line in fitted.run.history()]


def test_named_losses_are_logged_and_change_nothing(toy_rows, tmp_path):
    plain = Fitting(toy_rows, tmp_path / "plain")
    for size in (None, 3):
        named = Fitting(toy_rows, tmp_path / str(size), model=Several, micro_batch_size=size)
        assert largest(plain.last(), named.last()) < 1e-5
        assert size or [{**line} for line in losses(plain)] == [
            {key: value for key, value in line.items() if "loss/" not in key} for line in losses(named)
        ]
        for line in losses(named):
            for start in [key.removesuffix("loss") for key in line if key.endswith("loss")]:
                assert line[f"{start}loss/twice"] == pytest.approx(2 * line[f"{start}loss"])


def test_a_resumed_run_logs_the_same_named_losses(toy_rows, tmp_path):
    """Killed in the middle of a window, whose sums are in the checkpoint."""

    class Dying(Several):
        def schedule(self, step, total):
            if step == 8:
                raise RuntimeError("died")
            return super().schedule(step, total)

    options = {"save_every": 4, "log_every": 6}
    whole = Fitting(toy_rows, tmp_path / "whole", model=Several, **options)
    with pytest.raises(RuntimeError, match="died"):
        Fitting(toy_rows, tmp_path / "parts", model=Dying, **options)
    parts = Fitting(toy_rows, tmp_path / "parts", model=Several, resume=True, **options)
    assert losses(whole) == losses(parts) and "loss/twice" in losses(whole)[1]


def test_a_window_weighs_by_items_and_only_the_batches_that_name_a_loss():
    window = Window(torch.device("cpu"))
    window.add(torch.tensor(1.0), 3, {"loss/a": torch.tensor(10.0)})
    saved = window.tensors()
    window = Window(torch.device("cpu"))
    window.load(saved)
    window.add(torch.tensor(2.0), 1, {"loss/a": torch.tensor(20.0), "loss/b": torch.tensor(5.0)})
    window.add(torch.tensor(4.0), 4)
    window.add(torch.tensor(float("nan")), 0, {"loss/c": torch.tensor(1.0)})  # a stand-in counts nothing

    class One:
        num_processes = 1

    values = window.close(One(), rate=0.1, norm=torch.tensor(1.0))
    assert {name: values[name] for name in values if "loss" in name} == {
        "loss": (3 + 2 + 16) / 8, "loss/a": (30 + 20) / 4, "loss/b": 5.0,
    }  # fmt: skip
    assert window.sums == {"loss": (0.0, 0)}


def test_what_is_only_logged_holds_no_graph_and_mistakes_are_named():
    weight = torch.nn.Parameter(torch.ones(1))
    loss, named = split_loss({"loss": (weight * 2).sum(), "part": weight * 3})
    assert loss.requires_grad and not named["loss/part"].requires_grad and named["loss/part"].shape == ()
    plain = weight.sum()
    assert split_loss(plain) == (plain, {})
    with pytest.raises(ValueError, match=r"gave \['a'\]: the one to minimise must be called 'loss'"):
        split_loss({"a": plain})
    with pytest.raises(ValueError, match=r"gave \{'logits': \(2, 3\)\}, which are no scalars"):
        split_loss({"loss": plain, "logits": torch.ones(2, 3)})


def test_the_bar_shows_the_first_few_and_the_line_of_an_evaluation_none(capsys):
    progress, shown = Progress(), []
    postfix = {"set_postfix": lambda self, given, refresh: shown.append(given), "clear": lambda self: None}
    progress.bar = type("Bar", (), postfix)()
    progress.suite_steps_logged({"loss": 1.0, **{f"loss/{name}": 2.0 for name in "abcdefgh"}, "norm": 3.0})
    progress.suite_steps_logged({"loss": 1.0, "norm": 3.0})
    assert shown == [{"loss": "1.000", "a": "2.000", "b": "2.000", "c": "2.000"}, {"loss": "1.000"}]
    progress.suite_evaluated(5, "validation", {"loss": 1.0, "loss/a": 2.0, "accuracy": 0.5}, False)
    assert "step 5: loss 1, accuracy 0.5\n" in capsys.readouterr().err
