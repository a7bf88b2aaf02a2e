"""What only this domain knows: its cloud, its two losses, its optimizer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from suite import Scored, SuiteError

from suite_points.data import drawn
from suite_points.domain import POINTS
from suite_points.model import PointModel
from suite_points.network import Network, NetworkConfig
from suite_points.starter import ring


@pytest.fixture
def model():
    """Untrained networks."""
    torch.manual_seed(0)
    return PointModel(Network(NetworkConfig(means=[1.0, 2.0], scales=[3.0, 4.0], width=8)), POINTS.Config())


@pytest.fixture
def batch(model):
    """Four points."""
    return model.collate([example | {"point": (1.0, 2.0)} for example in drawn(4, seed=1)])


def gradients(network):
    """Which side has a gradient."""
    sides = {"generator": network.generator, "discriminator": network.discriminator}
    return {name for name, side in sides.items() if any(p.grad is not None for p in side.parameters())}


@pytest.mark.parametrize("side", ["generator", "discriminator"])
def test_each_loss_teaches_its_own_side_alone(model, batch, side):
    model.loss(model.network, batch)[side].backward()
    assert gradients(model.network) == {side}


def test_the_loss_is_both_and_each_side_has_its_rate(model, batch):
    losses = model.loss(model.network, batch)
    assert losses["loss"] == losses["generator"] + losses["discriminator"]
    optimizer = model.optimizer(model.network)
    assert [group["lr"] for group in optimizer.param_groups] == [1e-3, 1e-3 * model.config.pace]
    assert sum(p.numel() for group in optimizer.param_groups for p in group["params"]) == model.network.num_parameters()


def test_points_come_in_the_scale_of_the_data_and_are_the_same_each_time(model):
    with torch.no_grad():
        first, second = (model.infer(model.collate(model.inputs("3"))) for _ in range(2))
    assert first == second and len(first) == 3
    raw = model.network.generator(torch.tensor(drawn(1, 42)[0]["noise"], dtype=torch.float32)).tolist()
    assert [first[0]["x"], first[0]["y"]] == pytest.approx([raw[0] * 3 + 1, raw[1] * 4 + 2], rel=1e-5)


def metrics(made, real):
    """The figures of two clouds."""
    scores = POINTS.task().scores(None)
    stacked = {"made": np.asarray(made, float), "real": np.asarray(real, float)}
    return scores, scores.joint(Scored([], [], stacked))


def test_the_figures_of_two_points_each():
    scores, joint = metrics([[0, 0], [3, 4]], [[0, 0], [0, 4]])
    # Nearest: 0 and 3 from made, 0 and 3 from real. Pairs across: (made 0, real 1) 4, (made 1, real 0) 5; within 5, 4.
    assert scores.metrics(joint) == {"gap": (0 + 3) / 2 + (0 + 3) / 2, "energy": 4 + 5 - 5 - 4}


def test_energy_is_near_0_for_two_draws_of_a_ring_and_copies_in_a_resample_do_not_look_like_closeness():
    generator = np.random.default_rng(0)
    scores, joint = metrics(ring(generator, 400), ring(generator, 400))
    assert abs(scores.metrics(joint)["energy"]) < 0.03
    resampled = [generator.integers(0, 400, 400) for _ in range(50)]
    energies = [scores.metrics({key: values[rows] for key, values in joint.items()})["energy"] for rows in resampled]
    assert abs(np.mean(energies) - scores.metrics(joint)["energy"]) < 0.01
    apart, far = metrics(ring(generator, 400) + 1, ring(generator, 400))
    assert apart.metrics(far)["energy"] > 0.3


@pytest.mark.parametrize("argument", ["", "0", "-3", "2.5", "many", "100000"])
def test_what_is_no_number_of_points_is_refused(model, argument):
    with pytest.raises(SuiteError):
        model.inputs(argument)
