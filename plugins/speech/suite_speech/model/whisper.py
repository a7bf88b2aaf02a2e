"""Whisper: windows as long as the sound needs, guarded decoding, times of words.

Decoding and its guards after Radford et al. 2022 (https://arxiv.org/abs/2212.04356), section 4.5 and appendix D; the
times of words by dynamic time warping over cross-attention, as OpenAI's and transformers' own timestamps.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from datasets import Dataset
from transformers import WhisperForConditionalGeneration, WhisperProcessor

from suite import Stage, SuiteError, cache_dir
from suite_speech.config import SpeechConfig
from suite_speech.data.audio import RATE
from suite_speech.model.align import repeated, word_groups, word_times
from suite_speech.model.base import SpeechModel
from suite_speech.model.batches import Utterances
from suite_speech.model.decode import Decoded, decode, logits_of
from suite_speech.model.encoder import AnyLengthEncoder
from suite_speech.model.encodings import kept_encodings
from suite_speech.model.values import FROZEN, Transcript, Word

# Measured on 80 French prompts with whisper-base: word errors .175 with 4 s of silence behind the sound, .176 with a
# whole window of 30 s; but .64 with 2 s and 1.67 with 1 s, because the model then misses where to stop.
SILENCE = 4.0
STEP = 2.0  # seconds by which windows grow, so that many sounds share a length and can be batched
FRAMES = 100  # feature frames in a second; the encoder halves them
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
COMPRESSION, LOGPROB, NO_SPEECH = 2.4, -1.0, 0.6  # the paper's thresholds


@dataclass(eq=False, kw_only=True)
class WhisperSpeechModel(SpeechModel):
    """Whisper, fine-tuned or not, multilingual or English only."""

    @property
    def settings(self) -> Any:
        """The generation config: what every user of the model decodes with."""
        return self.network.generation_config

    @property
    def encoder(self) -> AnyLengthEncoder:
        """The network's encoder."""
        return self.network.get_encoder()

    # ---- examples ------------------------------------------------------------------------------------------------

    def prepare(self, rows: Dataset, stage: Stage) -> Sequence[Any]:
        """An utterance per row; the output of frozen layers is computed once and cached by content."""
        plain = Utterances.of(rows, self.spoken)
        if not self.encoder.frozen:
            return plain
        return replace(plain, encoded=kept_encodings(self, plain, cache_dir() / "speech"))

    def features(self, samples: np.ndarray) -> np.ndarray:
        """Log-mel features (mels, frames) of the sound and at least four seconds of silence."""
        seconds = np.ceil((len(samples) / RATE + SILENCE) / STEP) * STEP
        whole = self.processor.feature_extractor(samples, sampling_rate=RATE, return_tensors="np").input_features[0]
        return whole[:, : round(seconds * FRAMES)]

    def encode(self, features: torch.Tensor) -> torch.Tensor:
        """What the frozen layers make of features (batch, mels, frames): float16 (batch, positions, width).

        Rounded so that a cached and a fresh one are equal.
        """
        return self.encoder.lower(features).to(torch.float16)

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

    def prompt(self, language: str) -> list[int]:
        """Tokens before the text: start, language, task, no time stamps. Raises `SuiteError` for a language unknown."""
        start = self.settings.decoder_start_token_id
        if not self.settings.is_multilingual:
            return [start, self.settings.no_timestamps_token_id]
        task = self.settings.task_to_id[self.config.task]
        return [start, language_token(self.settings, language), task, self.settings.no_timestamps_token_id]

    @property
    def _end(self) -> int:
        end = self.settings.eos_token_id
        return end[0] if isinstance(end, list) else end

    # ---- learning and answering ----------------------------------------------------------------------------------

    def group_loss(self, network: Any, group: dict[str, Any]) -> torch.Tensor:
        """Summed cross-entropy."""
        sound = group["encoded"].float() if "encoded" in group else group["features"]
        logits = network(sound, decoder_input_ids=group["decoder_input_ids"], use_cache=False).logits
        smoothing = self.config.label_smoothing if network.training else 0.0
        return F.cross_entropy(
            logits.flatten(0, 1).float(), group["labels"].flatten(), reduction="sum", label_smoothing=smoothing
        )

    def recognise(self, group: dict[str, Any], seconds: Sequence[float]) -> list[Transcript]:
        """Greedy decoding, guarded against loops and guesses; with word times where the config asks for them."""
        lower = group["encoded"] if "encoded" in group else self.encode(group["features"])
        encoded = self.encoder.upper(lower.float())
        languages = self._languages(encoded, group["languages"])
        prompts = [self.prompt(language) for language in languages]
        answers = self._decode_with_fallback(encoded, prompts, seconds)
        transcripts = []
        for i, (answer, language) in enumerate(zip(answers, languages, strict=True)):
            words = self._words(encoded[i : i + 1], prompts[i], answer, seconds[i]) if self.config.word_times else []
            text = self.processor.tokenizer.decode(answer.tokens, skip_special_tokens=True).strip()
            transcripts.append(Transcript(text, language, answer.confidence if text else 0.0, words))
        return transcripts

    def _languages(self, encoded: torch.Tensor, asked: Sequence[str]) -> list[str]:
        """The languages asked for; where that is auto, the likeliest one."""
        if "auto" not in asked or not self.settings.is_multilingual:
            return list(asked)
        ids = list(self.settings.lang_to_id.values())
        start = torch.full((len(encoded), 1), self.settings.decoder_start_token_id, device=encoded.device)
        logits = logits_of(self.network, start, encoded)[:, -1, ids]
        names = [token[2:-2] for token in self.settings.lang_to_id]
        return [names[int(i)] if a == "auto" else a for i, a in zip(logits.argmax(-1), asked, strict=True)]

    def _decode_with_fallback(
        self, encoded: torch.Tensor, prompts: Sequence[list[int]], seconds: Sequence[float]
    ) -> list[Decoded]:
        """The guarded answer for each window; one that loops or is unsure is tried again with rising temperature."""
        tokenizer = self.processor.tokenizer
        best: dict[int, Decoded] = {}
        todo = list(range(len(prompts)))
        for temperature in TEMPERATURES:
            # Nobody says more than some five words, or 15 tokens, a second; more is a loop.
            limit = min(20 + round(15 * max(seconds[i] for i in todo)), 224)
            answers = decode(self.network, tokenizer, encoded[todo], [prompts[i] for i in todo], limit, temperature)
            for i, answer in zip(todo, answers, strict=True):
                best[i] = better(best.get(i), answer, tokenizer)
            todo = [i for i in todo if not (silent(best[i]) or trusted(best[i], tokenizer))]
            if not todo:
                break
        return [guarded(best[i]) for i in range(len(prompts))]

    def _words(self, encoded: torch.Tensor, prompt: list[int], answer: Decoded, seconds: float) -> list[Word]:
        """The words of an answer with their times, from the cross-attention of one window."""
        if not answer.tokens:
            return []
        tokenizer = self.processor.tokenizer
        heads = self.settings.alignment_heads if hasattr(self.settings, "alignment_heads") else None
        times = word_times(self.network, encoded, prompt, answer.tokens, self._end, heads, seconds)
        words = []
        for group in word_groups(tokenizer, answer.tokens):
            if text := tokenizer.decode(answer.tokens[group]).strip():
                start, end = times[group.start][0], times[group.stop - 1][1]
                words.append(Word(text, start, end, float(np.mean(answer.probabilities[group]))))
        return words


def load(source: Path, config: SpeechConfig, spoken: str | None) -> WhisperSpeechModel:
    """The model of a folder, float32, with the run's dropout.

    `spoken` is the language of the training rows, "auto" if they have several; language and task are then put where
    every user of the model finds them. Without training rows it is None: the folder is a finished run's, which says
    itself what it was trained for. Raises `SuiteError` if that is not what its config says.
    """
    network = WhisperForConditionalGeneration.from_pretrained(
        source, dropout=config.dropout, activation_dropout=config.dropout, use_safetensors=True, dtype=torch.float32
    )
    network.model.encoder = AnyLengthEncoder.of(network.model.encoder, FROZEN[config.preset])
    if FROZEN[config.preset]:
        # The embeddings, shared with the output layer, hold what the model knows of every other language.
        network.model.decoder.embed_tokens.requires_grad_(False)
    settings = network.generation_config
    if spoken is None:
        language = saved_language(settings, config, source)
    else:
        language = config.language if config.language != "auto" else spoken
        language = agreed_language(settings, config, language)
    return WhisperSpeechModel(
        network=network, config=config, processor=WhisperProcessor.from_pretrained(source), language=language
    )


def agreed_language(settings: Any, config: SpeechConfig, language: str) -> str:
    """The language that the model is trained for, written into its generation config with the task."""
    if not settings.is_multilingual:
        settings.language, settings.task = None, None
        return "en"
    if language != "auto":
        language_token(settings, language)
    settings.language, settings.task = None if language == "auto" else language, config.task
    return language


def saved_language(settings: Any, config: SpeechConfig, source: Path) -> str:
    """The language that a run saved. Raises `SuiteError` if its config names another language or task: the model would
    transcribe otherwise than was scored.
    """
    if not settings.is_multilingual:
        return "en"
    language = settings.language or "auto"
    asked = config.language if config.language != "auto" else language
    if (language, settings.task) != (asked, config.task):
        raise SuiteError(
            f"{source} was saved to {settings.task} in {language}, and its run's config says "
            f"{config.task} in {asked}: one of them was changed by hand."
        )
    return language


def language_token(settings: Any, language: str) -> int:
    """The token of a language. Raises `SuiteError` for one that Whisper does not know, and where nobody said one."""
    known = settings.lang_to_id
    if language == "auto":
        raise SuiteError(
            "Nobody says which language the clips are in, and Whisper is taught with its name: give a column "
            "'language', or --set language=en."
        )
    if f"<|{language}|>" not in known:
        names = ", ".join(sorted(token[2:-2] for token in known))
        raise SuiteError(f"Whisper knows no language {language!r}; possible are auto, {names}.")
    return known[f"<|{language}|>"]


def silent(answer: Decoded) -> bool:
    """Whether nobody speaks: the model thinks so, and was unsure of what it wrote all the same."""
    return answer.no_speech > NO_SPEECH and answer.logprob < LOGPROB


def trusted(answer: Decoded, tokenizer: Any) -> bool:
    """Whether an answer neither loops nor was guessed."""
    return answer.logprob >= LOGPROB and compression(tokenizer.decode(answer.tokens)) <= COMPRESSION


def guarded(answer: Decoded) -> Decoded:
    """Nothing where there was no speech; one round of a phrase that goes in circles."""
    return answer.cut(0 if silent(answer) else repeated(answer.tokens))


def better(old: Decoded | None, new: Decoded, tokenizer: Any) -> Decoded:
    """The answer to keep: a trusted one, else the likelier one."""
    if old is None or trusted(new, tokenizer):
        return new
    return new if new.logprob > old.logprob else old


def compression(text: str) -> float:
    """How much smaller the text becomes when packed: 2.4 and more means that it repeats itself."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0
