"""Whether a sound file is all there. Decoders play what is left of one that was cut short, and say nothing."""

from __future__ import annotations

import mmap
import struct
from functools import lru_cache
from pathlib import Path

Content = bytes | mmap.mmap

_UNKNOWN = 0x7FFF0000
"""Sizes from here on stand for "until the end": programs that write into a pipe put them into a WAV's header."""
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""Samples a second of MPEG 1, 2 and 2.5, by the two bits of a frame's header that say which."""
_KBITS = {
    (True, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Kilobits a second by whether it is MPEG 1, and the bits for the layer (3 is layer I)."""
_PAGE = 1 << 17
"""Bytes at the end of an Ogg file in which its last page begins: the longest page has 65,307."""


def what_is_missing(file: str | bytes) -> str:
    """What a file (its name, or its bytes) lacks of the sound its header promises, in words; "" where nothing.

    WAV, AIFF, AU, Ogg and MP3 are looked at; FLAC's samples are counted by who reads them. An MP3 that names no length
    and was cut between two frames is like one that ends there.
    """
    if isinstance(file, bytes):
        return _missing(file)
    stat = Path(file).stat()
    return _of_path(file, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4096)  # the cues of one long recording ask a hundred times
def _of_path(path: str, size: int, changed: int) -> str:
    if size == 0:
        return ""
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return _missing(content)


def _missing(content: Content) -> str:
    head = content[:12]
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:] == b"WAVE":
        return _in_chunk(content, b"data", ">" if head[:4] == b"RIFX" else "<")
    if head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        return _in_chunk(content, b"SSND", ">")
    if head[:4] == b".snd":
        return _short(int.from_bytes(head[8:], "big"), len(content) - int.from_bytes(head[4:8], "big"))
    if head[:4] == b"riff":
        return _in_wave64(content)
    if head[:4] == b"OggS":
        return _in_ogg(content)
    if head[:3] == b"ID3" or _frame(head[:4]):
        return _in_mp3(content)
    return ""


def _in_chunk(content: Content, name: bytes, order: str) -> str:
    at, end, long = 12, len(content), 0
    while at + 8 <= end:
        size = struct.unpack_from(f"{order}I", content, at + 4)[0]
        if content[at : at + 4] == b"ds64" and at + 24 <= end:  # RF64 keeps sizes beyond 4 GB here
            long = struct.unpack_from("<Q", content, at + 16)[0]
        if content[at : at + 4] == name:
            return _short(long if long and size == 0xFFFFFFFF else size, end - at - 8, known=bool(long))
        at += 8 + size + size % 2
    return ""


def _in_wave64(content: Content) -> str:
    at = 40  # after the names of the form and its size
    while at + 24 <= len(content):
        size = struct.unpack_from("<Q", content, at + 16)[0]  # with these 24 bytes
        if content[at : at + 4] == b"data":
            return _short(size - 24, len(content) - at - 24, known=True)
        at += max(24, size + -size % 8)
    return ""


def _short(announced: int, there: int, *, known: bool = False) -> str:
    if there >= announced or (announced >= _UNKNOWN and not known):
        return ""
    return f"{announced:,} bytes of sound are announced and {max(0, there):,} are there"


def _in_ogg(content: Content) -> str:
    at = content.rfind(b"OggS\0", max(0, len(content) - _PAGE))
    page = content[at : at + 27] if at >= 0 else b""
    if len(page) == 27:
        lengths = content[at + 27 : at + 27 + page[26]]
        if len(lengths) == page[26] and at + 27 + page[26] + sum(lengths) <= len(content) and page[5] & 4:
            return ""
    return "its last page is not there"


def _in_mp3(content: Content) -> str:
    at = 0
    if content[:3] == b"ID3":
        size = 0
        for byte in content[6:10]:
            size = size << 7 | byte & 127
        at = 10 + size
    announced, count, end = 0, 0, len(content)
    while length := _frame(content[at : at + 4]):
        if count == 0:
            announced = _announced(content[at : at + 200])
        if at + length > end:
            return "it ends within a frame"
        at, count = at + length, count + 1
    # The frame that announces is counted by some programs and not by others.
    if count + 1 < announced:
        return f"{announced:,} frames are announced and {count:,} are there"
    return ""


def _frame(head: bytes) -> int:
    """Bytes of the MP3 frame that begins so; 0 where none does."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer, rate, bits = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or layer == 0 or rate == 3 or bits in (0, 15):
        return 0
    per_second = _RATES[version][rate]
    kbits, padding = _KBITS[version == 3, layer][bits - 1], head[2] >> 1 & 1
    if layer == 3:
        return (12_000 * kbits // per_second + padding) * 4
    samples = 72_000 if layer == 1 and version != 3 else 144_000
    return samples * kbits // per_second + padding


def _announced(frame: bytes) -> int:
    """How many frames the first one says there are: Xing's and LAME's way, and Fraunhofer's; 0 where it is silent."""
    for name in (b"Xing", b"Info"):
        at = frame.find(name, 4, 48)
        if at >= 0 and len(frame) >= at + 12 and frame[at + 7] & 1:
            return int.from_bytes(frame[at + 8 : at + 12], "big")
    at = frame.find(b"VBRI", 4, 48)
    return int.from_bytes(frame[at + 14 : at + 18], "big") if at >= 0 else 0
