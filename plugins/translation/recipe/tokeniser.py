"""One Unigram vocabulary for the four languages: `python tokeniser.py FOLDER [--size 6000]` writes FOLDER/tokeniser."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterator
from pathlib import Path

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

LANGUAGE_TOKENS = (">>de<<", ">>fr<<", ">>es<<")
SLOT_TOKENS = tuple(f"⟦{number}⟧" for number in range(10))


def make(texts: Iterator[str], size: int) -> PreTrainedTokenizerFast:
    """A tokeniser that loses nothing: characters it hasn't seen become bytes, and spaces are kept as they are."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=texts,
        model_writer=model,
        vocab_size=size - len(LANGUAGE_TOKENS),
        model_type="unigram",
        byte_fallback=True,
        # Marian starts decoding with the padding token, and has it last; here it is first, so that nothing moves.
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        user_defined_symbols=list(SLOT_TOKENS),
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        num_threads=1,
        minloglevel=2,
    )
    trained = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    pieces = [(trained.id_to_piece(i), trained.get_score(i)) for i in range(trained.get_piece_size())]
    return _fast(pieces)


def _fast(pieces: list[tuple[str, float]]) -> PreTrainedTokenizerFast:
    tokeniser = Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=True))
    # Only the first word gets a space in front: after a slot there is none to take away again.
    tokeniser.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokeniser.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokeniser.add_special_tokens([AddedToken(token, normalized=False) for token in ("<pad>", "</s>", "<unk>")])
    tokeniser.add_tokens([AddedToken(token, normalized=False) for token in SLOT_TOKENS])
    tokeniser.add_special_tokens([AddedToken(token, normalized=False) for token in LANGUAGE_TOKENS])
    end = tokeniser.token_to_id("</s>")
    tokeniser.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", end)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokeniser,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=list(LANGUAGE_TOKENS),
        clean_up_tokenization_spaces=False,
        model_max_length=128,
    )


def _texts(path: Path) -> Iterator[str]:
    """Each English string once, and every translation."""
    seen: set[str] = set()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            pair = json.loads(line)
            yield pair["target"]
            if pair["source"] not in seen:
                seen.add(pair["source"])
                yield pair["source"]


def main() -> None:
    """Trains on the corpus in a folder and saves beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=6000)
    options = parser.parse_args()
    make(_texts(options.folder / "train.jsonl"), options.size).save_pretrained(options.folder / "tokeniser")


if __name__ == "__main__":
    main()
