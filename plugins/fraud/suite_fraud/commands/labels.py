"""`suite fraud labels`: a transaction table with what the analysts said of it, to train on."""

from __future__ import annotations

from pathlib import Path

import click

from suite import SuiteError
from suite_fraud.commands.options import columns_option


@click.command(help="Write a transaction table anew, with the labels that analysts gave in the demo; then train on it.")
@click.option("--data", "file", type=Path, required=True, help="The table the decisions are about: .csv or .parquet.")
@click.option("--output", type=Path, required=True, help="File to write: .csv or .parquet.")
@click.option("--runs", type=Path, default=Path("runs"), show_default=True, help="Folder that holds the decisions.")
@columns_option
def labels(file: Path, output: Path, runs: Path, columns: tuple[str, ...]) -> None:
    """Prints how many labels were new, and what to do next."""
    from suite_fraud.commands.options import pairs

    told, changed = merge(file, output, runs, pairs(columns))
    click.echo(
        f"{told:,} decisions found in {file.name}, {changed:,} of which changed a label: {output}. Train on it with: "
        f"suite fraud train --data {output}"
    )


def merge(file: Path, output: Path, runs: Path, given: dict[str, str]) -> tuple[int, int]:
    """Writes the table with a label for each decided row; how many those are, and how many labels changed.

    A few decided rows alone have no past, and habits and risks are made of it: that is why they go back into the
    table. Rows are found by time, entity, amount and counterparty. Raises `SuiteError` where none is found.
    """
    import numpy as np
    import pyarrow as pa

    from suite_fraud.data import stream
    from suite_fraud.data.tables import from_table
    from suite_fraud.serving.queue import decided, keys

    stream.check_output(output, file)
    names = stream.columns(file)
    mapping = stream.mapping(names, given)
    table = pa.concat_tables(stream.blocks(file, names, verbatim=True))
    rows, known = from_table(table, mapping), decided(runs)
    after = np.array([known.get(one, -1) for one in keys(rows)], np.int8)
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
    with stream.writing(output, table.schema, inert=False) as writer:
        writer.write(table)
    return int((after >= 0).sum()), int(((after >= 0) & (after != rows.label)).sum())
