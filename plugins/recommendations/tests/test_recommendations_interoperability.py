"""The recommender of a model folder scores the same where there is no Suite, by the code of the documentation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import recommendation_toys as toys
import torch

import suite
from suite.testing.outside import documented, run_outside

PAGE = Path(suite.__file__).parent.parent / "docs" / "interoperability.md"
HISTORIES = [[3, 4, 5], [0, 7, 7, 1, 2, 3, 4, 5, 6, 7, 8, 9]]
"""One shorter than window and lags, one longer."""


@pytest.mark.parametrize("bound", [4.0, 0.0])
def test_the_documented_lines_give_the_models_scores(tmp_path, bound):
    model = toys.recommender(tmp_path / "made", layers=2, heads=2, delta_bound=bound)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.network.parameters():  # untrained blocks and corrections are zeros
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.network.eval()
    model.save(tmp_path / "model")
    script = documented(PAGE, "Recommendations")
    script += f"print(json.dumps([scores(history).tolist() for history in {HISTORIES}]))"
    theirs = json.loads(run_outside(script, tmp_path))
    for history, scores in zip(HISTORIES, theirs, strict=True):
        ours = model.all_scores({"history": torch.tensor([history]), "end": torch.tensor([len(history)])})[0]
        assert np.abs(ours - scores).max() < 1e-4
        assert np.ptp(ours) > 1
