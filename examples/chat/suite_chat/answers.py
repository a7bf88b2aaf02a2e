"""How a reply is printed."""

from __future__ import annotations

from suite import Answers, Prediction


class ReplyAnswers(Answers):
    """The words alone: at a terminal they appear as they are made, for each piece begins with the one before."""

    def render(self, prediction: Prediction) -> str:
        """What is said."""
        return prediction["reply"]
