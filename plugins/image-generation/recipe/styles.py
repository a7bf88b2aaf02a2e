"""Draws the same emoji in other hands: the styles that the starter learns too, and one that it never sees.

npm pack @iconify-json/twemoji@1.2.5 ...     # unpack each under icons/, by the names of STYLES and HELD_OUT
pip install resvg-py==0.5.0                  # draws SVG
python styles.py work/noto.parquet icons ../suite_image_generation/data

Writes `emoji.parquet`, the pictures of `prepare.py` and the same subjects in each of `STYLES`, and `style.parquet`, 40
pictures that look modelled in clay, to teach a style with. `all.parquet` beside the first argument is what the
evaluator is trained on: the first of them, and OpenMoji.
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from PIL import Image
from prepare import write
from resvg_py import svg_to_bytes

SIZE = 64
STYLES = {"twemoji": "twemoji", "fluent": "fluent-emoji-flat", "emojione": "emojione", "blob": "noto-v1"}
"""What a caption calls a style, to its package."""
HELD_OUT = ("clay", "fluent-emoji")
MEASURED = ("openmoji", "openmoji")
"""Only the evaluator learns from these, so that it knows a subject in hands that the starter does not have."""
NAMING = ("twemoji", "openmoji", "fluent-emoji-flat")
"""Packages that say which emoji a drawing is of; the others use the same names."""
SUBJECTS = """smiling face; crying face; face with sunglasses; ghost; robot; red heart; thumbs up; eye; baby; astronaut;
dog; cat; rabbit; fox; panda; elephant; penguin; owl; fish; butterfly; snail; sunflower; tree; cactus;
red apple; banana; pizza; burger; ice cream; house; castle; sun; rainbow; snowman; red car; bicycle; rocket; guitar;
crown; key"""


class Drawings:
    """The SVG drawings of the packages unpacked under a folder."""

    def __init__(self, folder: Path) -> None:
        self.names = [json.loads((folder / package / "chars.json").read_text()) for package in NAMING]
        packages = (*STYLES.values(), HELD_OUT[1], MEASURED[1])
        self.icons = {package: json.loads((folder / package / "icons.json").read_text()) for package in packages}

    def find(self, package: str, emoji: str) -> str | None:
        """The SVG of an emoji, or None where the package lacks it."""
        code, icons = "-".join(f"{ord(sign):x}" for sign in emoji), self.icons[package]
        for names in self.names:
            name = names.get(code, names.get(code.removesuffix("-fe0f")))
            name = icons.get("aliases", {}).get(name, {}).get("parent", name)
            if icon := icons["icons"].get(name):
                sides = [icon.get(side, icons.get(side, 16)) for side in ("width", "height")]
                box = f'viewBox="0 0 {sides[0]} {sides[1]}"'
                return f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{icon["body"]}</svg>'
        return None


def drawn(svg: str) -> bytes:
    """PNG bytes, RGBA, 64 pixels a side."""
    big = Image.open(io.BytesIO(svg_to_bytes(svg_string=svg, width=4 * SIZE, height=4 * SIZE))).convert("RGBA")
    out = io.BytesIO()
    big.resize((SIZE, SIZE), Image.Resampling.BOX).save(out, "PNG", optimize=True)
    return out.getvalue()


def styled(row: dict[str, Any], style: str, svg: str) -> dict[str, Any]:
    """The row with this drawing; every text says its style ("cat, blob style")."""
    texts = {name: [f"{text}, {style} style" for text in row[name]] for name in ("captions", "keywords")}
    image = {"bytes": drawn(svg), "path": None}
    return row | texts | {"image": image, "caption": texts["captions"][0], "style": style}


def in_style(rows: list[dict[str, Any]], style: str, package: str, drawings: Drawings) -> list[dict[str, Any]]:
    """The rows that the package has a drawing of, in its style."""
    pairs = [(row, drawings.find(package, row["unicode"])) for row in rows]
    return [styled(row, style, svg) for row, svg in pairs if svg]


def without(row: dict[str, Any], name: str) -> dict[str, Any]:
    """The row without one column."""
    return {key: value for key, value in row.items() if key != name}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("noto", "icons", "out"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    noto = [row | {"style": "noto"} for row in pq.read_table(given.noto).to_pylist()]
    drawings = Drawings(given.icons)
    table = noto + [row for style, package in STYLES.items() for row in in_style(noto, style, package, drawings)]
    by_subject = {row["caption"].partition(",")[0]: row for row in in_style(noto, *HELD_OUT, drawings)}
    style = [without(by_subject[subject.strip()], "keywords") for subject in SUBJECTS.split(";")]
    write(table, given.out / "emoji.parquet")
    write(style, given.out / "style.parquet")
    write(table + in_style(noto, *MEASURED, drawings), given.noto.with_name("all.parquet"))
    print(f"{len(table)} pictures, and {len(style)} in a style held out")
