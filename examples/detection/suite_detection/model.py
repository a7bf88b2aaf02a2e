"""The model: pictures become pixels, and pixels boxes with labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from suite import Batch, Model, Prediction, SuiteError, TrainingData
from transformers import AutoModelForObjectDetection, logging
from transformers.loss.loss_deformable_detr import DeformableDetrHungarianMatcher, DeformableDetrImageLoss

from suite_detection.data import pixels
from suite_detection.domain import Options


def load(source: Path, config: Options, data: TrainingData | None) -> Detector:
    """A detector with a head for the labels of `data`; a run's model with the labels it has."""
    logging.set_verbosity_error()  # a new head is meant; a report that there is none would only worry
    known: dict[str, Any] = {}
    if data is not None:
        names = sorted({thing["label"] for things in data.rows["objects"] for thing in things})
        known = {"id2label": dict(enumerate(names)), "label2id": {name: place for place, name in enumerate(names)}}
    network = AutoModelForObjectDetection.from_pretrained(
        source, local_files_only=True, use_safetensors=True, ignore_mismatched_sizes=True, **known
    )
    return Detector(network, config)


@dataclass
class Detector(Model):
    """A Conditional DETR (https://arxiv.org/abs/2108.06152), as transformers has it."""

    network: Any
    config: Options

    def augment(self, example: Any, generator: np.random.Generator) -> Any:
        """Mirrors half of the pictures. Only `generator` draws: that makes a resumed run exact."""
        return {**example, "mirrored": self.config.flip and generator.random() < 0.5}

    def collate(self, examples: Sequence[Any]) -> Batch:
        """Pixels (n, 3, size, size) and sizes (n, 2); `labels` are dicts of class_labels (k,) and boxes (k, 4)."""
        pictures, sizes = zip(*(pixels(example["image"], self.config.image_size) for example in examples), strict=True)
        turned = [p[:, ::-1] if e.get("mirrored") else p for p, e in zip(pictures, examples, strict=True)]
        batch: Batch = {
            "pixel_values": torch.from_numpy(np.stack(turned).transpose(0, 3, 1, 2).copy()),
            "sizes": torch.tensor(sizes, dtype=torch.float32),
        }
        if all(example.get("objects") is not None for example in examples):
            batch["labels"] = [self.target(e, size) for e, size in zip(examples, sizes, strict=True)]
        return batch

    def target(self, example: Any, size: tuple[int, int]) -> dict[str, torch.Tensor]:
        """Numbers of labels, and boxes as centre and size in shares of the picture."""
        shown = np.array([thing["box"] for thing in example["objects"]], np.float32).reshape(-1, 4)
        corners = shown / np.array([*size, *size], np.float32)
        boxes = np.concatenate([corners[:, :2] + corners[:, 2:], 2 * (corners[:, 2:] - corners[:, :2])], 1) / 2
        if example.get("mirrored"):
            boxes[:, 0] = 1 - boxes[:, 0]
        labels = [self._number(thing["label"]) for thing in example["objects"]]
        return {"class_labels": torch.tensor(labels, dtype=torch.long), "boxes": torch.from_numpy(boxes)}

    def _number(self, label: str) -> int:
        """The place of a label among those the model knows. Raises `SuiteError` for another."""
        names = self.network.config.id2label
        if (place := next((place for place, name in names.items() if name == label), None)) is None:
            raise SuiteError(f"The model does not know the label {label!r}; it knows {', '.join(names.values())}.")
        return int(place)

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """DETR's: each thing is matched to one query; the classes' focal loss, L1 and generalised IoU, a mean over it.

        The network's own would ask all processes for their number of boxes, also where not all are asked at once.
        """
        outputs, settings = network(batch["pixel_values"]), self.network.config
        answers = {"logits": outputs.logits.float(), "pred_boxes": outputs.pred_boxes.float()}
        matcher = DeformableDetrHungarianMatcher(settings.class_cost, settings.bbox_cost, settings.giou_cost)
        criterion = DeformableDetrImageLoss(matcher, settings.num_labels, settings.focal_alpha, ["labels", "boxes"])
        matched, count = matcher(answers, batch["labels"]), self.count(batch)
        parts = {"bbox": settings.bbox_loss_coefficient, "giou": settings.giou_loss_coefficient}
        boxes = criterion.loss_boxes(answers, batch["labels"], matched, count)
        classes = criterion.loss_labels(answers, batch["labels"], matched, count)["loss_ce"]
        return classes + sum(weight * boxes[f"loss_{name}"] for name, weight in parts.items())

    def count(self, batch: Batch) -> int:
        """Things on all pictures, by which DETR divides; where there are none it divides by one."""
        return max(sum(len(target["class_labels"]) for target in batch["labels"]), 1)

    def infer(self, batch: Batch) -> list[Prediction]:
        """What each query holds for likeliest, in pixels of the picture, the surest first."""
        outputs, names = self.network(batch["pixel_values"]), self.network.config.id2label
        confidences, labels = outputs.logits.float().sigmoid().max(-1)
        middle, size = outputs.pred_boxes.float().split(2, dim=-1)
        corners = torch.cat([middle - size / 2, middle + size / 2], -1).clamp(0, 1)
        boxes = (corners * batch["sizes"].repeat(1, 2)[:, None]).tolist()
        answers = []
        for queries in zip(confidences.tolist(), labels.tolist(), boxes, strict=True):
            things = [
                {"box": box, "label": names[label], "confidence": sure}
                for sure, label, box in zip(*queries, strict=True)
            ]
            likely = [thing for thing in things if thing["confidence"] >= self.config.least]
            answers.append({"objects": sorted(likely, key=lambda thing: -thing["confidence"])})
        return answers

    def inputs(self, argument: str) -> list[dict[str, Any]]:
        """A picture's file."""
        pixels(argument, 32)
        return [{"image": argument}]
