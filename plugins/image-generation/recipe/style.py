"""Makes `style.parquet`, 40 OpenMoji pictures (black outlines, flat colours) with the captions of the same emoji.

npm pack openmoji@17.0.0     # unpack it as openmoji/
pip install resvg-py==0.5.0  # draws SVG
python style.py ../suite_image_generation/data/emoji.parquet openmoji ../suite_image_generation/data/style.parquet
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import pyarrow.parquet as pq
from PIL import Image
from prepare import write
from resvg_py import svg_to_bytes

SIZE = 64
SUBJECTS = """smiling face; crying face; face with sunglasses; ghost; robot; red heart; thumbs up; eye; baby; astronaut;
dog; cat; rabbit; fox; panda; elephant; penguin; owl; fish; butterfly; snail; sunflower; tree; cactus;
red apple; banana; pizza; burger; ice cream; house; castle; sun; rainbow; snowman; red car; bicycle; rocket; guitar;
crown; key"""


def drawn(openmoji: Path, emoji: str) -> bytes:
    """PNG bytes, RGBA, 64 pixels a side, of OpenMoji's drawing."""
    code = "-".join(f"{ord(sign):04X}" for sign in emoji)
    paths = [openmoji / "color" / "svg" / f"{name}.svg" for name in (code, code.removesuffix("-FE0F"))]
    svg = next(path for path in paths if path.exists()).read_text()
    big = Image.open(io.BytesIO(svg_to_bytes(svg_string=svg, width=4 * SIZE, height=4 * SIZE))).convert("RGBA")
    out = io.BytesIO()
    big.resize((SIZE, SIZE), Image.Resampling.BOX).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("emoji", "openmoji", "out"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    known = {row["caption"]: row for row in pq.read_table(given.emoji).to_pylist()}
    chosen = [known[caption.strip()] for caption in SUBJECTS.split(";")]
    kept = ("captions", "category", "unicode")
    table = [
        {"image": {"bytes": drawn(given.openmoji, row["unicode"]), "path": None}, "caption": row["caption"]}
        | {name: row[name] for name in kept}
        for row in chosen
    ]
    write(table, given.out)
    print(f"{len(table)} pictures")
