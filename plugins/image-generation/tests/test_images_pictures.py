"""Picture files as people have them: each is read to known values, or refused with its reason."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from suite import SuiteError
from suite_image_generation.pictures.files import facts, on_white, read


def saved(picture, form="PNG", **how):
    buffer = io.BytesIO()
    picture.save(buffer, format=form, **how)
    return {"bytes": buffer.getvalue(), "path": f"a.{form.lower()}"}


def first(picture):
    return picture.getpixel((0, 0))


@pytest.mark.parametrize(
    ("picture", "form", "expected"),
    [
        (Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "TIFF", (255, 0, 0)),
        (Image.new("L", (16, 16), 7), "PNG", (7, 7, 7)),
        (Image.new("1", (16, 16), 1), "PNG", (255, 255, 255)),
        (Image.new("LA", (16, 16), (9, 255)), "PNG", (9, 9, 9)),
        (Image.fromarray(np.full((16, 16), 65535, np.uint16)), "PNG", (255, 255, 255)),
        (Image.fromarray(np.full((16, 16), 257 * 100, np.uint16)), "TIFF", (100, 100, 100)),
        (Image.new("RGBA", (16, 16), (1, 2, 3, 128)), "PNG", (1, 2, 3, 128)),
    ],
)
def test_every_mode_becomes_rgb_or_rgba(picture, form, expected):
    assert first(read(saved(picture, form))) == expected


def test_a_palette_with_a_transparent_entry_becomes_rgba():
    picture = Image.new("P", (16, 16), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    assert first(read(saved(picture))) == (10, 20, 30)
    assert first(read(saved(picture, transparency=1))) == (10, 20, 30, 0)


def test_exif_rotation_is_applied_and_told():
    picture = Image.new("RGB", (32, 16), "blue")
    picture.paste("red", (0, 0, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right by 90 degrees
    value = saved(picture, exif=exif.tobytes())
    upright = read(value)
    assert upright.size == (16, 32)
    assert (upright.getpixel((8, 4)), upright.getpixel((8, 28))) == ((255, 0, 0), (0, 0, 255))
    details = facts(value)
    assert (details.width, details.height) == (16, 32)
    assert details.notes == ("it is turned upright as its EXIF data say",)


def test_an_embedded_profile_is_turned_into_srgb():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    broken = saved(Image.new("RGB", (16, 16), (10, 20, 30)), icc_profile=profile)
    assert first(read(broken)) == (10, 20, 30)  # a profile for something else is left aside
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert first(read(saved(Image.new("RGB", (16, 16), (10, 20, 30)), icc_profile=srgb))) == (10, 20, 30)


def profile(kind):
    """ICC profiles made here: red and blue exchanged (a matrix of sRGB's own columns), or grey with a gamma of 1."""
    if kind == "swapped":
        content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
        content = content.replace(b"rXYZ", b"tXYZ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"tXYZ", b"bXYZ", 1)
        return bytes(content.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be")).replace(b"sRGB", b"swap"))
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 7) + b"linear\0" + bytes(78),
        b"wtpt": b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061),
        b"kTRC": b"curv" + bytes(4) + struct.pack(">I", 0),  # no points: linear
    }
    table, data = b"", b""
    for name, content in tags.items():
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    size = 132 + len(table) + len(data)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", b"GRAY", b"XYZ ") + bytes(12) + b"acsp"
    head += bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "P+"])
def test_a_profile_counts_in_every_mode_of_colour(mode):
    if mode in ("RGB", "RGBA"):
        picture = Image.new(mode, (16, 16), (200, 30, 60, 90)[: len(mode)])
    else:
        picture = Image.new("P", (16, 16), 0)
        picture.putpalette([200, 30, 60])
    given = saved(picture, icc_profile=profile("swapped"), **({"transparency": bytes([90])} if mode == "P+" else {}))
    made = first(read(given))
    assert np.allclose(made[:3], (60, 30, 200), atol=2)
    assert made[3:] == ((90,) if mode in ("RGBA", "P+") else ())
    assert facts(given).notes[0] == "its colours are converted from the profile 'swap built-in' to sRGB"


@pytest.mark.parametrize(("mode", "value"), [("L", 55), ("LA", (55, 90)), ("I;16", 55 * 257)])
def test_a_profile_counts_in_grey(mode, value):
    picture = (
        Image.fromarray(np.full((16, 16), value, np.uint16)) if mode == "I;16" else Image.new(mode, (16, 16), value)
    )
    given = saved(picture, icc_profile=profile("linear"))
    made = first(read(given))
    assert np.allclose(made[:3], 128, atol=2)  # sRGB's curve has 55 of 255 of the light at 128
    assert made[3:] == ((90,) if mode == "LA" else ())
    assert any("'linear' to sRGB" in note for note in facts(given).notes)


def test_the_first_frame_of_an_animation_is_used_and_told():
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    value = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert first(read(value)) == (255, 0, 0)
    assert facts(value).notes == ("it has 3 frames, of which the first is used",)


def test_transparency_is_told():
    details = facts(saved(Image.new("RGBA", (16, 16), (0, 0, 0, 0))))
    assert details.transparent and "white" in details.notes[0]
    assert not facts(saved(Image.new("RGBA", (16, 16), (0, 0, 0, 255)))).transparent


def test_transparent_becomes_white_for_others():
    assert first(on_white(Image.new("RGBA", (16, 16), (0, 0, 0, 0)))) == (255, 255, 255)
    assert first(on_white(Image.new("RGBA", (16, 16), (0, 0, 0, 51)))) == (204, 204, 204)


def bomb(width, height):
    """A PNG of a few bytes that declares a size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return {"bytes": data, "path": "bomb.png"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (saved(Image.new("RGB", (1, 1))), "it has 1 x 1 pixels; each side needs at least 16"),
        (bomb(20_000, 20_000), "declares .*pixels.*; crop or shrink it"),
        (bomb(12_000, 10_000), "declares 12000 x 10000 pixels, more than 100 million; crop or shrink it"),
        ({"bytes": b"hello", "path": "a.png"}, "no picture this reads"),
        ({"bytes": saved(Image.effect_noise((64, 64), 90))["bytes"][:900], "path": "a.png"}, "may be cut short"),
        (
            {"bytes": saved(Image.effect_noise((64, 64), 90), "JPEG")["bytes"][:900], "path": "a.jpg"},
            "may be cut short",
        ),
        (saved(Image.new("F", (16, 16), 0.5), "TIFF"), "its values are neither 8 nor 16 bits"),
    ],
)
def test_what_cannot_be_used_says_why(value, reason):
    with pytest.raises(SuiteError, match=reason):
        read(value)
    assert facts(value).problem


def test_a_bomb_is_never_decoded(monkeypatch):
    from PIL import PngImagePlugin

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda self: pytest.fail("decoded"))
    assert "shrink it" in facts(bomb(12_001, 10_000)).problem
