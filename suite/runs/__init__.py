"""What one training leaves behind, and which process may write into it."""

from suite.runs.folder import Run, list_runs, newest, newest_unfinished

__all__ = ["Run", "list_runs", "newest", "newest_unfinished"]
