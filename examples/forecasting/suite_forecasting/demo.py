"""The Demo tab: numbers in, their continuation as a plot and a table."""

from __future__ import annotations

import math
from typing import Any

from suite import Predictor

from suite_forecasting.domain import LEVELS, example, parted, steps

WAVE = ", ".join(f"{10 + 5 * math.sin(step * math.tau / 24) + step / 40:.1f}" for step in range(168))
"""A made-up week of hours: a wave of a day that rises."""
SHOWN = 200


def build(predictor: Predictor) -> None:
    """Draws the tab inside an open `gr.Blocks`; a `SuiteError` becomes a message on the page."""
    import gradio as gr

    numbers = gr.Textbox(WAVE, label="Series, oldest value first: 32 numbers or more", lines=4, max_lines=10)
    button = gr.Button("Forecast", variant="primary")
    plot = gr.LinePlot(x="step", y="value", color="line", x_title="Steps from now", label="Forecast")
    table = gr.Dataframe(headers=["step", *LEVELS], label="Median, and an interval for 80 % of what may come")

    def forecast(text: str) -> tuple[Any, list[list[float]]]:
        import pandas as pd

        history = example("", parted(text))  # never `inputs`: it opens the file that a text names
        (prediction,) = predictor([history])
        past = history["history"][-SHOWN:]
        points = [(step - len(past) + 1, value, "seen") for step, value in enumerate(past)]
        points += [(one["step"], one[name], name) for one in steps(prediction) for name in LEVELS]
        frame = pd.DataFrame(points, columns=["step", "value", "line"])
        return frame, [[one["step"], *(one[name] for name in LEVELS)] for one in steps(prediction)]

    button.click(forecast, numbers, [plot, table], api_name="forecast")
