"""Whisper behind the listener's interface: windows as long as the sound needs, guarded decoding, times of words.

Decoding and its guards after Radford et al. 2022 (https://arxiv.org/abs/2212.04356), section 4.5 and appendix D; the
times of words by dynamic time warping over cross-attention, as OpenAI's and transformers' own timestamps.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from transformers import WhisperForConditionalGeneration, WhisperProcessor
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from suite import SuiteError
from suite_speech.data.audio import RATE
from suite_speech.model.align import repeated, word_groups, word_times
from suite_speech.model.decode import Decoded, decode
from suite_speech.model.listener import FROZEN, Heard, Listener, Word

# Measured on 80 French prompts with whisper-base: word errors .175 with 4 s of silence behind the sound, .176 with a
# whole window of 30 s; but .64 with 2 s and 1.67 with 1 s, because the model then misses where to stop.
SILENCE = 4.0
STEP = 2.0  # seconds by which windows grow, so that many sounds share a length and can be batched
FRAMES = 100  # feature frames in a second; the encoder halves them
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
COMPRESSION, LOGPROB, NO_SPEECH = 2.4, -1.0, 0.6  # the paper's thresholds


class AnyLengthEncoder(WhisperEncoder):
    """Whisper's encoder for windows of up to 30 s: the first positions of the same table, the same weights.

    It works in two halves, so that the output of a lower one that is not trained can be computed once and kept.
    """

    frozen: int
    """Layers, from below, that are not trained."""

    def forward(self, input_features: torch.Tensor, **kwargs: Any) -> BaseModelOutput:
        """Features (batch, mels, frames), or what `lower` made of them, to hidden states (batch, frames / 2, width).

        The two are told apart by their second dimension: there are at most 128 mels, and at least 200 positions.
        """
        made = input_features.shape[1] != self.num_mel_bins
        return BaseModelOutput(last_hidden_state=self.upper(input_features if made else self.lower(input_features)))

    def lower(self, features: torch.Tensor) -> torch.Tensor:
        """Features (batch, mels, frames) to the hidden states (batch, frames / 2, width) behind the frozen layers."""
        hidden = F.gelu(self.conv2(F.gelu(self.conv1(features)))).permute(0, 2, 1)
        hidden = hidden + self.embed_positions.weight[: hidden.shape[1]]
        hidden = F.dropout(hidden, p=self.dropout, training=self.training)
        for layer in self.layers[: self.frozen]:
            hidden = layer(hidden, None)
        return hidden

    def upper(self, hidden: torch.Tensor) -> torch.Tensor:
        """The trained layers, and the norm behind the last."""
        for layer in self.layers[self.frozen :]:
            hidden = layer(hidden, None)
        return self.layer_norm(hidden)

    def freeze(self, share: float) -> None:
        """Freezes this share of the layers with all that lies below them; all of the layers, and the norm too."""
        self.frozen = round(share * len(self.layers))
        for parameter in self.fixed():
            parameter.requires_grad_(False)
        self.layer_norm.requires_grad_(self.frozen < len(self.layers))

    def fixed(self) -> Iterator[torch.nn.Parameter]:
        """Every weight that the output of `lower` depends on; none where no layer is frozen."""
        for part in (self.conv1, self.conv2, self.embed_positions, *self.layers[: self.frozen]) if self.frozen else ():
            yield from part.parameters()


class WhisperListener(Listener):
    """Whisper, fine-tuned or not, multilingual or English only."""

    caches = True

    def load(self, source: Path, texts: Sequence[str] | None, spoken: str) -> torch.nn.Module:
        """Model in fp32 with the run's dropout. Raises `SuiteError` if a finished run was saved for another purpose."""
        dropout = self.config.dropout
        model = WhisperForConditionalGeneration.from_pretrained(
            source, dropout=dropout, activation_dropout=dropout, use_safetensors=True, dtype=torch.float32
        )
        model.model.encoder.__class__ = AnyLengthEncoder
        model.model.encoder.freeze(FROZEN[self.config.preset])
        self.processor = WhisperProcessor.from_pretrained(source)
        self.settings: Any = model.generation_config
        if texts is None:
            self._recall(source)
        else:
            self._agree(self.config.language if self.config.language != "auto" else spoken)
        if FROZEN[self.config.preset]:
            # The embeddings, shared with the output layer, hold what the model knows of every other language.
            model.model.decoder.embed_tokens.requires_grad_(False)
        return model

    def _agree(self, language: str) -> None:
        """Puts language and task where every user of the model finds them."""
        if not self.settings.is_multilingual:
            self.language, self.settings.language, self.settings.task = "en", None, None
            return
        if language != "auto":
            self._language(language)
        self.language, self.settings.task = language, self.config.task
        self.settings.language = None if language == "auto" else language

    def _recall(self, source: Path) -> None:
        """Language and task as the run saved them; another config would transcribe otherwise than was scored."""
        self.language = (self.settings.language or "auto") if self.settings.is_multilingual else "en"
        asked = self.config.language if self.config.language != "auto" else self.language
        if self.settings.is_multilingual and (self.language, self.settings.task) != (asked, self.config.task):
            raise SuiteError(
                f"{source} was saved to {self.settings.task} in {self.language}, and its run's config says "
                f"{self.config.task} in {asked}: one of them was changed by hand."
            )

    def features(self, samples: np.ndarray) -> np.ndarray:
        """Log-mel features (mels, frames) of the sound and at least four seconds of silence."""
        seconds = np.ceil((len(samples) / RATE + SILENCE) / STEP) * STEP
        found = self.processor.feature_extractor(samples, sampling_rate=RATE, return_tensors="np").input_features[0]
        return found[:, : round(seconds * FRAMES)]

    def encode(self, model: torch.nn.Module, features: torch.Tensor) -> torch.Tensor:
        """What the frozen layers make of the sound, rounded to float16 so that a cached and a fresh one are equal."""
        encoder: Any = model.get_submodule("model.encoder")
        return encoder.lower(features).to(torch.float16)

    def labels(self, texts: Sequence[str], languages: Sequence[str]) -> dict[str, torch.Tensor]:
        """Decoder inputs and targets. Padding equals the end token, so only what follows the first end is masked."""
        end, limit = self._end, self.processor.tokenizer.model_max_length
        inputs, targets = [], []
        for text, language in zip(texts, languages, strict=True):
            prompt = self.prompt(language)
            tokens = self.processor.tokenizer(f" {text.strip()}", add_special_tokens=False).input_ids
            tokens = tokens[: min(limit, 440) - len(prompt)]  # the decoder has 448 positions
            inputs.append([*prompt, *tokens])
            targets.append([-100] * (len(prompt) - 1) + [*tokens, end])
        width = max(map(len, inputs))
        return {
            "decoder_input_ids": torch.tensor([row + [end] * (width - len(row)) for row in inputs]),
            "labels": torch.tensor([row + [-100] * (width - len(row)) for row in targets]),
        }

    def loss(self, model: torch.nn.Module, group: dict[str, Any]) -> torch.Tensor:
        """Summed cross-entropy."""
        sound = group["encoded"].float() if "encoded" in group else group["features"]
        logits = model(sound, decoder_input_ids=group["decoder_input_ids"], use_cache=False).logits
        smoothing = self.config.label_smoothing if model.training else 0.0
        return F.cross_entropy(
            logits.flatten(0, 1).float(), group["labels"].flatten(), reduction="sum", label_smoothing=smoothing
        )

    def hear(self, model: torch.nn.Module, group: dict[str, Any], seconds: Sequence[float]) -> list[Heard]:
        """Greedy decoding; a window that loops or is unsure is tried again with rising temperature."""
        encoded = group["encoded"] if "encoded" in group else self.encode(model, group["features"])
        encoder: Any = model.get_submodule("model.encoder")
        encoded = encoder.upper(encoded.float())
        languages = self._languages(model, encoded, group["languages"])
        prompts = [self.prompt(language) for language in languages]
        best: list[Decoded | None] = [None] * len(prompts)
        todo = list(range(len(prompts)))
        for temperature in TEMPERATURES:
            # Nobody says more than some five words, or 15 tokens, a second; more is a loop.
            limit = 20 + round(15 * max(seconds[i] for i in todo))
            found = decode(model, self, encoded[todo], [prompts[i] for i in todo], min(limit, 224), temperature)
            for i, answer in zip(todo, found, strict=True):
                best[i] = better(best[i], answer, self.processor.tokenizer)
            todo = [i for i in todo if not self._settled(best[i])]
            if not todo:
                break
        kept = [self._guarded(answer) for answer in best if answer is not None]
        return self._answers(model, encoded, prompts, kept, languages, seconds)

    def prompt(self, language: str) -> list[int]:
        """Tokens before the text: start, language, task, no time stamps. Raises `SuiteError` for a language unknown."""
        start = self.settings.decoder_start_token_id
        if not self.settings.is_multilingual:
            return [start, self.settings.no_timestamps_token_id]
        task = self.settings.task_to_id[self.config.task]
        return [start, self._language(language), task, self.settings.no_timestamps_token_id]

    @property
    def _end(self) -> int:
        end = self.settings.eos_token_id
        return end[0] if isinstance(end, list) else end

    def _language(self, language: str) -> int:
        known = self.settings.lang_to_id
        if f"<|{language}|>" not in known:
            names = ", ".join(sorted(token[2:-2] for token in known))
            raise SuiteError(f"Whisper knows no language {language!r}; possible are auto, {names}.")
        return known[f"<|{language}|>"]

    def _languages(self, model: torch.nn.Module, encoded: torch.Tensor, asked: Sequence[str]) -> list[str]:
        """The languages asked for; where that is auto, the likeliest one."""
        if "auto" not in asked or not self.settings.is_multilingual:
            return list(asked)
        ids = list(self.settings.lang_to_id.values())
        start = torch.full((len(encoded), 1), self.settings.decoder_start_token_id, device=encoded.device)
        logits = logits_of(model, start, encoded)[:, -1, ids]
        names = [token[2:-2] for token in self.settings.lang_to_id]
        return [names[int(i)] if a == "auto" else a for i, a in zip(logits.argmax(-1), asked, strict=True)]

    def _settled(self, answer: Decoded | None) -> bool:
        assert answer is not None
        silent = answer.no_speech > NO_SPEECH and answer.logprob < LOGPROB
        return silent or trusted(answer, self.processor.tokenizer)

    def _guarded(self, answer: Decoded) -> Decoded:
        """Nothing where there was no speech; one round of a phrase that goes in circles."""
        if answer.no_speech > NO_SPEECH and answer.logprob < LOGPROB:
            return answer.cut(0)
        return answer.cut(repeated(answer.tokens))

    def _answers(
        self,
        model: torch.nn.Module,
        encoded: torch.Tensor,
        prompts: Sequence[list[int]],
        kept: Sequence[Decoded],
        languages: Sequence[str],
        seconds: Sequence[float],
    ) -> list[Heard]:
        tokenizer = self.processor.tokenizer
        answers = []
        for i, (answer, language) in enumerate(zip(kept, languages, strict=True)):
            words: list[Word] = []
            if self.config.word_times and answer.tokens:
                groups = word_groups(tokenizer, answer.tokens)
                heads = self.settings.alignment_heads if hasattr(self.settings, "alignment_heads") else None
                times = word_times(model, encoded[i : i + 1], prompts[i], answer.tokens, self._end, heads, seconds[i])
                words = _words(tokenizer, answer, groups, times)
            text = tokenizer.decode(answer.tokens, skip_special_tokens=True).strip()
            answers.append(Heard(text, language, answer.confidence if text else 0.0, words))
        return answers


def trusted(answer: Decoded, tokenizer: Any) -> bool:
    """Whether an answer neither loops nor was guessed."""
    return answer.logprob >= LOGPROB and compression(tokenizer.decode(answer.tokens)) <= COMPRESSION


def better(old: Decoded | None, new: Decoded, tokenizer: Any) -> Decoded:
    """The answer to keep: a trusted one, else the likelier one."""
    if old is None or trusted(new, tokenizer):
        return new
    return new if new.logprob > old.logprob else old


def compression(text: str) -> float:
    """How much smaller the text becomes when packed: 2.4 and more means that it repeats itself."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def logits_of(model: torch.nn.Module, ids: torch.Tensor, encoded: torch.Tensor) -> torch.Tensor:
    """Scores of the next token at each position, float32."""
    decoder: Any = model.get_submodule("model.decoder")
    hidden = decoder(input_ids=ids, encoder_hidden_states=encoded, use_cache=False).last_hidden_state
    return model.get_submodule("proj_out")(hidden).float()


def _words(
    tokenizer: Any, answer: Decoded, groups: Sequence[slice], times: Sequence[tuple[float, float]]
) -> list[Word]:
    found = []
    for group in groups:
        text = tokenizer.decode(answer.tokens[group]).strip()
        if text:
            start, end = times[group.start][0], times[group.stop - 1][1]
            found.append(Word(text, start, end, float(np.mean(answer.probabilities[group]))))
    return found
