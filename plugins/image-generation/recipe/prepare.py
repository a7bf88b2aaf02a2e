"""Makes `emoji.parquet` out of two npm packages: pictures, captions and keywords of the emoji named in subjects.txt.

npm pack emoji-datasource-google@16.0.0 && npm pack emojilib@4.0.3     # unpack them as google/ and emojilib/
python prepare.py google emojilib ../suite_image_generation/data/emoji.parquet
"""

from __future__ import annotations

import argparse
import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
COMMON = 3
"""A keyword of more pictures than this names none of them ("food", "nature")."""
VAGUE = set((HERE / "vague.txt").read_text().split())
"""Words that stand in names and keywords of some picture and don't call it to mind, or are not for everybody."""


def subjects(path: Path = HERE / "subjects.txt") -> dict[str, list[str]]:
    """Short name to the captions that a person would type, the main one first."""
    lines = [line.split("=") for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return {name.strip(): [plain(word) for word in (given[0] if given else name).split(",")] for name, *given in lines}


def plain(words: str) -> str:
    """Lower case, with spaces: `old_key` becomes `old key`."""
    return re.sub(r"[_\s]+", " ", words.replace(":", "").lower()).strip()


def keywords(emojilib: Path) -> dict[str, list[str]]:
    """Emoji to its keywords, without emoticons and other signs."""
    table = json.loads((emojilib / "dist" / "emoji-en-US.json").read_text())
    return {
        emoji: [plain(word) for word in words if re.fullmatch(r"[A-Za-z][\w -]+", word)]
        for emoji, words in table.items()
    }


def rows(google: Path, emojilib: Path) -> list[dict[str, Any]]:
    """One row a picture, in the order of subjects.txt."""
    known = {name: emoji for emoji in json.loads((google / "emoji.json").read_text()) for name in emoji["short_names"]}
    tags = keywords(emojilib)
    entries = [_row(known[name], given, tags, google) for name, given in subjects().items()]
    counts = Counter(word for row in entries for word in row["keywords"])
    # "bear" is a keyword of the koala too, but whoever says bear wants the bear.
    taken = {caption for row in entries for caption in row["captions"]} | VAGUE
    for row in entries:
        row["keywords"] = [word for word in row["keywords"] if counts[word] <= COMMON and word not in taken]
    return entries


def _row(emoji: dict[str, Any], given: list[str], tags: dict[str, list[str]], google: Path) -> dict[str, Any]:
    text = "".join(chr(int(code, 16)) for code in emoji["unified"].split("-"))
    names = [plain(name.replace("-", " ")) for name in (emoji["name"], *emoji["short_names"]) if len(name) > 2]
    # Unicode's names tell old drawings apart ("heavy black heart"), or flags by their codes.
    names = [name for name in names if VAGUE.isdisjoint(name.split()) and "flag" not in name]
    captions = list(dict.fromkeys([*given, *names]))
    words = [word for word in tags.get(text, tags.get(text.rstrip("\ufe0f"), [])) if word not in captions]
    return {
        "image": {"bytes": picture(google / "img" / "google" / "64" / emoji["image"]), "path": None},
        "caption": captions[0],
        "captions": captions,
        "keywords": list(dict.fromkeys(words)),
        "category": emoji["category"],
        "unicode": text,
        "style": text,
    }


def picture(path: Path) -> bytes:
    """PNG bytes, RGBA, 64 pixels a side."""
    from PIL import Image

    out = io.BytesIO()
    Image.open(path).convert("RGBA").save(out, "PNG", optimize=True)
    return out.getvalue()


def write(table: list[dict[str, Any]], path: Path) -> None:
    """Writes it in the layout of `datasets`: its `Image` feature reads the column."""
    from datasets import Dataset, Features, Image, Sequence, Value

    text, texts = Value("string"), Sequence(Value("string"))
    columns = {
        "image": Image(),
        "caption": text,
        "captions": texts,
        "keywords": texts,
        "category": text,
        "unicode": text,
        "style": text,
    }
    features = Features({name: columns[name] for name in table[0]})
    path.parent.mkdir(parents=True, exist_ok=True)
    Dataset.from_list(table, features=features).to_parquet(str(path))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("google", type=Path)
    parser.add_argument("emojilib", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    table = rows(given.google, given.emojilib)
    write(table, given.out)
    print(f"{len(table)} pictures, {sum(len(row['captions']) + len(row['keywords']) for row in table)} texts")
