"""What analysts said in the demo as labels of the table it is about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from suite import SuiteError
from suite_fraud.data import stream
from suite_fraud.data.tables import from_table
from suite_fraud.serving.queue import decided, keys


def merge(file: Path, output: Path, runs: Path, given: Mapping[str, str]) -> tuple[int, int]:
    """Writes the table with a label for each decided row; how many those are, and how many labels changed.

    A few decided rows alone have no past, and habits and risks are made of it: that is why they go back into the
    table. Rows are found by time, entity, amount and counterparty. Raises `SuiteError` where none is found.
    """
    stream.check_output(output, file)
    names = stream.columns(file)
    mapping = stream.mapping(names, given)
    table = pa.concat_tables(stream.blocks(file, names, verbatim=True))
    rows, known = from_table(table, mapping), decided(runs)
    after = np.array([known.get(key, -1) for key in keys(rows)], np.int8)
    if not (after >= 0).any():
        raise SuiteError(
            f"None of the {len(known):,} decisions below {runs} is about a transaction of {file.name}; decide on some "
            "in the demo first: suite launch"
        )
    label = np.empty(len(rows), np.int8)
    label[rows.order] = np.where(after >= 0, after, rows.label)
    column = pa.array(label, mask=label < 0)
    name = mapping.get("label", "label")
    if name in table.column_names:
        table = table.set_column(table.column_names.index(name), name, column)
    else:
        table = table.append_column(name, column)
    with stream.writing(output, table.schema, verbatim=True) as writer:
        writer.write(table)
    return int((after >= 0).sum()), int(((after >= 0) & (after != rows.label)).sum())
