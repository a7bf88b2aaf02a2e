"""The Demo tab: numbers in, their continuation as figures, a plot and a table.

Built before anybody asks a model, so torch stays out.
"""

from __future__ import annotations

import math
from typing import Any

import gradio as gr
import pandas as pd
from suite import Prediction, Predictor
from suite.demo import Markup, Tile, number, panel, tiles, waiting

from suite_forecasting.answers import LEVELS, steps
from suite_forecasting.windows import example, parted

WAVE = ", ".join(f"{10 + 5 * math.sin(step * math.tau / 24) + step / 40:.1f}" for step in range(168))
"""A made-up week of hours: a wave of a day that rises."""
SHOWN = 200
WELCOME = waiting("The forecast appears here", "Give a series, or take the made-up week that stands there.")


def build(predictor: Predictor) -> None:
    """Draws the tab inside an open `gr.Blocks`; a `SuiteError` becomes a message on the page."""
    numbers = gr.Textbox(WAVE, label="Series, oldest value first: 32 numbers or more", lines=4, max_lines=10)
    button = gr.Button("Forecast", variant="primary")
    figures = panel(WELCOME)
    plot = gr.LinePlot(x="step", y="value", color="line", x_title="Steps from now", label="Forecast")
    table = gr.Dataframe(headers=["step", *LEVELS], label="Median, and an interval for 80 % of what may come")

    def forecast(text: str) -> tuple[Any, list[list[float]], Markup]:
        history = example("", parted(text))  # never `inputs`: it opens the file that a text names
        (prediction,) = predictor([history])
        past = history["history"][-SHOWN:]
        points = [(step - len(past) + 1, value, "seen") for step, value in enumerate(past)]
        points += [(step["step"], step[name], name) for step in steps(prediction) for name in LEVELS]
        frame = pd.DataFrame(points, columns=["step", "value", "line"])
        rows = [[step["step"], *(step[name] for name in LEVELS)] for step in steps(prediction)]
        return frame, rows, summary(prediction)

    button.click(forecast, numbers, [plot, table, figures], api_name="forecast")


def summary(prediction: Prediction) -> Markup:
    """The next value, the last one, and how wide the interval is there."""
    low, median, high = LEVELS
    first, *_, last = steps(prediction)
    return tiles(
        [
            Tile(number(first[median], 1), "next value"),
            Tile(number(last[median], 1), f"value in {last['step']} steps"),
            Tile(f"{number(last[low], 1)} to {number(last[high], 1)}", "80 % of what may come then"),
        ]
    )


def demo_call(predictor: Predictor) -> tuple[str, list[str]]:
    """The made-up week that stands in the demo."""
    return "forecast", [WAVE]
