"""Translation as an application: what the core cannot know about turning texts into those of another language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from suite import (
    Batch,
    Column,
    Columns,
    Domain,
    Example,
    Finding,
    Prediction,
    Section,
    Space,
    Splits,
    Starter,
    SuiteError,
    TrainConfig,
)
from suite_translation.config import TranslationConfig
from suite_translation.starter.assets import STARTER

if TYPE_CHECKING:
    import numpy as np
    import torch
    from datasets import Dataset

    from suite import Predictor
    from suite_translation.data.glossary import Glossary
    from suite_translation.model.confidence import Confidence
    from suite_translation.model.models import Codec


def _columns(group: str) -> Columns:
    return Columns(
        (
            Column("source", "text", "Text to translate.", aliases=("msgid", "src", "source_text", "english", "en")),
            Column(
                "target", "text", "Its translation.", aliases=("msgstr", "translation", "tgt", "trg", "target_text")
            ),
            Column("language", "category", "Code of the translation's language.", False, ("lang", "target_language")),
            Column("file", "id", "File or project the text is from.", required=False, aliases=("project", "catalogue")),
            Column("context", "text", "What gettext calls context.", required=False, aliases=("msgctxt",)),
            Column("style", "category", "Style of the placeholders, such as c-format.", required=False),
        ),
        group=group,
    )


class TranslationDomain(Domain):
    """Any seq2seq model of transformers; a row is a text with its translation into one language."""

    name: ClassVar[str] = "translation"
    title: ClassVar[str] = "Translation"
    pipeline_tag = "translation"
    Config: ClassVar[type[TrainConfig]] = TranslationConfig
    columns = _columns("source")
    metric: ClassVar[str] = "chrf"
    starter: ClassVar[Starter] = STARTER
    space = Space("Translate strings and files, placeholders intact", "🌍", ("blue", "green"))
    needs_rows = False
    lora_targets: ClassVar[tuple[str, ...]] = ("q_proj", "v_proj", "q", "v")  # the last two are T5's
    limits: ClassVar[str] = """
- The starter knows short strings of programs, English into German, French and Spanish. Letters, articles, poems and any
  other language are not in it; for those take a model of the hub.
- A translation that reads well may say something else. Look at what is marked fuzzy before you ship it, and at a sample
  of what is not: the confidence is a share of strings like the validation ones, not a proof.
- No placeholder of a kind that is recognised (printf, Qt, fields in braces, ICU, tags, BBCode, `$name`, `%name%`,
  `:name`, `@name`, `!name`) is ever broken, but one may stand in the wrong place of the sentence; any other is text to
  the model. Gender, formality and plural follow the training strings, not yours.
- A term of the glossary that the model does not use by itself is put in as the glossary writes it, not inflected.
- Not for texts on which somebody's health, rights or safety depend, unless somebody who knows both languages reads
  them.
"""

    def __init__(self, config: TrainConfig | None = None) -> None:
        super().__init__(config)
        if self.config.split_by == "file":
            self.columns = _columns("file")  # type: ignore[misc]  # an instance serves one config
        self.codec: Codec | None = None
        self.confidence: Confidence | None = None

    @property
    def processor(self) -> Any:
        """The loaded model's tokenizer; `save_model` writes it beside the model."""
        return self.codec.tokenizer if self.codec else None

    @cached_property
    def glossary(self) -> Glossary | None:
        """The config's glossary; raises `SuiteError` if it can't be read."""
        from suite_translation.data.glossary import Glossary

        return Glossary.read(Path(self.config.glossary).expanduser()) if self.config.glossary else None

    # ---- data ----------------------------------------------------------------------------------------------------

    def read(self, path: Path) -> Dataset | None:
        """Files of strings (PO, XLIFF, TMX and others) and folders of them; tables are left to the core."""
        from suite_translation.data.reading import rows_of

        return rows_of(path, self.config)

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """Pairs that teach the wrong thing: empty, damaged, with other placeholders; see `cleaning`."""
        from suite_translation.data.cleaning import findings

        return findings(rows, self.config)

    def split(self, rows: Dataset) -> Splits:
        """By source text, or by file: then what another part has too is left out of the parts that are scored."""
        from suite_translation.data.reading import unseen

        if self.config.split_by == "file" and "file" not in rows.column_names:
            raise SuiteError("split_by=file needs a column 'file'; name it with --columns file=THEIRS.")
        splits = super().split(rows)
        return splits if self.config.split_by == "source" else unseen(splits)

    def prepare(self, rows: Dataset, model: torch.nn.Module, *, training: bool) -> Sequence[Example]:
        """Sources, with targets both texts as tokens; training leaves out what is longer than `longest`.

        Raises `SuiteError` for a language that the model lacks, and for several where it can't be told which.
        """
        from suite_translation.model.examples import encoded, sources

        languages = set(rows["language"]) if "language" in rows.column_names else {None}
        self._codec.refuse_several({language or self._language for language in languages})
        found = [encoded(one, self._codec) if "target" in one else one for one in sources(rows, self._language)]
        if not training:
            return found
        kept = [one for one in found if max(map(len, one["ids"])) <= self.config.longest]
        if not kept:
            raise SuiteError(f"No training text has at most longest={self.config.longest} tokens; give a larger one.")
        return kept

    def lengths(self, examples: Sequence[Example]) -> Sequence[int] | None:
        """Tokens of each pair, characters of a source alone."""
        from suite_translation.model.examples import sizes

        return sizes(examples)

    def augment(self, example: Example, generator: np.random.Generator) -> Example:
        """Now and then the source in another case."""
        from suite_translation.model.examples import recased

        return recased(example, self.config.vary_case, generator)

    def collate(self, examples: Sequence[Example]) -> Batch:
        """The sources for `infer`; where there are targets (N, longest) int64 ids, mask and labels, else -100."""
        from suite_translation.model.examples import batch_of

        return batch_of(examples, self._codec)

    # ---- model ---------------------------------------------------------------------------------------------------

    def load_model(self, source: Path, data: Dataset | None) -> torch.nn.Module:
        """A seq2seq model and its tokenizer. Raises `SuiteError` for others and for a licence that is not allowed."""
        from suite_translation.model import licence, models
        from suite_translation.model.confidence import Confidence

        licence.enforce(source, self.config.model, allowed=self.config.allow_noncommercial)
        model, tokenizer = models.load(source, self.config.model, dropout=self.config.dropout)
        self.codec = models.Codec(tokenizer, model.config, self.config.source_language)
        self.confidence = Confidence.read(source)
        return model

    def loss(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Cross-entropy with label smoothing, a mean over tokens."""
        from torch.nn.functional import cross_entropy

        logits = model(**{name: batch[name] for name in ("input_ids", "attention_mask", "labels")}).logits
        smoothing = self.config.label_smoothing if model.training else 0.0
        return cross_entropy(logits.flatten(0, 1).float(), batch["labels"].flatten(), label_smoothing=smoothing)

    def save_model(self, model: torch.nn.Module, path: Path) -> None:
        """As `save_pretrained` writes it, with beams and greatest length for `generate`, and the confidence's curve."""
        model.generation_config.update(num_beams=self.config.beams, max_length=self._codec.limit)  # type: ignore[operator, union-attr]
        super().save_model(model, path)
        assert self.confidence, "load_model comes first"
        self.confidence.write(path)

    def infer(self, model: torch.nn.Module, batch: Batch) -> list[Prediction]:
        """Translation, confidence, and whether and why a person should look at it."""
        from suite_translation.model.generate import asker, fitter
        from suite_translation.model.translate import translate

        return translate(
            batch["examples"],
            asker(model, self._codec, self.config.beams),
            fits=fitter(self._codec, self.config.longest),
            glossary=self.glossary,
            confidence=self.confidence,
            low=self.config.low_confidence,
        )

    # ---- scores --------------------------------------------------------------------------------------------------

    def reference(self, example: Example) -> dict[str, Any]:
        """The translation that a person made, with its source and language."""
        return {name: example.get(name) for name in ("source", "target", "language", "style")}

    def score(self, prediction: Prediction, reference: Any) -> dict[str, float | Sequence[float]]:
        """Counts of n-grams for chrF and BLEU, equality, validity of placeholders, terms, confidence."""
        from suite_translation.strings import chrf as measures
        from suite_translation.strings.placeholders import mask, problems

        source, text, style = reference["source"], prediction["translation"], reference["style"]
        terms = self.glossary.accuracy([source], [text], reference["language"]) if self.glossary else (0, 0)
        return {
            "chrf": measures.chrf_counts(text, reference["target"]),
            "bleu": measures.bleu_counts(text, reference["target"]),
            "exact": float(text == reference["target"]),
            "valid": float(not problems(source, text, style)),
            "slotted": float(bool(mask(source, style).found)),
            "terms": terms[0],
            "terms_asked": terms[1],
            "confidence": prediction["confidence"],
            "fuzzy": float(prediction["fuzzy"]),
        }

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """chrF and BLEU, 0 to 100; shares of exact ones, of valid ones among those with placeholders, of fuzzy ones."""
        from suite_translation.strings import chrf as measures

        slotted, asked = float(scores["slotted"].sum()), float(scores["terms_asked"].sum())
        found = {
            "chrf": measures.chrf(scores["chrf"]),
            "bleu": measures.bleu(scores["bleu"]),
            "exact": float(scores["exact"].mean()),
            "placeholders": float((scores["valid"] * scores["slotted"]).sum()) / slotted if slotted else float("nan"),
            "fuzzy": float(scores["fuzzy"].mean()),
        }
        if self.glossary:
            found["terms"] = float(scores["terms"].sum()) / asked if asked else float("nan")
        return found

    def calibrate(self, model: torch.nn.Module, predictions: Sequence[Prediction], references: Sequence[Any]) -> None:
        """Fits the curve of the confidence to which validation texts were translated well."""
        from suite_translation.model.confidence import calibrated

        self.confidence = calibrated(predictions, references)

    def baselines(self, splits: Splits, examples: Sequence[Example]) -> dict[str, list[Prediction]]:
        """The source as it is; the nearest translation of the training part."""
        from suite_translation.evaluation.baselines import rivals

        return rivals(splits["train"], examples, self._language)

    def analyse(self, systems: Mapping[str, Any], rows: Dataset) -> Iterable[Section]:
        """What changed, segment by segment; languages, confidence, placeholders, signatures."""
        from suite_translation.evaluation.changed import sections

        return sections(systems)

    # ---- predictions ---------------------------------------------------------------------------------------------

    def inputs(self, argument: str) -> list[Example]:
        """A text, or each line of a .txt file, or each string of a PO, XLIFF or other such file."""
        from suite_translation.data.reading import inputs

        return inputs(argument, self._language)

    def same(self, expected: Prediction, found: Prediction) -> bool:
        """The same words; the confidence may round otherwise."""
        return expected["translation"] == found["translation"]

    def render(self, prediction: Prediction) -> str:
        """The translation; behind it why somebody should look at it."""
        text = prediction["translation"]
        return f"{text}  [fuzzy: {' '.join(prediction['why'])}]" if prediction["fuzzy"] else text

    def speed(self, predictions: Sequence[Prediction], seconds: float) -> str:
        """How many texts, and how many want a look."""
        fuzzy = sum(prediction["fuzzy"] for prediction in predictions)
        return f", {len(predictions)} texts" + (f", {fuzzy} of them fuzzy" if fuzzy else "")

    def check_output(self, path: Path) -> None:
        """Plain text too."""
        if path.suffix not in (".txt", ".json", ".jsonl", ".csv"):
            raise SuiteError(
                f"Cannot write {path.name}: give --output an ending of .txt, .json, .jsonl or .csv; "
                "for a translated PO, XLIFF or other file use 'suite translation localize'."
            )

    def write(self, predictions: Sequence[tuple[str, Prediction]], path: Path) -> None:
        """txt has a line per text, whatever lines the text had; json, jsonl and csv have all that is known."""
        if path.suffix != ".txt":
            return super().write(predictions, path)
        lines = (" ".join(prediction["translation"].split("\n")) for _, prediction in predictions)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def demo(self, predictor: Predictor) -> None:
        """Text or file, segment by segment, with confidence, alignment and corrections."""
        from suite_translation.demo.page import build

        build(predictor)

    def demo_call(self, predictor: Predictor) -> tuple[str, Sequence[Any]]:
        """A sentence with a placeholder, into the language that the demo begins with."""
        from suite_translation.demo.desk import first_choice

        _ = predictor.model
        return "translation_translate", ["The file %(name)s was saved.", first_choice(self)]

    @property
    def _codec(self) -> Codec:
        assert self.codec, "load_model comes first"
        return self.codec

    @property
    def _language(self) -> str:
        """The language of rows and texts that do not say theirs."""
        return str(self.config.target_language)
