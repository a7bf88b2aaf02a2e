"""The network: what its encodings say, and that a portfolio's own columns leave the pretrained function as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import suite_fraud
from suite import SuiteError
from suite_fraud.data import features
from suite_fraud.model import loading
from suite_fraud.model import residual as network
from suite_fraud.model.base import NetworkConfig
from suite_fraud.model.explain import contributions, inputs
from suite_fraud.model.residual import QUANTILES, FraudNetwork, PiecewiseLinear

STARTER = Path(suite_fraud.__file__).parent / "starter"
PIECES = len(QUANTILES) - 1


def encoded(values: list[float], asked: list[float]) -> torch.Tensor:
    encoder = PiecewiseLinear(1)
    encoder.fit(np.array(values, np.float32)[:, None])
    return encoder(torch.tensor(asked)[:, None])


def test_pieces_fill_up_between_quantiles():
    low, middle, high = encoded(list(range(101)), [0.0, 50.0, 1000.0])
    assert low[:PIECES].sum() == 0
    assert middle[:PIECES].tolist() == [1.0] * QUANTILES.index(0.5) + [0.0] * (PIECES - QUANTILES.index(0.5))
    assert high[:PIECES].tolist() == [1.0] * PIECES
    assert high[PIECES] > middle[PIECES] + 3  # how far beyond the last edge is told by the number beside the pieces


def test_pieces_of_no_width_tell_whether_a_value_is_above():
    at, above = encoded([0.0] * 90 + [1.0] * 10, [0.0, 0.5])
    assert at[:PIECES].sum() == 0
    assert above[: QUANTILES.index(0.85)].tolist() == [1.0] * QUANTILES.index(0.85)


def test_missing_is_said_and_nothing_else():
    (missing,) = encoded([1.0, 2.0, 3.0], [float("nan")])
    assert missing.tolist() == [0.0] * (PIECES + 1) + [1.0]
    assert torch.isfinite(encoded([float("nan")] * 3, [0.0, float("nan")])).all()


def test_inputs_are_relative_to_the_portfolio():
    values = np.random.default_rng(0).lognormal(3, 1, (5_000, 1)).astype(np.float32)
    first, other = PiecewiseLinear(1), PiecewiseLinear(1)
    first.fit(values)
    other.fit(values * 128)  # another currency
    assert torch.allclose(first(torch.from_numpy(values)), other(torch.from_numpy(values * 128)), atol=1e-3)


def small(**changes) -> FraudNetwork:
    torch.manual_seed(0)
    model = FraudNetwork(NetworkConfig(**({"features": ["a", "b"], "hidden_size": 16, "layers": 2} | changes))).eval()
    model.encoder.fit(np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32))
    return model


def test_own_columns_begin_silent_and_learn():
    starter = small()
    mine = network.adapted(starter, features=["b", "a"], extras=["x"], texts=["t"], windows=[1.0]).eval()
    x = torch.randn(8, 2)
    own, text = torch.randn(8, 1), torch.randn(8, network.TEXT_SIZE)
    assert torch.allclose(mine(x[:, [1, 0]], own, text).logits, starter(x).logits, atol=1e-6)
    mine(x[:, [1, 0]], own, text, labels=torch.ones(8)).loss.backward()
    assert mine.extra.weight.grad.abs().sum() > 0 and mine.text.weight.grad.abs().sum() > 0


def test_texts_are_read_on_the_scale_of_numbers():
    model, seen = small(texts=["t"]), []
    model.text.register_forward_pre_hook(lambda layer, given: seen.append(given[0]))
    vectors = torch.nn.functional.normalize(torch.randn(8, network.TEXT_SIZE), dim=1)
    model(torch.randn(8, 2), None, vectors)
    assert seen[0].square().mean().item() == pytest.approx(1.0)


def test_a_feature_the_starter_does_not_know_begins_silent():
    starter = small()
    mine = network.adapted(starter, features=["a", "new", "b"], extras=[], texts=[], windows=[1.0]).eval()
    x = torch.randn(8, 3)
    assert torch.allclose(mine(x).logits, starter(x[:, [0, 2]]).logits, atol=1e-6)


def test_saved_and_loaded_answers_alike(tmp_path):
    model = small(extras=["x"], texts=["t"])
    model.extra.weight.data.normal_()
    model.config.calibration["slope"] = 2.0
    model.save_pretrained(tmp_path)
    again = loading.load_network(tmp_path).eval()
    inputs = (torch.randn(4, 2), torch.randn(4, 1), torch.randn(4, network.TEXT_SIZE))
    assert torch.equal(again(*inputs).logits, model(*inputs).logits)
    assert again.config.calibration["slope"] == 2.0
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_a_run_trained_on_again_keeps_its_own_columns():
    run = small(extras=["x"])
    run.extra.weight.data.normal_()
    again = network.adapted(run, features=["a", "b"], extras=["x"], texts=[], windows=[1.0])
    assert torch.equal(again.extra.weight, run.extra.weight)
    assert again.config.calibration == network.UNCALIBRATED


def test_the_starter_knows_the_features_and_is_small():
    starter = loading.load_network(STARTER)
    assert starter.config.features == list(features.NAMES)
    assert (STARTER / "model.safetensors").stat().st_size < 2_000_000


def test_a_folder_without_a_fraud_network_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(SuiteError, match=r"config\.json cannot be read"):
        loading.load_network(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert", "hidden_size": 4}')
    with pytest.raises(SuiteError, match="holds no fraud network"):
        loading.load_network(tmp_path)


def test_reasons_tell_of_the_portfolios_own_numbers_too():
    generator = np.random.default_rng(0)
    torch.manual_seed(0)
    model = FraudNetwork(NetworkConfig(features=["amount"], extras=["points"])).eval()
    values = generator.normal(size=(50, 2)).astype(np.float32)
    model.encoder.fit(values[:, :1])
    model.extra_encoder.fit(values[:, 1:])
    torch.nn.init.normal_(model.extra.weight)
    part = {"features": torch.from_numpy(values[:4, :1]), "extras": torch.from_numpy(values[:4, 1:])}
    batch = part | {"texts": torch.zeros(4, 0)}
    names, shown = inputs(model, batch)
    assert names == ["amount", "points"] and np.array_equal(shown, values[:4])
    with torch.no_grad():
        without = model(part["features"], torch.full((4, 1), torch.nan), batch["texts"]).logits
        expected = (model(**batch).logits - without).numpy()
    assert contributions(model, batch)[:, 1] == pytest.approx(expected, abs=1e-6)
    assert np.abs(expected).min() > 1e-3


def test_contributions_are_captums_ablation_of_one_feature_at_a_time():
    """Its baseline is ours: the median behind a feature, and "missing" behind a portfolio's own number."""
    from captum.attr import FeatureAblation

    from suite_fraud.model.explain import contributions

    model = small(extras=["points", "age"])
    generator = np.random.default_rng(0)
    model.extra_encoder.fit(generator.normal(size=(50, 2)).astype(np.float32))
    torch.nn.init.normal_(model.extra.weight)  # it begins silent
    features, extras = (torch.from_numpy(generator.normal(size=(20, 2)).astype(np.float32)) for _ in range(2))
    batch = {"features": features, "extras": extras, "texts": torch.zeros(20, 0)}
    missing = 1e9  # captum mixes by products, in which a NaN would spread; the model is shown one in its place

    def logits(numbers, other):
        return model(numbers, torch.where(other == missing, torch.nan, other), batch["texts"]).logits

    baselines = (model.medians[None].expand(20, -1), torch.full((20, 2), missing))
    with torch.no_grad():
        theirs = FeatureAblation(logits).attribute((features, extras), baselines)
    # Differences of float32 log-odds of size 1, made by the same subtraction.
    np.testing.assert_allclose(contributions(model, batch), torch.cat(theirs, 1).numpy(), atol=1e-6)
    assert all(part.abs().max() > 1e-3 for part in theirs)
