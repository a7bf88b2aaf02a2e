"""Metrics of what was drawn, and what they rest on."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from suite import Scored
from suite.evaluation.intervals import Bootstrap
from suite_image_generation.domain import IMAGE_GENERATION
from suite_image_generation.evaluation import quality
from suite_image_generation.generation.answers import picture_of
from suite_image_generation.model.encoder import Encoder


def coded(picture):
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_samples_have_metrics_of_their_own_over_the_samples_alone(tiny_clip, monkeypatch):
    """Six of thirty examples have a picture: the loss is of thirty, KID and captions of six, which carry no claim."""
    monkeypatch.setattr(Encoder, "load", classmethod(lambda cls, reference="": tiny_clip))
    scores = IMAGE_GENERATION.task({"samples": 6}).scores(None)
    generator, none = np.random.default_rng(0), {"png": None, "loss": 1.0, "prompt": ""}

    def drawn(count):
        noise = (Image.fromarray(generator.integers(0, 255, (16, 16, 3), np.uint8)) for _ in range(count))
        return [{"png": coded(picture), "loss": 2.0, "prompt": f"word {n}"} for n, picture in enumerate(noise)]

    stacked = {"loss": np.array([2.0] * 6 + [1.0] * 24)}
    units = {"sample": np.array([*range(6), *[-1] * 24])}
    scored = Scored(drawn(6) + [none] * 24, drawn(6) + [none] * 24, stacked, units)
    bootstrap = Bootstrap.of(scores, scored, 0, count=50)
    assert set(bootstrap.point) == {"loss", *scores.watched()} and bootstrap.point["loss"] == 1.2
    encode = [tiny_clip.features([picture_of(s) for s in side[:6]]) for side in (scored.references, scored.predictions)]
    assert bootstrap.point["kid"] == pytest.approx(quality.mmd(*encode), abs=1e-4)  # sums in fp32
    assert [str(bootstrap.units[name]) for name in ("loss", "kid")] == ["30 examples", "6 samples"]
    assert not bootstrap.units["captions_found"].enough
    assert IMAGE_GENERATION.task({"samples": 0}).scores(None).watched() == {}
