"""How an answer is printed, and when two are the same."""

from __future__ import annotations

from suite import Answers, Prediction


class FraudAnswers(Answers):
    """A line for each transaction."""

    def render(self, prediction: Prediction) -> str:
        """Row, entity, amount and probability; alerts also say why."""
        text = f"{prediction['probability']:8.4f}"
        if "row" in prediction:
            text = f"row {prediction['row']:>8}  {prediction['entity']}  {prediction['amount']:12,.2f}{text}"
        reasons = "; ".join(prediction.get("reasons", []))
        return f"{text}  ALERT: {reasons}" if prediction.get("alert") else text

    def same(self, expected: Prediction, actual: Prediction) -> bool:
        """Probabilities within a thousandth; reasons may swap places."""
        return abs(float(expected["probability"]) - float(actual["probability"])) < 1e-3
