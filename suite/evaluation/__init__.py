"""Honest evaluation: one inference path, intervals, baselines on the same examples."""
