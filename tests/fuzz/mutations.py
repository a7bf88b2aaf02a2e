"""Damage as disks, networks, editors and malice do it; the same for the same name and number."""

from __future__ import annotations

import json
import random
import re

NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
NUMBERS = (
    b"0",
    b"-1",
    b"1",
    b"2",
    b"255",
    b"65536",
    b"4294967295",
    b"9223372036854775808",
    b"1e400",
    b"NaN",
    b"0.5",
    b"",
)
INSERTED = (
    b"\0", b"\xff\xff\xff\xff", b"\n", b"\r\n", b'"', b"'", b"{", b"[", b"<", b">", b"&", b";", b"\xef\xbb\xbf",
    b"\xc3(", b"\\", b"-", b"(" * 2000, b"[" * 5000, b" " * 5000, b"a" * 5000, b"!!python/object:os.system ",
)  # fmt: skip
BINARY = (b"\0", b"\x7f", b"\x80", b"\xff")
VALUES = (
    None, True, 0, -1, 1, 3, 2**31, 2**63, 0.5, 1e308, float("nan"), "", "x", "\ud800", [], [None], {}, {"a": 1},
    [[[]]],
)  # fmt: skip


def damaged(content: bytes, random: random.Random) -> bytes:
    """`content` with one to three faults."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        kinds = [_flipped, _cut, _doubled, _inserted, _removed, _numbered, _binary_number]
        if content[:1] in (b"{", b"["):
            kinds += [_other_value] * 7  # a value of another kind is what programs of other versions write
        content = random.choice(kinds)(content, random)
    return content


def _flipped(content: bytes, random: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 4, 16)) if content else 0):
        changed[_place(content, random)] ^= 1 << random.randrange(8)
    return bytes(changed)


def _place(content: bytes, random: random.Random) -> int:
    """Half of them where headers are."""
    return random.randrange(min(len(content), random.choice((64, len(content)))) or 1)


def _cut(content: bytes, random: random.Random) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _stretch(content: bytes, random: random.Random) -> tuple[int, int]:
    start = random.randrange(len(content) + 1)
    return start, min(len(content), start + random.choice((1, 4, 32, 256)))


def _doubled(content: bytes, random: random.Random) -> bytes:
    start, end = _stretch(content, random)
    return content[:end] + content[start:end] * random.choice((1, 1, 50)) + content[end:]


def _removed(content: bytes, random: random.Random) -> bytes:
    start, end = _stretch(content, random)
    return content[:start] + content[end:]


def _inserted(content: bytes, random: random.Random) -> bytes:
    at = random.randrange(len(content) + 1)
    return content[:at] + random.choice((*INSERTED, random.randbytes(8))) + content[at:]


def _numbered(content: bytes, random: random.Random) -> bytes:
    places = [match.span() for match in NUMBER.finditer(content[:20_000])]
    if not places:
        return _flipped(content, random)
    start, end = random.choice(places)
    return content[:start] + random.choice(NUMBERS) + content[end:]


def _binary_number(content: bytes, random: random.Random) -> bytes:
    at, size = _place(content, random), random.choice((1, 2, 4, 8))
    return content[:at] + random.choice(BINARY) * size + content[at + size :]


def _other_value(content: bytes, random: random.Random) -> bytes:
    """JSON, or lines of it, with a value exchanged, taken out or added at any depth."""
    lines = content.split(b"\n") if content[:1] == b"{" and b"\n{" in content else [content]
    number = random.randrange(len(lines))
    try:
        value = json.loads(lines[number])
    except (ValueError, RecursionError):
        return _flipped(content, random)
    holder = [value]
    places: list[tuple[object, object]] = []
    _places(holder, places)
    where, key = random.choice(places)
    if random.random() < 0.2 and where is not holder:
        del where[key]  # type: ignore[attr-defined]
    else:
        where[key] = random.choice(VALUES)  # type: ignore[index]
    lines[number] = json.dumps(holder[0]).encode()
    return b"\n".join(lines)


def _places(value: object, places: list[tuple[object, object]]) -> None:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys)[:50]:
        places.append((value, key))
        _places(value[key], places)  # type: ignore[index]
