"""What a denoiser learns: targets and weights against closed forms."""

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    EDMDPMSolverMultistepScheduler,
    EDMEulerScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
)

from suite import SuiteError
from suite_image_generation.model import schedulers
from suite_image_generation.model.objective import Objective, draw

LATENTS, NOISE = torch.full((1, 1, 1, 1), 3.0), torch.full((1, 1, 1, 1), 5.0)


def of(kind, gamma=5.0, **config):
    return Objective.of(DDIMScheduler(prediction_type=kind, beta_schedule="scaled_linear", **config), gamma)


def test_noisy_and_targets_follow_the_papers():
    time = torch.tensor([500])
    alpha = DDPMScheduler(beta_schedule="scaled_linear").alphas_cumprod[500].item()
    signal, disturbance = alpha**0.5, (1 - alpha) ** 0.5
    noisy = of("epsilon").noisy(LATENTS, NOISE, time).item()
    assert noisy == pytest.approx(3 * signal + 5 * disturbance, rel=1e-6)
    assert of("epsilon").target(LATENTS, NOISE, time).item() == 5
    assert of("sample").target(LATENTS, NOISE, time).item() == 3
    v = of("v_prediction").target(LATENTS, NOISE, time).item()
    assert v == pytest.approx(5 * signal - 3 * disturbance, rel=1e-6)


def test_it_agrees_with_diffusers_on_random_latents():
    scheduler = DDPMScheduler(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction")
    ours = Objective.of(scheduler, 5)
    generator = torch.Generator().manual_seed(0)
    latents, noise = torch.randn(2, 4, 4, 3, 3, generator=generator)
    times = torch.tensor([0, 10, 500, 999])
    torch.testing.assert_close(ours.noisy(latents, noise, times), scheduler.add_noise(latents, noise, times))
    torch.testing.assert_close(ours.target(latents, noise, times), scheduler.get_velocity(latents, noise, times))


@pytest.mark.parametrize(("alpha", "ratio"), [(0.9, 9.0), (0.5, 1.0)])
def test_min_snr_weights(alpha, ratio):
    kept, time = min(ratio, 5.0), torch.tensor([0])
    for kind, expected in (
        ("epsilon", kept / ratio),
        ("v_prediction", min(ratio + 1, 5.0) / (ratio + 1)),
        ("sample", kept),
    ):
        objective = Objective(kind, 1, torch.tensor([alpha], dtype=torch.float64), gamma=5.0)
        assert objective.weights(time).item() == pytest.approx(expected)
        assert Objective(kind, 1, objective.alphas, gamma=0).weights(time).item() == 1


def test_what_is_below_gamma_is_weighed_as_without_it():
    alpha, time = torch.tensor([0.3], dtype=torch.float64), torch.tensor([0])  # a ratio of .43
    for kind in ("epsilon", "v_prediction"):
        assert Objective(kind, 1, alpha, gamma=5.0).weights(time).item() == pytest.approx(1)


def test_zero_terminal_snr_gives_finite_numbers():
    time = torch.tensor([999])
    for kind, expected in (("epsilon", 1.0), ("v_prediction", 1.0), ("sample", 0.0)):
        objective = of(kind, rescale_betas_zero_snr=True)
        assert objective.alphas[999].item() == pytest.approx(0, abs=1e-12)
        assert objective.weights(time).item() == pytest.approx(expected, abs=1e-6)
        assert objective.noisy(LATENTS, NOISE, time).item() == pytest.approx(5)


def test_flow_times_targets_and_shift():
    flow = Objective.of(FlowMatchEulerDiscreteScheduler(shift=3.0), 5)
    assert (flow.kind, flow.shift, flow.steps) == ("flow", 3.0, 1000)
    times = flow.times(torch.tensor([0.5, 0.8413447]))  # the normal's 0 and 1
    share = torch.sigmoid(torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(times, 3 * share / (1 + 2 * share), rtol=1e-5, atol=0)
    assert times[0].item() == pytest.approx(0.75)
    quarter = torch.tensor([0.25])
    assert flow.noisy(LATENTS, NOISE, quarter).item() == pytest.approx(0.75 * 3 + 0.25 * 5)
    assert flow.target(LATENTS, NOISE, quarter).item() == 2
    assert flow.weights(quarter).item() == 1


def test_a_flow_is_told_what_time_it_is_in_the_schedulers_steps():
    seen = {}

    def model(hidden_states, timestep, **_):
        seen["time"] = timestep
        return (hidden_states,)

    flow = Objective.of(FlowMatchEulerDiscreteScheduler(), 0)
    conditions = {"encoder_hidden_states": torch.zeros(1, 2, 3), "pooled_projections": torch.zeros(1, 3)}
    uniform = torch.tensor([[0.5]])
    batch = {"latents": LATENTS, "noise": NOISE[:, None], "uniform": uniform, "conditions": conditions}
    losses = flow.losses(model, batch)
    assert seen["time"].tolist() == [500.0]
    assert losses.tolist() == [4.0]  # it answers the middle, 4; 5 - 3 = 2 is right


def test_steps_are_spread_over_the_whole_range():
    assert of("epsilon").times(torch.tensor([0.0, 0.4999, 0.9999, 1.0])).tolist() == [0, 499, 999, 999]


def test_losses_are_the_mean_over_draws_with_their_weights():
    objective = Objective("sample", 2, torch.tensor([0.9, 0.5], dtype=torch.float64), gamma=5.0)
    conditions = {"encoder_hidden_states": torch.arange(2.0).reshape(2, 1, 1)}

    def model(noisy, times, encoder_hidden_states, **_):
        return (encoder_hidden_states[:, :, :, None].expand_as(noisy),)  # answers 0 for the first, 1 for the second

    batch = {
        "latents": torch.full((2, 1, 1, 1), 3.0),
        "noise": torch.zeros(2, 2, 1, 1, 1),
        "uniform": torch.tensor([[0.1, 0.6], [0.1, 0.6]]),
        "conditions": conditions,
    }
    # squared errors 9 and 4; weights min(9, 5) and min(1, 5)
    assert objective.losses(model, batch).tolist() == pytest.approx([9 * 3, 4 * 3])


def test_any_sampler_of_the_family_gives_the_same_objective():
    first, other = DDIMScheduler(), EulerDiscreteScheduler()
    torch.testing.assert_close(Objective.of(first, 5).alphas, Objective.of(other, 5).alphas)


def test_an_unknown_prediction_is_refused():
    with pytest.raises(SuiteError, match="prediction_type is 'score'; known are epsilon, v_prediction, sample"):
        Objective.of(DDIMScheduler(prediction_type="score"), 5)


@pytest.mark.parametrize("kind", [EDMEulerScheduler, EDMDPMSolverMultistepScheduler])
def test_edm_is_refused_by_training_and_sampling(kind):
    for asked in (
        lambda: Objective.of(kind(), 5),
        lambda: schedulers.made(kind()),
        lambda: schedulers.made(kind(), "ddim"),
    ):
        with pytest.raises(SuiteError, match=f"{kind.__name__} scales pictures and noise as EDM does"):
            asked()


def test_draws_are_of_the_seed_alone_and_one_in_each_part():
    noise, uniform = draw((4, 8, 8), 8, 7)
    again, times = draw((4, 8, 8), 8, 7)
    assert torch.equal(noise, again) and torch.equal(uniform, times)
    assert not torch.equal(noise, draw((4, 8, 8), 8, 8)[0])
    assert (uniform * 8).long().tolist() == list(range(8))
    assert noise.shape == (8, 4, 8, 8)
