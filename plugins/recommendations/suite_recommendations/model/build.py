"""Makes recommenders: from training histories and a text encoder, from a saved folder, or with more items."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch

from suite import SuiteError
from suite_recommendations.config import RecommendationsConfig
from suite_recommendations.data.catalogue import Catalogue
from suite_recommendations.data.text import TextEncoder
from suite_recommendations.model.counts import covisitation, extend, popularity, stack, unstack
from suite_recommendations.model.index import ItemIndex
from suite_recommendations.model.recommender import Recommender, RecommenderConfig

ENCODER = "encoder"
BOLDNESS = 3.0
"""Times the mean likeness that a new item borrows. Chosen on validation targets of the starter, 60 of which were hidden
and added again by text: at 3 they are found as often as with counts of their own (HR@50 .44 against .47), at 1 hardly
(.06), at 5 they push others aside (.62)."""
LENDERS = 5
"""Known items whose counts a new one borrows; more blur its taste, fewer make it one item's shadow."""
SPREAD = 3.0
"""Length of projected text vectors in units of the unit text vectors: makes first scores range over some ±2 nats."""


@dataclass
class Shelf:
    """A model with what it is about: its catalogue, the encoder for new texts, and the index over item vectors."""

    model: Recommender
    catalogue: Catalogue
    encoder: TextEncoder
    index: ItemIndex | None = None

    def refresh(self) -> None:
        """Rebuilds the index where item vectors have changed since."""
        with torch.no_grad():
            vectors = self.model.item_vectors().float().cpu().numpy()
        if self.index is None or not np.array_equal(self.index.vectors, vectors):
            self.index = ItemIndex.build(vectors)

    def save(self, folder: Path) -> None:
        """Writes weights and counts, catalogue, encoder and index."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save_pretrained(folder)
        self.catalogue.save(folder)
        self.encoder.save(folder / ENCODER)
        self.refresh()
        assert self.index is not None
        self.index.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Shelf:
        """Reads what `save` wrote."""
        model = Recommender.from_pretrained(folder, use_safetensors=True)
        return cls(model, Catalogue.load(folder), TextEncoder(folder / ENCODER), ItemIndex.load(folder))


def is_saved(folder: Path) -> bool:
    """Whether a folder holds a recommender rather than a text encoder."""
    return (folder / "catalogue.parquet").is_file()


def build(
    histories: Sequence[np.ndarray], catalogue: Catalogue, encoder: TextEncoder, config: RecommendationsConfig
) -> Shelf:
    """An untrained recommender that works: text likeness to the last item, and decayed co-visitation counts."""
    text = encoder(catalogue.texts)
    kernels = RecommenderConfig().kernels
    pointers, columns, values = stack(covisitation(histories, len(catalogue), kernels))
    model = Recommender(
        RecommenderConfig(
            items=len(catalogue), pairs=len(columns), text_size=text.shape[1], hidden_size=config.hidden_size,
            layers=config.layers, heads=config.heads, dropout=config.dropout, window=config.window, lags=config.lags,
            delta_bound=config.delta_bound, exclude_seen=config.exclude_seen, objective=config.objective,
            negatives=config.negatives, calibration=config.calibration, exact_below=config.exact_below,
        )
    )  # fmt: skip
    with torch.no_grad():
        model.text.copy_(text)
        model.centre.copy_(text.mean(0))
        model.project.weight.copy_(SPREAD * principal_directions(text - text.mean(0), config.hidden_size))
        model.popularity.copy_(torch.from_numpy(popularity(histories, len(catalogue))))
        model.count_rows.copy_(torch.from_numpy(pointers))
        model.count_items.copy_(torch.from_numpy(columns))
        model.count_values.copy_(torch.from_numpy(values))
    return Shelf(model, catalogue, encoder)


def principal_directions(vectors: torch.Tensor, count: int) -> torch.Tensor:
    """(count, d) unit rows along which (n, d) vectors vary most: the projection that keeps likeness best.

    Repeated when `count` exceeds d; signs are fixed by the largest entry, so that machines agree.
    """
    _, directions = torch.linalg.eigh((vectors.T @ vectors).double())
    rows = directions.T.flip(0).float()
    largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
    rows = rows * largest.sign()
    return rows.repeat(math.ceil(count / len(rows)), 1)[:count]


@torch.no_grad()
def continued(old: Shelf, new: Shelf) -> Shelf:
    """What `old` has learned, on the catalogue and counts of `new`; corrections follow their items by id.

    Raises `SuiteError` where the sizes of the two differ.
    """
    for name in ("hidden_size", "layers", "window", "lags"):
        if getattr(old.model.config, name) != getattr(new.model.config, name):
            was = getattr(old.model.config, name)
            raise SuiteError(
                f"The model to start from was trained with {name}={was}; train on with --set {name}={was}."
            )
    learned = {name: p for name, p in old.model.named_parameters() if name != "delta"}
    for name, parameter in new.model.named_parameters():
        if name in learned:
            parameter.copy_(learned[name])
    new.model.centre.copy_(old.model.centre)
    for number, item in enumerate(new.catalogue.ids):
        if (before := old.catalogue.numbers.get(item)) is not None:
            new.model.delta[number] = old.model.delta[before]
    return new


@torch.no_grad()
def with_items(shelf: Shelf, items: Catalogue) -> Shelf:
    """A new shelf with further items known by text alone; `shelf` stays as it is.

    A new item's vector is its projected text. Until it has a history of its own it borrows counts and popularity
    from the `LENDERS` known items it resembles most, in proportion to the likeness.
    """
    old, vectors = shelf.model, shelf.encoder(items.texts)
    shares = borrowed(vectors, old.text.cpu())
    parts = unstack(old.count_rows.cpu().numpy(), old.count_items.cpu().numpy(), old.count_values.cpu().numpy())
    pointers, columns, values = stack(extend(parts, shares))
    config = RecommenderConfig.from_dict(
        old.config.to_dict() | {"items": len(shelf.catalogue) + len(items), "pairs": len(columns)}
    )
    model = Recommender(config)
    grown = {
        "text": torch.cat([old.text.cpu(), vectors]),
        "delta": torch.cat([old.delta.cpu(), torch.zeros(len(items), config.hidden_size)]),
        "popularity": torch.cat([old.popularity.cpu(), torch.from_numpy(shares @ old.popularity.cpu().numpy())]),
        "count_rows": torch.from_numpy(pointers),
        "count_items": torch.from_numpy(columns),
        "count_values": torch.from_numpy(values),
    }
    model.load_state_dict(old.state_dict() | grown)
    grown_shelf = Shelf(_on(model, old), shelf.catalogue + items, shelf.encoder)
    grown_shelf.refresh()
    return grown_shelf


def _on(model: Recommender, like: Recommender) -> Recommender:
    """The model in eval mode on another one's device."""
    model.to(device=like.text.device)  # type: ignore[call-arg]  # transformers wraps it in a way mypy misreads
    model.eval()
    return model


def borrowed(vectors: torch.Tensor, known: torch.Tensor) -> sp.csr_matrix:
    """(new, known) float32 shares: for the likest items; a row sums to `BOLDNESS` times its mean likeness."""
    likeness, number = (vectors @ known.T).clamp(min=0).topk(min(LENDERS, len(known)), dim=1)
    row = torch.arange(len(vectors))[:, None].expand_as(number)
    entries = (BOLDNESS * likeness / likeness.shape[1]).reshape(-1).numpy()
    shape = (len(vectors), len(known))
    return sp.csr_matrix(
        (entries, (row.reshape(-1).numpy(), number.reshape(-1).numpy())), shape=shape, dtype=np.float32
    )
