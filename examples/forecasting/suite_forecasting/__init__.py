"""Time-series forecasting for Suite: what the plugin offers.

Imported whenever `suite` starts, so it imports nothing heavy.
"""

from suite import Entry, hookimpl


@hookimpl
def suite_domains() -> list[Entry]:
    """The one domain of this plugin; its module is imported when somebody uses it."""
    return [
        Entry(
            "forecasting",
            "Forecast series of numbers, with an interval; fine-tune on your own.",
            "suite_forecasting.domain:FORECASTING",
        )
    ]
