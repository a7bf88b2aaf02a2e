"""How a point is printed."""

from __future__ import annotations

from suite import Answers, Prediction


class PointAnswers(Answers):
    """Two numbers on a line, as a CSV file has them."""

    def render(self, prediction: Prediction) -> str:
        """Four decimals."""
        return f"{prediction['x']:.4f},{prediction['y']:.4f}"
