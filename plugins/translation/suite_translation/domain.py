"""Translation as an application: what it is called, what a row holds, and where its parts are."""

from __future__ import annotations

from suite import Column, Columns, Domain, Space
from suite_translation.config import TranslationConfig
from suite_translation.starter.assets import STARTER

LIMITS = """
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

TRANSLATION = Domain(
    name="translation",
    title="Translation",
    Config=TranslationConfig,
    columns=Columns(
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
        group="source",
    ),
    metric="chrf",
    starter=STARTER,
    limits=LIMITS,
    pipeline_tag="translation",
    needs_rows=False,
    general=True,
    space=Space("Translate strings and files, placeholders intact", "🌍", ("blue", "green")),
    lora_targets=("q_proj", "v_proj", "q", "v"),  # the last two are T5's
    data="suite_translation.data.rows:TranslationData",
    model="suite_translation.model.loading:load",
    scores="suite_translation.evaluation.scores:TranslationScores",
    baselines="suite_translation.evaluation.baselines:baselines",
    report="suite_translation.evaluation.report:report",
    answers="suite_translation.evaluation.answers:TranslationAnswers",
    demo="suite_translation.demo.page:build",
    demo_call="suite_translation.demo.session:demo_call",
)
"""Any seq2seq model of transformers; a row is a text with its translation into one language."""
