"""Small files of every kind that is read, made here: a seed is a folder of files, by name."""

from __future__ import annotations

import gzip
import io
import json
import struct
import wave

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

CHANCE = np.random.default_rng(0)
LEFT, RIGHT = (np.full((24, 12, 3), value, np.uint8) for value in (40, 200))
PICTURE = Image.fromarray(np.concatenate([LEFT, RIGHT], axis=1))
PICTURE.putpixel((3, 3), (255, 0, 0))


def alone(name, *contents):
    """A seed of one file for each content."""
    return [{name: content} for content in contents]


def encoded(form, picture=PICTURE, frames=1, **settings):
    """A picture file's bytes; `frames` is how many it has."""
    file = io.BytesIO()
    if frames > 1:
        settings |= {"save_all": True, "append_images": [picture.rotate(90 * n) for n in range(1, frames)]}
    picture.copy().save(file, form, **settings)  # a copy: saving leaves settings on a picture
    return file.getvalue()


def pictures(*, medical):
    """Of every format that is read, in its usual kinds."""
    grey, deep = PICTURE.convert("L"), Image.fromarray(np.arange(576, dtype=np.uint16).reshape(24, 24) * 100)
    exif = Image.Exif()
    exif[0x0112] = 6
    texts = PngInfo()
    texts.add_itxt("comment", "ein Bild", lang="de", zip=True)
    texts.add_text("author", "Ada", zip=True)
    tiff = TiffImagePlugin.ImageFileDirectory_v2()
    tiff[270] = "a description"
    seeds = {
        "png": [encoded("PNG", pnginfo=texts), encoded("PNG", PICTURE.convert("P")), encoded("PNG", deep)],
        "jpeg": [encoded("JPEG", exif=exif), encoded("JPEG", grey, progressive=True)],
        "mpo": [encoded("MPO", frames=2)],
        "webp": [encoded("WEBP"), encoded("WEBP", lossless=True, exif=exif)],
        "gif": [encoded("GIF"), encoded("GIF", frames=2)],
        "tiff": [
            encoded("TIFF", compression="tiff_lzw", tiffinfo=tiff),
            encoded("TIFF", grey, compression="jpeg"),
            encoded("TIFF", deep, compression="tiff_adobe_deflate"),
            encoded("TIFF", frames=2),
            encoded("TIFF", PICTURE.convert("1"), compression="group4"),
        ],
        "bmp": [encoded("BMP"), encoded("BMP", PICTURE.convert("P"))],
    }
    if medical:
        seeds |= {"jpeg2000": [encoded("JPEG2000")], "ppm": [encoded("PPM"), b"P2\n2 2\n255\n0 1\n2 3\n"]}
    return {kind: alone(f"a.{kind}", *contents) for kind, contents in seeds.items()}


def dicom():
    """An uncompressed and an RLE slice, and a deflated one."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless

    files = []
    for syntax in (ExplicitVRLittleEndian, RLELossless, DeflatedExplicitVRLittleEndian):
        data, meta = Dataset(), FileMetaDataset()
        meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
        meta.MediaStorageSOPInstanceUID = "1.2.3"
        data.file_meta = meta
        data.SOPClassUID, data.SOPInstanceUID, data.Modality = CTImageStorage, "1.2.3", "CT"
        data.Rows = data.Columns = 16
        data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
        data.WindowCenter, data.WindowWidth, data.RescaleSlope, data.RescaleIntercept = "2000", "4000", "1", "-1024"
        data.NumberOfFrames = 2
        data.PixelData = np.arange(512, dtype=np.uint16).tobytes()
        if syntax == RLELossless:
            data.compress(RLELossless)
        meta.TransferSyntaxUID = syntax
        file = io.BytesIO()
        data.save_as(file, enforce_file_format=True)
        files.append(file.getvalue())
    return alone("a.dcm", *files)


def nifti():
    """A volume, plain and packed."""
    import nibabel

    image = nibabel.Nifti1Image(np.arange(512, dtype=np.int16).reshape(8, 8, 8), np.diag([2, 2, 3, 1]))
    return [{"a.nii": image.to_bytes()}, {"a.nii.gz": gzip.compress(image.to_bytes(), mtime=0)}]


def sound(kind):
    """A third of a second at 8 kHz."""
    import soundfile

    samples = (0.3 * np.sin(np.arange(2400) / 5)).astype(np.float32)
    form = {"float.wav": ("WAV", "FLOAT"), "wav": ("WAV", "PCM_16"), "ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS")}
    format, subtype = form.get(kind, (kind.upper(), None))
    file = io.BytesIO()
    soundfile.write(file, samples, 8000, format=format, subtype=subtype)
    return alone(f"a.{kind}", file.getvalue())


def parquet(rows, *, metadata=None, **settings):
    """A Parquet file's bytes."""
    file = io.BytesIO()
    table = rows if isinstance(rows, pa.Table) else pa.table(rows)
    pq.write_table(table.replace_schema_metadata(metadata) if metadata else table, file, **settings)
    return file.getvalue()


WORDS = [{"word": "apfel", "label": "vowels", "author": "a1"}, {"word": "tag", "label": "consonants", "author": "7"}]
TABLES = {
    "csv": b'word,label,author,n\napfel,vowels,a1,1\n"ta,g",consonants,7,2.5\nbirne,vowels,,3\n',
    "tsv": b'word\tlabel\tauthor\napfel\tvowels\ta1\nt"ag\tconsonants\t7\n',
    "json": json.dumps(WORDS).encode(),
    "jsonl": "\n".join(map(json.dumps, WORDS)).encode(),
    "parquet": parquet(pa.Table.from_pylist(WORDS)),
}

PO = rb"""msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Language: de\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

#. a note, max-length: 20
#, c-format, fuzzy
#| msgid "old"
msgctxt "menu"
msgid "Open %s"
msgstr "\303\226ffne %s"

msgid "One file"
msgid_plural "%d files"
msgstr[0] "Eine Datei"
msgstr[1] "%d Dateien"

#~ msgid "gone"
#~ msgstr "weg"
"""
XLIFF_ONE = b"""<?xml version="1.0" encoding="UTF-8"?>
<xliff version="1.2"><file original="a" source-language="en" target-language="de" datatype="plaintext"><body>
<trans-unit id="1" maxwidth="20" size-unit="char"><source>Press <g id="2">OK</g><x id="3"/></source>
<target state="new">Dr\xc3\xbccke <g id="2">OK</g></target><note>a note</note></trans-unit>
<trans-unit id="2"><source>Bye &amp; on</source></trans-unit></body></file></xliff>
"""
XLIFF_TWO = b"""<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.0" srcLang="en" trgLang="de">
<file id="f"><unit id="u"><notes><note>a note</note></notes><originalData><data id="d">x</data></originalData>
<segment id="s" state="initial"><source>Hi <ph id="1" dataRef="d"/><pc id="2">you</pc></source>
<target>Hallo</target></segment></unit></file></xliff>
"""
TMX = b"""<?xml version="1.0"?>
<tmx version="1.4"><header srclang="en" segtype="sentence"/><body><tu tuid="1"><tuv xml:lang="en"><seg>Open</seg></tuv>
<tuv xml:lang="de"><prop type="x-fuzzy">true</prop><seg>\xc3\x96ffnen <bpt i="1">b</bpt>x<ept i="1">b</ept></seg></tuv>
</tu></body></tmx>
"""
SUBTITLES = b"1\n00:00:01,000 --> 00:00:02,500\nGood <i>morning</i>\n\n2\n00:00:03,000 --> 00:00:04,000\n- Yes\n- No\n"
STRINGS = {
    "po": [PO, PO.replace(b"UTF-8", b"ISO-8859-1")],
    "pot": [PO.replace(b"UTF-8", b"CHARSET")],
    "xlf": [XLIFF_ONE, XLIFF_TWO],
    "tmx": [TMX],
    "csv": [b'key,source,target,max_length\na,Open,"\xc3\x96ffne, bitte",20\nb,"Close ""it""",,\n'],
    "tsv": [b"source\ttarget\nOpen\t\xc3\x96ffnen\nClose\t\n"],
    "json": [
        b'{"open": "Open {name}", "items_one": "one", "items_other": "{{count}}", "deep": {"a": "b", "l": ["c"]}}'
    ],
    "arb": [b'{"@@locale": "en", "n": "{n, plural, =1{one} other{# of {x}}}", "@n": {"description": "max 20"}}'],
    "srt": [SUBTITLES],
}
"""Of each format of strings."""
GLOSSARY = b"source,target,language,case\nopen file,Datei \xc3\xb6ffnen,de,no\nSave,Sichern,,yes\n"
CARD = b"---\nlicense: other\nlicense_name: mine\ntags: [a, b]\nbase_model: x/y\n---\n# A card\n"
CONFIG = (
    b"seed: 7\nepochs: 2.5\nlearning_rate: 0.001\ndata: words.csv\ncolumns: {word: text}\ncallbacks: []\nlora: false\n"
)


def safetensors(tensors=None):
    """A file of weights."""
    from safetensors.numpy import save

    return save(tensors or {"weight": CHANCE.random((4, 4), np.float32), "bias": np.zeros(4, np.float32)})


def wav(samples):
    """A plain 16-bit WAV file at 16 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(16_000)
        opened.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return file.getvalue()
