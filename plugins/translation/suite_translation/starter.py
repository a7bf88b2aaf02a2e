"""The model and data that work with no argument: our own small model for UI strings, and OpenStack Horizon's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from suite import Asset, Starter, Wheel

if TYPE_CHECKING:
    import polib

LANGUAGES = ("de", "fr", "es")
"""Into which the starter translates, from English; other languages of the wheel are left where they are."""
_STYLES = ("python-format", "python-brace-format", "c-format", "javascript-format")

MODEL = Asset(
    name="marian-ui",
    kind="model",
    summary="English UI strings into German, French and Spanish, 5.1 M parameters in float16",
    licence="Apache-2.0",
    url="https://huggingface.co/docs/transformers/model_doc/marian",
    shipped="suite_translation:starter",
)
DATA = Asset(
    name="horizon-ui",
    kind="data",
    summary="3,400 strings of OpenStack's dashboard, with translations into German, French and Spanish",
    licence="Apache-2.0",
    url="https://opendev.org/openstack/horizon",
    wheels=(
        Wheel(
            "horizon",
            "27.0.0",
            "horizon-27.0.0-py3-none-any.whl",
            "8a981dae4fb6626e71553aa185f6e429b0b1efb86b04b0a72c3b18ee04f1f990",
            5_297_721,
        ),
    ),
    convert="suite_translation.starter:convert_horizon",
)
STARTER = Starter(model=MODEL.name, data=DATA.name, assets=(MODEL, DATA))


def convert_horizon(wheels: Sequence[Path], out: Path) -> None:
    """`strings.parquet` with source, target, language, file, context and style, from the wheel's catalogues.

    A plural is a row beside its singular; what is fuzzy, obsolete or not translated is left out.
    """
    import pandas as pd
    import polib

    rows = []
    for path in sorted(wheels[0].glob("*/locale/*/LC_MESSAGES/*.po")):
        language = path.parts[-3]
        if language in LANGUAGES:
            file = f"{path.parts[-5]}/{path.stem}"
            rows += [(*row, language, file) for entry in polib.pofile(str(path)) for row in _rows(entry)]
    table = pd.DataFrame(rows, columns=["source", "target", "context", "style", "language", "file"])
    table.to_parquet(out / "strings.parquet", index=False)


def _rows(entry: polib.POEntry) -> Iterator[tuple[str, str, str | None, str | None]]:
    """Source, target, context and style of a finished entry: one, or two if it has a plural."""
    if entry.obsolete or entry.fuzzy:
        return
    style = next((flag for flag in entry.flags if flag in _STYLES), None)
    pairs = [(entry.msgid, entry.msgstr)]
    if entry.msgid_plural:
        pairs = [(entry.msgid, entry.msgstr_plural.get(0, "")), (entry.msgid_plural, entry.msgstr_plural.get(1, ""))]
    for source, target in pairs:
        if source.strip() and target.strip():
            yield source, target, entry.msgctxt, style
