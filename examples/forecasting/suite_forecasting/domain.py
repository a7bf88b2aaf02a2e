"""Time-series forecasting: what a series was in, what it will be out, with an interval.

A description: it names the parts, which are imported when they are wanted, and imports nothing heavy itself.
"""

from __future__ import annotations

from suite import Column, Columns, Domain, Space

from suite_forecasting.config import Options
from suite_forecasting.starter import STARTER

FORECASTING = Domain(
    name="forecasting",
    title="Time-series forecasting",
    Config=Options,
    columns=Columns(
        (
            Column("series", "category", "which series it is of", aliases=("series_id", "unique_id", "id")),
            Column("time", "time", "when it was", aliases=("ds", "date", "timestamp")),
            Column("value", "number", "what was measured", aliases=("y", "target")),
        ),
        time="time",
        unique=("series", "time"),
    ),
    metric="mase",
    greater_is_better=False,
    starter=STARTER,
    library="fracast",
    pipeline_tag="time-series-forecasting",
    needs_rows=False,
    space=Space("Forecast a series, with an interval", "📈"),
    limits=(
        "It reads the order of values, not the calendar: steps must be equally long, and a missing row shifts what "
        "came before it. It knows no holidays, no other series and no cause. The interval is meant to hold 80 % of "
        "what comes; `coverage` tells how much of the test it held."
    ),
    data="suite_forecasting.data:SeriesData",
    model="suite_forecasting.model:load",
    scores="suite_forecasting.scores:ForecastScores",
    answers="suite_forecasting.answers:ForecastAnswers",
    baselines="suite_forecasting.scores:baselines",
    demo="suite_forecasting.demo:build",
    demo_call="suite_forecasting.demo:demo_call",
)
