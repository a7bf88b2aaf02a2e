"""A plugin that cannot be imported: tests only."""

raise ImportError("the <b>torn</b> library is missing")
