"""Sampling schedulers by the names people know, for pipelines that predict noise or velocity and for flow pipelines."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suite import SuiteError, read_json

NOISE: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "dpm++": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-a": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
}
"""Class in diffusers and settings that differ from the pipeline's own, where the model predicts noise or v."""
_FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
FLOW: dict[str, tuple[str, dict[str, Any]]] = {
    "flow-dpm++": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", **_FLOW}),
    "flow-euler": ("FlowMatchEulerDiscreteScheduler", {}),
    "flow-heun": ("FlowMatchHeunDiscreteScheduler", {}),
    "flow-unipc": ("UniPCMultistepScheduler", _FLOW),
}
"""The same for rectified-flow models."""


def check(scheduler: Any) -> None:
    """Raises `SuiteError` for the family of EDM, which scales what the model is shown and answers by its own rules."""
    if "sigma_data" in scheduler.config:
        raise SuiteError(
            f"{type(scheduler).__name__} scales pictures and noise as EDM does, which is not known here; take a model "
            "that predicts noise, velocity or a flow."
        )


def names(scheduler: Any) -> list[str]:
    """The schedulers that a pipeline with this one can be sampled with."""
    return sorted(FLOW if is_flow(scheduler) else NOISE)


def names_of(folder: Path) -> list[str]:
    """The same for the pipeline in a folder, which is not loaded; all there are where its files do not tell."""
    try:
        settings = read_json(folder / "scheduler" / "scheduler_config.json")
    except SuiteError:
        return sorted(NOISE | FLOW)
    return sorted(FLOW if _flows(str(settings.get("_class_name")), settings) else NOISE)


def is_flow(scheduler: Any) -> bool:
    """Whether the model behind it predicts a flow from noise to picture instead of noise or v."""
    return _flows(type(scheduler).__name__, scheduler.config)


def _flows(kind: str, config: Mapping[str, Any]) -> bool:
    return kind.startswith("FlowMatch") or config.get("prediction_type") == _FLOW["prediction_type"]


def made(scheduler: Any, name: str = "") -> Any:
    """A new scheduler like the given one, of the named kind or else its own, with the model's training settings.

    Raises `SuiteError` for a name that is unknown or does not suit what the model predicts, and for EDM.
    """
    import diffusers  # torch comes with it: a page lists samplers without

    check(scheduler)
    if not name:
        return copy.deepcopy(scheduler)  # from_config would undo what a pipeline mended in an old config
    table = FLOW if is_flow(scheduler) else NOISE
    if name not in table:
        kind = "a flow" if is_flow(scheduler) else "noise or v"
        raise SuiteError(
            f"No scheduler {name!r} for a model that predicts {kind}; there are {', '.join(sorted(table))}."
        )
    kind, settings = table[name]
    return getattr(diffusers, kind).from_config(scheduler.config, **settings)
