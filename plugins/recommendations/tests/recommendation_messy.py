"""Logs as shops have them, with faults."""

from __future__ import annotations

import numpy as np
import pandas as pd

from suite.testing import Messy


def messy(folder):
    """By what is wrong with each; see `DataPromises.messy`."""
    users, items = 24, 12
    drawn = np.random.default_rng(0)
    seen = [item for _ in range(users) for item in drawn.permutation(items)[:8]]
    log = pd.DataFrame({"user": np.repeat(np.arange(users), 8), "item": seen})
    log["time"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.tile(np.arange(8), users), "D")
    small = {"k_core": 2, "hidden_size": 16, "layers": 1, "window": 8, "lags": 6, "batch_size": 4}

    def saved(name, table, refusal="", **options):
        path = folder / f"{name}.parquet"
        table.to_parquet(path)
        return Messy({"data": str(path), **small, **options}, refusal)

    gaps = log.assign(time=log["time"].where(np.arange(len(log)) % 8 != 3))
    words = log.assign(time=np.where(np.arange(len(log)) % 8 == 3, "soon", log["time"].astype(str)))
    late = "time is missing (24 rows: more.parquet, rows 4, 12, 20, …)"
    moment = {"protocol": "temporal", "max_rejected": 0.9}
    return {
        "times that are missing": saved("gaps", gaps, max_rejected=0.2),
        "too many times missing": saved("more", gaps, late),
        "times that are words": saved("words", words, "time is missing or is neither a number nor"),
        "one user": saved("alone", log.assign(user=1), "All rows are of one user"),
        "too few of each": saved("core", log, "Nothing is left after k_core=50", k_core=50),
        "lists for items": saved("lists", log.assign(item=[[item] for item in log["item"]]), "holds lists"),
        "the same moment for all, by time": saved("now", log.assign(time=1), "have the same time", **moment),
    }
