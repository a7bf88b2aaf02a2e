"""What a fine-tuned model must beat: its own frozen features, what sees too little to know, a start from scratch."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from accelerate import PartialState

from suite import Baselines, Prediction, Splits, bar, resolve_model
from suite_medical_imaging.data.names import METRIC
from suite_medical_imaging.evaluation import audit
from suite_medical_imaging.evaluation.scores import MedicalScores
from suite_medical_imaging.model import losses, models, probe
from suite_medical_imaging.model.loading import frozen
from suite_medical_imaging.model.model import MedicalModel
from suite_medical_imaging.starter.assets import STARTER

_AUDITED = 2000  # training pictures a shortcut is looked for in: a leak worth a warning shows in fewer
NEAREST, SCRATCH = "k-NN on frozen features", "from scratch"
FIXED = "fixed settings"
SETTINGS = {SCRATCH: "the model's own settings, weights kept by validation"}
"""How a baseline came to its settings where these are not fixed."""
Examples = Sequence[dict[str, Any]]
Answered = dict[str, list[Prediction]]
AT_ONCE = 64  # pictures a pass: what a CPU and a small GPU hold at 224 pixels a side


def baselines(model: MedicalModel, splits: Splits, examples: Examples) -> Baselines:
    """Nearest neighbours on frozen features, what sees too little to know, and on request a start from scratch."""
    config = model.config
    source = resolve_model(config.model or STARTER.model, STARTER.assets)
    pretrained = frozen(source, config, splits.training)
    network: Any = pretrained.network.to(PartialState().device).eval()
    train = model.prepare(splits["train"], "test")
    pixels = [example["pixels"] for example in train]
    models.adapt_statistics(network, pixels, model.view)
    targets = model.targets(train)
    asked = models.features(network, [example["pixels"] for example in examples], model.view)
    held = models.features(network, pixels, model.view)
    predictions = {NEAREST: model.answers(probe.nearest(held, targets, asked, model.task))}
    if config.audit:
        predictions |= _shortcuts(model, network, train, targets, examples)
    if config.scratch:
        validation = pretrained.prepare(splits["validation"], "validation")
        torch.manual_seed(config.seed)
        fresh = replace(pretrained, network=models.untrained(network).to(network.device))
        from_scratch(fresh, train, validation)
        predictions[SCRATCH] = model.answers(probabilities(fresh, examples))
    return Baselines(predictions, settings={name: SETTINGS.get(name, FIXED) for name in predictions})


def _shortcuts(model: MedicalModel, network: Any, train: Examples, targets: np.ndarray, examples: Examples) -> Answered:
    chosen = np.random.default_rng(model.config.seed).permutation(len(train))[:_AUDITED]
    predictions = {}
    for name, sight in audit.SIGHTS.items():
        seen = models.features(network, [sight(train[i]["pixels"]) for i in chosen], model.view)
        asked = models.features(network, [sight(example["pixels"]) for example in examples], model.view)
        fitted = probe.Probe(seen, targets[chosen], model.task)
        predictions[name] = model.answers(fitted.probabilities(asked))
    known, asked_facts = [train[i]["facts"] for i in chosen], [example["facts"] for example in examples]
    by_facts = audit.from_facts(known, targets[chosen], asked_facts, model.task)
    return predictions | {audit.FACTS: model.answers(by_facts)}


def from_scratch(model: MedicalModel, train: Examples, validation: Examples) -> None:
    """Trains `model`'s network in place like the fine-tuned one: steps, schedule, augmentation; leaves the weights that
    were best on validation, in eval mode.

    `model` was made with the training rows, so that its class weights are theirs.
    """
    config, network = model.config, model.network
    generator = np.random.default_rng(config.seed)
    epoch = -(-len(train) // config.batch_size)
    steps = config.max_steps or max(1, math.ceil(config.epochs * epoch))
    every = config.evaluate_every or epoch
    optimizer = model.optimizer(network)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: model.schedule(step, steps))
    order = np.zeros(0, int)
    best, kept = -math.inf, copy.deepcopy(network.state_dict())
    with bar(description=SCRATCH, total=steps, unit="step") as progress:
        for step in range(1, steps + 1):
            place = (step - 1) % epoch
            if place == 0:
                order = generator.permutation(len(train))
            picked = order[place * config.batch_size : (place + 1) * config.batch_size]
            _step(model, [model.augment(train[i], generator) for i in picked], optimizer)
            schedule.step()
            progress.update(1)
            if (step % every == 0 or step == steps) and (metric := _validated(model, validation)) > best:
                best, kept = metric, copy.deepcopy(network.state_dict())
    network.load_state_dict(kept)
    network.eval()


def _step(model: MedicalModel, examples: Examples, optimizer: torch.optim.Optimizer) -> None:
    network = model.network
    batch = {name: value.to(network.device) for name, value in model.collate(examples).items()}
    optimizer.zero_grad()
    model.loss(network.train(), batch).backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), model.config.clip_norm)
    optimizer.step()


def _validated(model: MedicalModel, examples: Examples) -> float:
    """The main metric on `examples`; of two classes where one is missing it is NaN, which is never better."""
    model.network.eval()
    scores = {"p": probabilities(model, examples), "y": model.targets(examples)}
    return MedicalScores(model.config, model).metrics(scores)[METRIC]


def probabilities(model: MedicalModel, examples: Examples) -> np.ndarray:
    """(N, classes), not calibrated."""
    parts = []
    with torch.no_grad():
        for start in range(0, len(examples), AT_ONCE):
            batch = model.collate(examples[start : start + AT_ONCE])
            logits = models.logits(model.network, batch["pixel_values"].to(model.network.device))
            parts.append(losses.probabilities(logits, model.task).cpu().numpy())
    return np.concatenate(parts)
