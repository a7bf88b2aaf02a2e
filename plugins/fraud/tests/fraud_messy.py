"""Portfolios as banks have them, with faults."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fraud_toys import TOY

from suite.testing import Messy
from suite_fraud.starter.simulate import simulate


def messy(folder):
    """By what is wrong with each; see `DataPromises.messy`."""
    table = simulate(TOY)
    label = np.asarray(table["fraud"])

    def saved(name, changed, refusal=""):
        path = folder / f"{name}.parquet"
        pq.write_table(changed, path)
        return Messy({"data": str(path), "max_rejected": 0.5}, refusal)

    def with_column(name, values):
        place = table.column_names.index(name)
        return table.set_column(place, name, pa.array(values))

    amounts = [None if row % 500 == 0 else value for row, value in enumerate(table["amount"].to_pylist())]
    after = table.append_column("case_closed", pa.array(label.astype(float) * 3))
    long = table.append_column("number", pa.array(700_000_000_000_000_001 + np.arange(len(label))[::-1] % 977))
    early = table.slice(0, len(label) // 8)
    rare = np.where(np.cumsum(label) > 2, 0, label)
    perhaps = ["perhaps"] * len(label)
    return {
        "amounts that are missing": saved("amounts", with_column("amount", amounts)),
        "numbers above 2^53": saved("long", long),
        "a column that gives the label away": saved("leak", after, "gives the label away"),
        "nothing but honest payments": saved("honest", with_column("fraud", label * 0), "are legitimate"),
        "a class too small": saved("rare", with_column("fraud", rare), "it needs both kinds"),
        "labels that nobody knows": saved("odd", with_column("fraud", perhaps), "'perhaps'"),
        "too few days": saved("short", early, "days of transactions"),
    }
