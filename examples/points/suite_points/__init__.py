"""Points for Suite: what the plugin offers.

Imported whenever `suite` starts, so it imports nothing heavy.
"""

from suite import Entry, hookimpl


@hookimpl
def suite_domains() -> list[Entry]:
    """The one domain of this plugin; its module is imported when somebody uses it."""
    return [
        Entry(
            "points",
            "Make points that could be of your data: a generator against a discriminator.",
            "suite_points.domain:POINTS",
        )
    ]
