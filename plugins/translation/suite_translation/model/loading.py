"""Where a model comes from: any seq2seq model of transformers, from the hub or of a finished run."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer

from suite import SuiteError, TrainingData, decoding
from suite_translation.config import TranslationConfig
from suite_translation.data.glossary import configured
from suite_translation.model import licence
from suite_translation.model.codec import Codec
from suite_translation.model.confidence import Confidence
from suite_translation.model.model import TranslationModel


def load(source: Path, config: TranslationConfig, data: TrainingData | None) -> TranslationModel:
    """A seq2seq network with its tokenizer, the confidence's curve that a run left beside it, and the glossary.

    Nothing is learnt from `data`. Raises `SuiteError` for other networks, for a licence that is not allowed, and for a
    glossary that can't be read.
    """
    licence.enforce(source, config.model, allowed=config.allow_noncommercial)
    network, tokenizer = load_network(source, config.model, dropout=config.dropout)
    codec = Codec(tokenizer, network.config, config.source_language)
    return TranslationModel(network, config, codec, Confidence.read(source), configured(config))


def load_network(source: Path, name: str, *, dropout: float) -> tuple[Any, Any]:
    """Network, in float32 whatever its file holds, and tokenizer of a folder; `name` is what the user called it.

    Raises `SuiteError` for what is no seq2seq model, lacks a part, or has weights only as a pickle.
    """
    what = name or source
    with decoding(f"{what} is no model folder, or damaged: it"):
        config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    if not config.is_encoder_decoder:
        raise SuiteError(
            f"{what} is a {config.model_type} model, which is no encoder with a decoder; "
            "give a seq2seq model: Marian, NLLB, M2M100, mBART or T5."
        )
    if hasattr(config, "dropout_rate"):  # T5's word for it
        config.dropout_rate = dropout
    elif hasattr(config, "dropout"):
        config.dropout = dropout
    if not list(source.glob("*.safetensors")):
        raise SuiteError(f"{what} has no weights as safetensors; Suite opens no pickles. Convert it, or take another.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sacremoses, which Marian would like and doesn't need
        with decoding(what):
            network = AutoModelForSeq2SeqLM.from_pretrained(
                source, config=config, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
            )
            tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    network.generation_config.max_length = None  # `generate` is told a number of new tokens
    for module in network.modules():
        # A table that is not learnt; transformers forgets so while loading, and processes would wait for its gradient.
        if "Sinusoidal" in type(module).__name__:
            module.requires_grad_(False)
    return network, tokenizer
