"""The boundary round decoders: what a library raises over a file is one sentence, all else goes through."""

import copy
import io
import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from suite_toy.domain import TOY

import suite
from suite import SuiteError, decoding, load_picture, picture_file, read_json
from suite.decoders import reason
from suite.decoders.model_files import check_layers
from suite.testing import DomainContract


class PanicException(BaseException):
    """As decoders in Rust raise it."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TypeError("Missing dimensions"), "Missing dimensions"),
        (KeyError(262), "KeyError 262"),
        (AssertionError(), "AssertionError"),
        (MemoryError(), "it takes more memory than there is"),
        (FileNotFoundError(2, "No such file or directory"), "No such file or directory"),
        (ValueError("two\n  lines."), "two lines"),
        (RecursionError("too deep"), "too deep"),
        (PanicException("index out of bounds"), "index out of bounds"),
    ],
)
def test_whatever_a_decoder_raises_is_one_sentence(error, said):
    with pytest.raises(SuiteError) as caught, decoding("a.tiff", "save it anew."):
        raise error
    assert str(caught.value) == f"a.tiff cannot be read ({said}); save it anew."
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), GeneratorExit(), SuiteError("a sentence")])
def test_what_is_no_fault_of_the_file_goes_through(error):
    with pytest.raises(type(error)) as caught, decoding("a.tiff"):
        raise error
    assert caught.value is error


def test_a_reason_is_never_a_file():
    assert len(reason(ValueError("x" * 10_000))) < 300


@pytest.mark.parametrize(
    "content", ["", "[1]", "3", "null", "{", "[" * 100_000, "{}", '{"a": "1"}', '{"a": true}', "\xff"]
)
def test_json_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(SuiteError, match=r"a\.json"):
        read_json(tmp_path / "a.json", fields={"a": int})


def test_the_cause_is_shown_to_who_looks_for_it(tmp_path):
    arguments = ["toy", "train", "--config", "a.yaml"]
    code = f"from suite.cli.main import suite, run; import sys; sys.exit(run(suite, {arguments}))"
    (tmp_path / "a.yaml").write_text("a: [")
    for strict, status, shown in (("0", 2, False), ("1", 1, True)):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"SUITE_STRICT": strict}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == status
        assert ("yaml.parser.ParserError" in done.stderr) is shown, done.stderr


def tiff(values, **settings):
    """The bytes of a TIFF; its tags can then be put wrong."""
    file = io.BytesIO()
    Image.fromarray(values).save(file, "TIFF", **settings)
    return bytearray(file.getvalue())


def with_tag(content, tag, value):
    """A TIFF with the one number of a tag changed."""
    from struct import pack_into, unpack_from

    content = bytearray(content)
    at = unpack_from("<I", content, 4)[0]
    for number in range(unpack_from("<H", content, at)[0]):
        entry = at + 2 + 12 * number
        if unpack_from("<H", content, entry)[0] == tag:
            pack_into("<HI", content, entry + 2, 4, 1)
            pack_into("<I", content, entry + 8, value)
    return bytes(content)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_a_tiff_without_all_its_strips_is_refused_before_it_is_unpacked(compression):
    """Pillow shows what is not there black: 1.7 GB of it from 1 KB."""
    whole = tiff(np.full((32, 32), 200, np.uint8), compression=compression)
    with picture_file(io.BytesIO(whole), "a.tiff") as opened:
        assert np.asarray(load_picture(opened, "a.tiff")).min() > 190
    tall = with_tag(with_tag(whole, 278, 32), 257, 3_000_000)  # RowsPerStrip, ImageLength
    with (
        pytest.raises(SuiteError, match=r"a\.tiff lacks 93,749 of the 93,750 strips"),
        picture_file(io.BytesIO(tall), "a.tiff") as opened,
    ):
        load_picture(opened, "a.tiff")


def test_a_config_of_more_layers_than_tensors_is_refused(tmp_path):
    """A library builds them one by one, and asks nobody."""
    import json

    from safetensors.numpy import save_file

    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "model.safetensors")
    for layers, fits in ((3, True), (1000, True), (2**32 - 1, False), (1e300, False)):
        (tmp_path / "config.json").write_text(json.dumps({"inner": {"encoder_layers": layers}, "hidden_size": 2**40}))
        if fits:
            check_layers(tmp_path)
        else:
            with pytest.raises(SuiteError, match="layers, and its weights have fewer tensors"):
                check_layers(tmp_path)


class Contract(DomainContract):
    """The toy's, for one promise."""

    domain = "toy"
    __test__ = False

    def make(self, **settings):
        return TOY.task(settings)


def test_the_contract_tells_of_a_damaged_model_that_is_no_sentence(tmp_path, monkeypatch):
    trained = suite.train("toy", max_steps=2, output=str(tmp_path / "runs")).path
    Contract().test_damaged_model_is_one_sentence(trained, tmp_path / "whole")
    monkeypatch.setattr("suite.domain.description.decoding", lambda *_: nullcontext())  # the core without its boundary
    with pytest.raises(pytest.fail.Exception, match="promised: an answer or a SuiteError"):
        Contract().test_damaged_model_is_one_sentence(trained, tmp_path / "bare")


def test_a_model_that_lacks_weights_is_refused(toy, toy_model):
    """As diffusers leaves a network whose file lacks some: it fails when it is moved, far from who read it."""
    broken = replace(toy_model, network=copy.deepcopy(toy_model.network).to("meta"))
    task = replace(toy, domain=replace(toy.domain, model=lambda source, config, data: broken))
    with pytest.raises(SuiteError, match=r"The model in a lacks .*; it may be damaged"):
        task.load(Path("a"), None)
