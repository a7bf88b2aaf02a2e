"""What a denoiser learns, read off its scheduler: noise, velocity, the picture itself, or a flow.

DDPM (https://arxiv.org/abs/2006.11239), v-prediction (https://arxiv.org/abs/2202.00512), rectified flow with
logit-normal times and a shift (https://arxiv.org/abs/2403.03206), min-SNR weights (https://arxiv.org/abs/2303.09556).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDPMScheduler

from suite import SuiteError
from suite_image_generation.model import schedulers

DISCRETE = ("epsilon", "v_prediction", "sample")
FLOW = "flow"


@dataclass(frozen=True)
class Objective:
    """The loss of one pipeline.

    `alphas` (T,), float64, are the cumulative products of the noise schedule; a flow has none and a `shift` instead.
    """

    kind: str
    steps: int
    alphas: torch.Tensor | None = None
    shift: float = 1.0
    gamma: float = 0.0

    @classmethod
    def of(cls, scheduler: Any, gamma: float) -> Objective:
        """Reads the scheduler's config. Raises `SuiteError` for a prediction type that is not known, and EDM."""
        schedulers.check(scheduler)
        config = scheduler.config
        steps = int(config.get("num_train_timesteps", 1000))
        kind = config.get("prediction_type", "epsilon")
        if type(scheduler).__name__.startswith("FlowMatch") or kind == "flow_prediction":
            return cls(FLOW, steps, shift=float(config.get("shift") or config.get("flow_shift") or 1.0))
        if kind not in DISCRETE:
            raise SuiteError(f"The scheduler's prediction_type is {kind!r}; known are {', '.join(DISCRETE)} and flows.")
        alphas = DDPMScheduler.from_config(config).alphas_cumprod.double()
        return cls(kind, steps, alphas, gamma=gamma)

    def times(self, uniform: torch.Tensor) -> torch.Tensor:
        """Times from numbers in (0, 1): whole steps 0 to T - 1, or for a flow the share of noise in (0, 1)."""
        if self.kind != FLOW:
            return (uniform * self.steps).long().clamp(max=self.steps - 1)
        share = torch.sigmoid(torch.special.ndtri(uniform.double().clamp(1e-6, 1 - 1e-6)))
        return (self.shift * share / (1 + (self.shift - 1) * share)).float()

    def noisy(self, latents: torch.Tensor, noise: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """What the denoiser is shown."""
        signal, disturbance = self._scales(times, latents)
        return signal * latents + disturbance * noise

    def target(self, latents: torch.Tensor, noise: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """What it must answer."""
        if self.kind == "epsilon":
            return noise
        if self.kind == "sample":
            return latents
        if self.kind == FLOW:
            return noise - latents
        signal, disturbance = self._scales(times, latents)
        return signal * noise - disturbance * latents

    def weights(self, times: torch.Tensor) -> torch.Tensor:
        """(n,) float32: min-SNR where gamma is given, else 1; always 1 for a flow, whose times are weighed already.

        The weight of the loss in the picture is clipped at gamma; an error in the noise is SNR times, in the velocity
        SNR + 1 times what it is in the picture. The paper clips SNR for a velocity too, which never trains the step
        without any signal where sampling begins (https://arxiv.org/abs/2305.08891); SNR + 1 leaves it its weight of 1.
        """
        if self.kind == FLOW or not self.gamma:
            return torch.ones(len(times), device=times.device)
        assert self.alphas is not None
        alpha = self.alphas.to(times.device)[times]
        ratio = alpha / (1 - alpha)
        if self.kind == "v_prediction":
            return ((ratio + 1).clamp(max=self.gamma) / (ratio + 1)).float()
        kept = ratio.clamp(max=self.gamma)
        return (torch.where(ratio > 0, kept / ratio, 1.0) if self.kind == "epsilon" else kept).float()

    def losses(self, network: Any, batch: Mapping[str, Any]) -> torch.Tensor:
        """(n,) float32: each example's weighted squared error, the mean over its draws.

        `latents` (n, c, h, w), `noise` (n, k, c, h, w), `uniform` (n, k), `conditions` of n rows each.
        """
        count, draws = batch["uniform"].shape
        noise, times = batch["noise"].flatten(0, 1), self.times(batch["uniform"].flatten())
        latents = batch["latents"].repeat_interleave(draws, 0)
        conditions = {name: values.repeat_interleave(draws, 0) for name, values in batch["conditions"].items()}
        shown = times if self.kind != FLOW else times * self.steps
        answer = denoise(network, self.noisy(latents, noise, times), shown, conditions)
        wrong = (answer.float() - self.target(latents, noise, times)) ** 2
        return (self.weights(times) * wrong.flatten(1).mean(1)).reshape(count, draws).mean(1)

    def measured(self, network: Any, batch: Mapping[str, Any]) -> torch.Tensor:
        """`losses` one draw after the other, without gradients: in the memory that one draw needs."""
        draws = range(batch["uniform"].shape[1])
        parts = [{name: batch[name][:, k : k + 1] for name in ("noise", "uniform")} for k in draws]
        with torch.no_grad():
            return torch.stack([self.losses(network, {**batch, **part}) for part in parts]).mean(0)

    def _scales(self, times: torch.Tensor, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Factors of picture and noise, shaped to multiply `like`."""
        if self.kind == FLOW:
            signal, disturbance = 1 - times, times
        else:
            assert self.alphas is not None
            alpha = self.alphas.to(times.device)[times]
            signal, disturbance = alpha.sqrt(), (1 - alpha).sqrt()
        shape = (-1, *[1] * (like.ndim - 1))
        return signal.to(like.dtype).reshape(shape), disturbance.to(like.dtype).reshape(shape)


def draw(shape: tuple[int, ...], draws: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise (draws, *shape) and as many numbers in (0, 1), one in each of as many equal parts, all from the seed.

    Made on the CPU: the same on every device and however many processes there are.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn((draws, *shape), generator=generator)
    return noise, (torch.arange(draws) + torch.rand(draws, generator=generator)) / draws


def denoise(
    network: Any, noisy: torch.Tensor, times: torch.Tensor, conditions: Mapping[str, torch.Tensor]
) -> torch.Tensor:
    """One pass of a UNet or a transformer, told apart by what it is conditioned on."""
    states = conditions["encoder_hidden_states"]
    if "pooled_projections" in conditions:
        pooled = conditions["pooled_projections"]
        answer = network(
            hidden_states=noisy, timestep=times, encoder_hidden_states=states, pooled_projections=pooled,
            return_dict=False,
        )  # fmt: skip
        return answer[0]
    more = {name: conditions[name] for name in ("text_embeds", "time_ids") if name in conditions}
    return network(noisy, times, encoder_hidden_states=states, added_cond_kwargs=more or None, return_dict=False)[0]
