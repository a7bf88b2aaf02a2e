"""What a fine-tuned model must beat: its own frozen features, what sees too little to know, a start from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from suite import Prediction, Predictor, Splits, bar
from suite_medical_imaging import audit, losses, models, probe

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
    model = Predictor(frozen, domain.config.model or domain.starter.model).model
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
        found[SCRATCH] = _from_scratch(domain, model, train, examples)
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
    facts = [[example["facts"] for example in part] for part in (train, examples)]
    found[audit.FACTS] = domain.answers(audit.from_facts(facts[0], targets, facts[1], domain.task))
    return found


def _from_scratch(domain: MedicalImagingDomain, model: Any, train: Examples, examples: Examples) -> list[Prediction]:
    """The same network from random weights: the same steps, augmentation and optimizer; its last weights."""
    config = domain.config
    torch.manual_seed(config.seed)
    generator = np.random.default_rng(config.seed)
    new = models.untrained(model).to(next(model.parameters()).device).train()
    epoch = -(-len(train) // config.batch_size)
    steps = config.max_steps or max(1, round(config.epochs * epoch))
    optimizer = torch.optim.AdamW(domain.optimizer_groups(new), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=steps + 1, pct_start=max(config.warmup, 0.01), cycle_momentum=False
    )
    order = np.concatenate([generator.permutation(len(train)) for _ in range(-(-steps // epoch))])
    with bar(description=SCRATCH, total=steps, unit="step") as progress:
        for step in range(steps):
            picked = order[step * config.batch_size : (step + 1) * config.batch_size]
            batch = domain.collate([domain.augment(train[i], generator) for i in picked])
            loss = domain.loss(new, {name: value.to(new.device) for name, value in batch.items()})
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(new.parameters(), config.clip_norm)
            optimizer.step()
            schedule.step()
            progress.update(1)
    return domain.answers(_probabilities(domain, new.eval(), examples))


def _probabilities(domain: MedicalImagingDomain, model: Any, examples: Examples) -> np.ndarray:
    parts = []
    with torch.no_grad():
        for start in range(0, len(examples), 64):
            batch = domain.collate(examples[start : start + 64])
            found = losses.probabilities(models.logits(model, batch["pixel_values"].to(model.device)), domain.task)
            parts.append(found.cpu().numpy())
    return np.concatenate(parts)
