"""What a fine-tuned model must beat: its own frozen features, what sees too little to know, a start from scratch."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from accelerate import PartialState

from suite import Prediction, Splits, TrainConfig, bar, resolve_model
from suite_medical_imaging.evaluation import audit
from suite_medical_imaging.model import losses, models, probe

if TYPE_CHECKING:
    from suite_medical_imaging.domain import MedicalImagingDomain

_AUDITED = 2000  # training pictures a shortcut is looked for in: a leak worth a warning shows in fewer
NEAREST, SCRATCH = "k-NN on frozen features", "from scratch"
Examples = Sequence[dict[str, Any]]
Found = dict[str, list[Prediction]]


def rivals(domain: MedicalImagingDomain, splits: Splits, examples: Examples) -> Found:
    """Predictions of every baseline for the test examples, in order."""
    frozen = type(domain)(domain.config)
    frozen.frozen_only = True
    source = resolve_model(domain.config.model or domain.starter.model, domain.starter.assets)
    model: Any = frozen.load_model(source, splits["train"]).to(PartialState().device).eval()
    train = domain.prepare(splits["train"], model, training=False)
    pixels = [example["pixels"] for example in train]
    models.adapt_statistics(model, pixels, domain.view)
    targets = np.array([domain.task.target(example["reference"]) for example in train])
    asked = models.features(model, [example["pixels"] for example in examples], domain.view)
    held = models.features(model, pixels, domain.view)
    found = {NEAREST: domain.answers(probe.nearest(held, targets, asked, domain.task))}
    if domain.config.audit:
        found |= _shortcuts(domain, model, train, targets, examples)
    if domain.config.scratch:
        validation = frozen.prepare(splits["validation"], model, training=False)
        torch.manual_seed(domain.config.seed)
        new = from_scratch(frozen, models.untrained(model).to(model.device), train, validation)
        found[SCRATCH] = domain.answers(probabilities(frozen, new, examples))
    return found


def _shortcuts(
    domain: MedicalImagingDomain, model: Any, train: Examples, targets: np.ndarray, examples: Examples
) -> Found:
    chosen = np.random.default_rng(domain.config.seed).permutation(len(train))[:_AUDITED]
    found = {}
    for name, sight in audit.SIGHTS.items():
        seen = models.features(model, [sight(train[i]["pixels"]) for i in chosen], domain.view)
        asked = models.features(model, [sight(example["pixels"]) for example in examples], domain.view)
        fitted = probe.Probe(seen, targets[chosen], domain.task)
        found[name] = domain.answers(fitted.probabilities(asked))
    known, told = [train[i]["facts"] for i in chosen], [example["facts"] for example in examples]
    found[audit.FACTS] = domain.answers(audit.from_facts(known, targets[chosen], told, domain.task))
    return found


def from_scratch(domain: MedicalImagingDomain, model: Any, train: Examples, validation: Examples) -> Any:
    """`model` trained like the fine-tuned one: steps, schedule, augmentation, and its best weights on validation.

    `domain` is one whose `load_model` saw the training rows, so that its class weights are theirs.
    """
    config = domain.config
    generator = np.random.default_rng(config.seed)
    epoch = -(-len(train) // config.batch_size)
    steps = config.max_steps or max(1, math.ceil(config.epochs * epoch))
    every = config.evaluate_every or epoch
    optimizer = torch.optim.AdamW(domain.optimizer_groups(model), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(config, step, steps))
    order = np.zeros(0, int)
    best, kept = -math.inf, copy.deepcopy(model.state_dict())
    with bar(description=SCRATCH, total=steps, unit="step") as progress:
        for step in range(1, steps + 1):
            place = (step - 1) % epoch
            if place == 0:
                order = generator.permutation(len(train))
            picked = order[place * config.batch_size : (place + 1) * config.batch_size]
            _step(domain, model, [domain.augment(train[i], generator) for i in picked], optimizer)
            schedule.step()
            progress.update(1)
            if (step % every == 0 or step == steps) and (found := _validated(domain, model, validation)) > best:
                best, kept = found, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return model.eval()


def rate(config: TrainConfig, step: int, total: int) -> float:
    """Share of the peak learning rate at a step, by the rule of every training: warm-up, then the schedule."""
    warmup = round(config.warmup * total)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = (step - warmup) / max(total - warmup, 1)
    return {"cosine": 0.5 * (1 + math.cos(math.pi * done)), "linear": 1 - done, "constant": 1.0}[config.schedule]


def _step(domain: MedicalImagingDomain, model: Any, examples: Examples, optimizer: torch.optim.Optimizer) -> None:
    batch = domain.collate(examples)
    optimizer.zero_grad()
    domain.loss(model.train(), {name: value.to(model.device) for name, value in batch.items()}).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), domain.config.clip_norm)
    optimizer.step()


def _validated(domain: MedicalImagingDomain, model: Any, examples: Examples) -> float:
    """The main metric on `examples`; of two classes where one is missing it is NaN, which is never better."""
    truths = np.array([domain.task.target(example["reference"]) for example in examples])
    return domain.metrics({"p": probabilities(domain, model.eval(), examples), "y": truths})[domain.metric]


def probabilities(domain: MedicalImagingDomain, model: Any, examples: Examples) -> np.ndarray:
    """(N, classes), not calibrated."""
    parts = []
    with torch.no_grad():
        for start in range(0, len(examples), 64):
            batch = domain.collate(examples[start : start + 64])
            found = losses.probabilities(models.logits(model, batch["pixel_values"].to(model.device)), domain.task)
            parts.append(found.cpu().numpy())
    return np.concatenate(parts)
