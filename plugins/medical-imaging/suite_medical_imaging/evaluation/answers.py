"""How an answer is printed and compared."""

from __future__ import annotations

from suite import Answers, Prediction


class MedicalAnswers(Answers):
    """The call and every class with its probability."""

    def render(self, prediction: Prediction) -> str:
        """The call, then every class with its probability, then what cannot be ruled out where that is not one."""
        called = prediction["label"]
        label = called if isinstance(called, str) else ", ".join(called) or "none"
        lines = [f"{label} (not for clinical use)"]
        lines += [f"{name:>20} {value:7.1%}" for name, value in prediction["probabilities"].items()]
        if "set" in prediction and len(prediction["set"]) != 1:
            lines.append(f"Cannot be ruled out: {', '.join(prediction['set']) or 'nothing fits'}.")
        return "\n".join(lines)

    def same(self, expected: Prediction, actual: Prediction) -> bool:
        """Whether the probabilities are reproduced; calls and sets follow from them, and may turn at a threshold."""
        return super().same(expected["probabilities"], actual["probabilities"])
