"""Texts to token ids and back, for the tokenizer of any seq2seq model, in the language that is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch

from suite import SuiteError
from suite_translation.strings.languages import code_in, name_of
from suite_translation.strings.placeholders import SLOT, SLOTS

_SPELLINGS = ("⟦{}⟧", "[{}]", "<{}>", "__{}__", "X{}X")
"""How a slot is written for a tokenizer that loses the first of these; the first that comes back unchanged is taken."""
_INSTRUCTED = ("t5", "mt5", "umt5", "longt5", "switch_transformers")
_CODED = ("M2M100Tokenizer", "NllbTokenizer", "MBart50Tokenizer", "MBartTokenizer")


class Codec:
    """Texts to token ids and back, for a tokenizer of a kind, with the language said in that kind's way.

    Marian models of several languages want `>>de<<` before the text; NLLB, M2M100 and mBART a code as the first token
    of the translation; T5 an instruction; any other model translates into the one language it was trained on.
    """

    def __init__(self, tokenizer: Any, config: Any, source_language: str) -> None:
        self.tokenizer, self.source_language = tokenizer, source_language
        name = type(tokenizer).__name__.removesuffix("Fast")
        self.prefixes = sorted(token for token in tokenizer.get_vocab() if re.fullmatch(r">>[\w-]+<<", token))
        self.coded = name in _CODED
        self.instructed = config.model_type in _INSTRUCTED
        self.starts_with_code = name == "MBartTokenizer"
        self.start: int = config.decoder_start_token_id
        self.codes: list[str] = []
        self.limit: int = getattr(config, "max_position_embeddings", None) or 512
        if self.coded:
            self.codes = _language_tokens(tokenizer)
            tokenizer.src_lang = tokenizer.tgt_lang = code_in(source_language, self.codes)
        self.unsaid = {_code_id(tokenizer, code) for code in self.codes} if self.coded else set()
        self.slot = _spelling(tokenizer)

    @property
    def multilingual(self) -> bool:
        """Whether a language can be asked for."""
        return bool(self.prefixes or self.coded or self.instructed)

    def refuse_several(self, languages: set[str]) -> None:
        """Raises `SuiteError` where a model of one language is asked for several, or a model lacks one of them."""
        if not self.multilingual and len(languages) > 1:
            raise SuiteError(
                f"The model can't be told a language, and the data have {', '.join(sorted(languages))}; "
                "give rows of one language, or a model of several."
            )
        for language in languages:
            self.encode("a", language)

    def encode(self, text: str, language: str) -> list[int]:
        """Token ids of a source text, cut at what the model's positions hold."""
        if self.prefixes:
            codes = {prefix.strip("<>"): prefix for prefix in self.prefixes}
            text = f"{codes[code_in(language, codes)]} {self.spelt(text)}"
        elif self.instructed:
            text = f"{self.instruction(language)} {self.spelt(text)}"
        else:
            if self.coded:
                code_in(language, self.codes)
            text = self.spelt(text)
        return self.tokenizer(text, truncation=True, max_length=self.limit)["input_ids"]

    def instruction(self, language: str) -> str:
        """What is said in words before a source; "" where the language is said otherwise."""
        return f"translate {name_of(self.source_language)} to {name_of(language)}:" if self.instructed else ""

    def labels(self, text: str, language: str) -> list[int]:
        """Token ids of a translation, as the decoder is to write them."""
        if self.coded:
            self.tokenizer.tgt_lang = code_in(language, self.codes)
        return self.tokenizer(text_target=self.spelt(text), truncation=True, max_length=self.limit)["input_ids"]

    def beginnings(self, languages: Sequence[str]) -> torch.Tensor:
        """(N, 1 or 2) int64: what the decoder is given for each row before it writes."""
        if not self.coded:
            return torch.full((len(languages), 1), self.start)
        codes = [_code_id(self.tokenizer, code_in(language, self.codes)) for language in languages]
        return torch.tensor([[code] if self.starts_with_code else [self.start, code] for code in codes])

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, slots in their common spelling."""
        kept = [
            token_id for token_id in ids if token_id not in self.unsaid
        ]  # M2M100's are not among the special tokens
        text = self.tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return self.unspelt(text)

    def words(self, ids: Sequence[int]) -> list[tuple[str, list[int]]]:
        """The words that token ids make up, each with the positions of its tokens; special tokens belong to none."""
        special = self.unsaid | set(self.tokenizer.all_special_ids)
        words: list[tuple[str, list[int]]] = []
        for place, (token_id, token) in enumerate(zip(ids, self.tokenizer.convert_ids_to_tokens(ids), strict=True)):
            if token_id in special or token in self.prefixes:
                continue
            if token[:1] in "▁Ġ" or not words:
                words.append(("", []))
            word, places = words[-1]
            words[-1] = (word + token.lstrip("▁Ġ"), [*places, place])
        return [(self.unspelt(word), places) for word, places in words if word]

    def spelt(self, text: str) -> str:
        """The text with slots as this tokenizer keeps them."""
        return text if self.slot == _SPELLINGS[0] else SLOT.sub(lambda match: self.slot.format(match[1]), text)

    def unspelt(self, text: str) -> str:
        """The contrary of `spelt`."""
        if self.slot == _SPELLINGS[0]:
            return text
        pattern = re.escape(self.slot).replace(re.escape("{}"), "([0-9]+)")
        return re.sub(pattern, lambda match: _SPELLINGS[0].format(match[1]), text)


def _language_tokens(tokenizer: Any) -> list[str]:
    """Codes of a tokenizer that has them as tokens."""
    if hasattr(tokenizer, "lang_code_to_id"):
        return list(tokenizer.lang_code_to_id)
    return [token for token in tokenizer.get_added_vocab() if re.fullmatch(r"[a-z]{2,3}_[A-Z][A-Za-z]+", token)]


def _code_id(tokenizer: Any, code: str) -> int:
    if hasattr(tokenizer, "lang_code_to_id"):
        return int(tokenizer.lang_code_to_id[code])
    return int(tokenizer.convert_tokens_to_ids(code))


def _spelling(tokenizer: Any) -> str:
    """The first spelling of slots that a tokenizer gives back as it was given, inside a sentence and next to a mark."""
    for spelling in _SPELLINGS:
        text = "a " + ", ".join(spelling.format(number) for number in range(len(SLOTS))) + f": a {spelling.format(3)}."
        for kind in ({"text": text}, {"text_target": text}):
            ids = tokenizer(**kind)["input_ids"]
            returned = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            if _slots(returned, spelling) != _slots(text, spelling):
                break
        else:
            return spelling
    return _SPELLINGS[0]  # the model will lose them: each text between them is then translated by itself


def _slots(text: str, spelling: str) -> list[str]:
    return re.findall(re.escape(spelling).replace(re.escape("{}"), "([0-9]+)"), text)
