"""What the tests of the model side share: tiny models of every family, built from configs, and a toy language."""

from __future__ import annotations

import json
from pathlib import Path

import sentencepiece
import torch

WORDS = "save open close delete copy the a file folder window name all new of in and to not is error line please"
GERMAN = "speichern öffnen schließen löschen kopieren die eine datei ordner fenster namen alle neu von in und zu nicht"
SENTENCES = [f"{WORDS[i:]} {GERMAN[i:]}" for i in range(0, 90, 5)] + ["Save ⟦0⟧ of ⟦1⟧, 12 files: a. B? C! ( ) 3456789"]


def sentencepieces(folder: Path, *, symbols: tuple[str, ...] = (), size: int = 90) -> Path:
    """A sentencepiece model of the toy words in `folder`/spm.model, each symbol one piece."""
    corpus = folder / "corpus.txt"
    # A model without slots has never seen their brackets.
    corpus.write_text(
        "\n".join(SENTENCES * 3) if symbols else "\n".join(SENTENCES * 3).replace("⟦", "[").replace("⟧", "]")
    )
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(folder / "spm"),
        vocab_size=size,
        character_coverage=1.0,
        user_defined_symbols=list(symbols),
        hard_vocab_limit=False,
        minloglevel=2,
        num_threads=1,
    )
    return folder / "spm.model"


def marian(folder: Path, *, languages: tuple[str, ...] = ("de", "fr"), slots: bool = True, seed: int = 0) -> Path:
    """A Marian of some thousand random weights that knows `>>de<<`, and the slots if it is to."""
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    path = sentencepieces(folder, symbols=tuple(f"⟦{n}⟧" for n in range(10)) if slots else ())
    pieces = sentencepiece.SentencePieceProcessor(str(path))
    names = [pieces.IdToPiece(i) for i in range(len(pieces))]
    words = [
        "</s>",
        "<unk>",
        *(n for n in names if n not in ("<s>", "</s>", "<unk>")),
        *(f">>{x}<<" for x in languages),
    ]
    vocabulary = {word: number for number, word in enumerate([*words, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    tokenizer = MarianTokenizer(str(path), str(path), str(folder / "vocab.json"), source_lang="en", target_lang="de")
    pad = vocabulary["<pad>"]
    torch.manual_seed(seed)
    model = MarianMTModel(
        MarianConfig(
            vocab_size=len(vocabulary),
            decoder_vocab_size=len(vocabulary),
            d_model=16,
            encoder_layers=1,
            decoder_layers=3,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            max_position_embeddings=64,
            pad_token_id=pad,
            eos_token_id=0,
            decoder_start_token_id=pad,
            forced_eos_token_id=0,
            scale_embedding=True,
        )
    )
    model.generation_config.max_length = 64
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def fast(folder: Path, kind: str, *, seed: int = 0) -> Path:
    """A tiny model with a tokenizer in one file: "nllb", "mbart50", "mbart" or "t5"."""
    import transformers as hf

    folder.mkdir(parents=True, exist_ok=True)
    pieces = sentencepiece.SentencePieceProcessor(str(sentencepieces(folder)))
    names = [pieces.IdToPiece(i) for i in range(len(pieces))]
    words = [n for n in names if n not in ("<s>", "</s>", "<unk>")]
    torch.manual_seed(seed)
    if kind == "t5":
        vocabulary = [
            ("<pad>", 0.0),
            ("</s>", 0.0),
            ("<unk>", 0.0),
            *((word, -1.0 - i / 9) for i, word in enumerate(words)),
        ]
        tokenizer = hf.T5Tokenizer(vocab=vocabulary, extra_ids=0)
        config = hf.T5Config(
            vocab_size=len(tokenizer),
            d_model=16,
            d_kv=8,
            d_ff=32,
            num_layers=3,
            num_decoder_layers=3,
            num_heads=2,
            decoder_start_token_id=0,
            pad_token_id=0,
            eos_token_id=1,
        )
        model = hf.T5ForConditionalGeneration(config)
    else:
        cls = {"nllb": hf.NllbTokenizer, "mbart50": hf.MBart50Tokenizer, "mbart": hf.MBartTokenizer}[kind]
        start = ["<s>", "<pad>", "</s>", "<unk>"]
        if kind == "nllb":
            vocabulary = {word: number for number, word in enumerate([*start, *{c for w in words for c in w}])}
            tokenizer = cls(vocab=vocabulary, merges=[], src_lang="eng_Latn")
        else:
            scored = [*((word, 0.0) for word in start), *((word, -1.0 - i / 9) for i, word in enumerate(words))]
            tokenizer = cls(vocab=scored, src_lang="en_XX")
        sizes = {
            "vocab_size": len(tokenizer),
            "d_model": 16,
            "encoder_layers": 1,
            "decoder_layers": 3,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 32,
            "decoder_ffn_dim": 32,
            "max_position_embeddings": 64,
            "pad_token_id": 1,
            "bos_token_id": 0,
            "eos_token_id": 2,
            "decoder_start_token_id": 2,
        }
        model = (
            hf.M2M100ForConditionalGeneration(hf.M2M100Config(**sizes))
            if kind == "nllb"
            else hf.MBartForConditionalGeneration(hf.MBartConfig(**sizes))
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def m2m(folder: Path) -> Path:
    """A tiny M2M100 with its slow tokenizer."""
    import transformers as hf

    folder.mkdir(parents=True, exist_ok=True)
    path = sentencepieces(folder)
    pieces = sentencepiece.SentencePieceProcessor(str(path))
    start = ["<s>", "<pad>", "</s>", "<unk>"]
    names = [n for n in (pieces.IdToPiece(i) for i in range(len(pieces))) if n not in start]
    (folder / "vocab.json").write_text(json.dumps({n: i for i, n in enumerate([*start, *names])}))
    tokenizer = hf.M2M100Tokenizer(str(folder / "vocab.json"), str(path), src_lang="en")
    torch.manual_seed(0)
    model = hf.M2M100ForConditionalGeneration(
        hf.M2M100Config(
            vocab_size=tokenizer.vocab_size + 108,
            d_model=16,
            encoder_layers=1,
            decoder_layers=3,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            max_position_embeddings=64,
            pad_token_id=1,
            bos_token_id=0,
            eos_token_id=2,
            decoder_start_token_id=2,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
