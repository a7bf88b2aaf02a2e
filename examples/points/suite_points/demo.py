"""The Demo tab: how many points, and their cloud.

Built before anybody asks a model, so torch stays out.
"""

from __future__ import annotations

import gradio as gr
import pandas as pd
from suite import Predictor

from suite_points.data import drawn


def build(predictor: Predictor) -> None:
    """Draws the tab inside an open `gr.Blocks`; a `SuiteError` becomes a message on the page."""
    count = gr.Slider(10, 2000, value=500, step=10, label="Points")
    button = gr.Button("Draw", variant="primary")
    cloud = gr.ScatterPlot(x="x", y="y", label="Made points", height=500)

    def draw(count: int) -> pd.DataFrame:
        return pd.DataFrame(predictor(drawn(int(count), predictor.task.config.seed)))

    button.click(draw, count, cloud, api_name="draw")


def demo_call(predictor: Predictor) -> tuple[str, list[int]]:
    """As many points as the slider begins with."""
    return "draw", [50]
