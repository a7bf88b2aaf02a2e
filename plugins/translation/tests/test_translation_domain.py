"""The domain around a tiny Marian: rows to batches, loss, scores, calibration, saving, inputs; bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import translation_toys as toys
from datasets import Dataset

from suite import SuiteError
from suite_translation.domain import TranslationDomain
from suite_translation.evaluation import changed
from suite_translation.evaluation.baselines import rivals
from suite_translation.model import confidence
from suite_translation.strings import chrf as measures

ROWS = [
    {"source": "save the file", "target": "datei speichern", "language": "de", "file": "a"},
    {"source": "save the file", "target": "fermer la", "language": "fr", "file": "b"},
    {"source": "&Open %d of <b>%s</b>", "target": "%d von <b>%s</b> &öffnen", "language": "de", "file": "a"},
    {"source": "close all", "target": "alle schließen", "language": None, "file": "c"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return toys.marian(tmp_path_factory.mktemp("marian"))


def make(**settings):
    return TranslationDomain(TranslationDomain.Config.build({"beams": 2, **settings}))


@pytest.fixture
def loaded(folder):
    domain = make()
    model = domain.load_model(folder, Dataset.from_list(ROWS)).eval()
    return domain, model, domain.prepare(Dataset.from_list(ROWS), model, training=True)


def test_examples_are_masked_and_said_in_their_language(loaded):
    domain, _, examples = loaded
    assert examples[2]["masked"] == ("Open ⟦0⟧ of ⟦1⟧⟦2⟧⟦3⟧", "⟦0⟧ von ⟦1⟧⟦2⟧⟦3⟧ öffnen")
    assert [one["language"] for one in examples] == ["de", "fr", "de", "de"]
    batch = domain.collate(examples)
    firsts = domain.codec.tokenizer.convert_ids_to_tokens(batch["input_ids"][:, 0].tolist())
    assert firsts == [">>de<<", ">>fr<<", ">>de<<", ">>de<<"]
    assert batch["labels"].shape[0] == 4 and domain.count(batch) == sum(len(one["ids"][1]) for one in examples)
    assert (batch["labels"] == -100).sum() == batch["labels"].numel() - domain.count(batch)
    assert list(domain.lengths(examples)) == [len(a) + len(b) for a, b in (one["ids"] for one in examples)]


def test_examples_without_targets_have_no_labels(loaded):
    domain, _, _ = loaded
    batch = domain.collate(domain.inputs("save it") + domain.inputs("close it"))
    assert set(batch) == {"examples"} and batch["examples"][1]["source"] == "close it"


def test_smoothing_is_for_training_only(loaded):
    domain, model, examples = loaded
    batch = domain.collate(examples)
    with torch.no_grad():
        plain = domain.loss(model, batch)
        assert plain == pytest.approx(float(model(**{k: batch[k] for k in batch if k != "examples"}).loss), abs=1e-5)
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        model.config.dropout = model.model.encoder.dropout = model.model.decoder.dropout = 0.0
        for layer in [*model.model.encoder.layers, *model.model.decoder.layers]:
            layer.dropout = 0.0
        domain.config.label_smoothing = 0.5
        assert float(domain.loss(model, batch)) != pytest.approx(float(plain), abs=1e-4)
        domain.config.label_smoothing = 0.0
        assert float(domain.loss(model, batch)) == pytest.approx(float(plain), abs=1e-5)
    model.eval()


def test_training_leaves_out_what_is_too_long(folder):
    domain = make(longest=8)
    model = domain.load_model(folder, Dataset.from_list(ROWS))
    short = [{"source": "a b", "target": "b a", "language": "de"}]
    rows = Dataset.from_list([*short, {"source": "save " * 20, "target": "die " * 20, "language": "de"}])
    assert len(domain.prepare(rows, model, training=True)) == 1
    assert len(domain.prepare(rows, model, training=False)) == 2
    with pytest.raises(SuiteError, match="has at most longest=8 tokens"):
        domain.prepare(rows.select([1]), model, training=True)


def test_a_model_of_one_language_predicts_whatever_the_data_and_learns_only_one(tmp_path):
    domain, rows = make(), Dataset.from_list(ROWS)
    model = domain.load_model(toys.marian(tmp_path, languages=()), rows)  # `predict` gives the starter's rows
    with pytest.raises(SuiteError, match="can't be told a language, and the data have de, fr"):
        domain.prepare(rows, model, training=True)
    assert len(domain.prepare(rows.select([0, 2, 3]), model, training=True)) == 3


def test_case_varies_on_its_share_and_only_the_source(loaded):
    domain, _, examples = loaded
    domain.config.vary_case = 0.5
    drawn = [domain.augment(examples[2], np.random.default_rng(seed)) for seed in range(60)]
    sources = {one["masked"][0] for one in drawn}
    assert sources == {"Open ⟦0⟧ of ⟦1⟧⟦2⟧⟦3⟧", "open ⟦0⟧ of ⟦1⟧⟦2⟧⟦3⟧", "Open ⟦0⟧ Of ⟦1⟧⟦2⟧⟦3⟧"}
    assert {one["masked"][1] for one in drawn} == {examples[2]["masked"][1]}
    assert 15 < sum("ids" not in one for one in drawn) < 45
    other = next(one for one in drawn if one["masked"][0][0] == "o")
    tokens = domain.codec.tokenizer.convert_ids_to_tokens(domain.collate([other])["input_ids"][0].tolist())
    assert "".join(tokens[1:]).startswith("▁open")


def answer(text, **more):
    return {"translation": text, "confidence": 0.5, "fuzzy": False, "why": [], "log_probability": -0.5, **more}


def test_metrics_are_sums_over_any_segments(loaded):
    domain, _, examples = loaded
    texts = ["datei sichern", "fermer la", "kaputt", "alle schließen"]
    references = [domain.reference(one) for one in examples]
    rows = [domain.score(answer(text), reference) for text, reference in zip(texts, references, strict=True)]
    scores = {key: np.asarray([row[key] for row in rows]) for key in rows[0]}
    found = domain.metrics(scores)
    from sacrebleu.metrics import BLEU, CHRF

    targets = [[one["target"] for one in references]]
    assert found["chrf"] == pytest.approx(CHRF().corpus_score(texts, targets).score)
    assert found["bleu"] == pytest.approx(BLEU().corpus_score(texts, targets).score)
    assert found["exact"] == 0.5 and found["placeholders"] == 0.0 and found["fuzzy"] == 0.0 and "terms" not in found
    again = domain.metrics({key: values[[2, 3, 3]] for key, values in scores.items()})
    assert again["exact"] == pytest.approx(2 / 3) and again["placeholders"] == 0.0
    assert np.isnan(domain.metrics({key: values[[3]] for key, values in scores.items()})["placeholders"])


def test_terms_are_counted_where_there_is_a_glossary(folder, tmp_path):
    (tmp_path / "terms.csv").write_text("source,target\nfile,Datei\n")
    domain = make(glossary=str(tmp_path / "terms.csv"))
    reference = {"source": "Save the file", "target": "Datei sichern", "language": "de", "style": None}
    rows = [domain.score(answer(text), reference) for text in ("Die Dateien", "Akte")]
    assert domain.metrics({key: np.asarray([row[key] for row in rows]) for key in rows[0]})["terms"] == 0.5
    with pytest.raises(SuiteError, match=r"glossary .*nowhere.csv cannot be read"):
        _ = make(glossary="nowhere.csv").glossary


def test_a_saved_model_answers_as_before(loaded, tmp_path):
    domain, model, examples = loaded
    domain.calibrate(model, [answer("datei speichern", log_probability=-0.1)], [{"target": "datei speichern"}])
    assert domain.confidence != confidence.Confidence()
    domain.save_model(model, tmp_path)
    kept = json.loads((tmp_path / "generation_config.json").read_text())
    assert (kept["num_beams"], kept["max_length"]) == (2, 64)
    other = make()
    again = other.load_model(tmp_path, None).eval()
    assert other.confidence == domain.confidence
    with torch.no_grad():
        before, after = (d.infer(m, d.collate(examples)) for d, m in ((domain, model), (other, again)))
    assert before == after and all(map(domain.same, before, after))


def test_confidence_is_fitted_and_never_falls():
    sure = np.linspace(-3, 0, 200)
    good = (np.random.default_rng(0).random(200) < 1 / (1 + np.exp(-(3 * sure + 3)))).astype(float)
    fitted = confidence.Confidence.fitted(sure, good)
    assert fitted.slope == pytest.approx(3, abs=1) and fitted.offset == pytest.approx(3, abs=1)
    for truths in (np.ones(9), np.zeros(9), np.linspace(1, 0, 9).round()):
        one = confidence.Confidence.fitted(np.linspace(-2, 0, 9), truths)
        assert 0 < one(-9) < one(-1) < one(0) < 1
    assert confidence.Confidence()(-1e6) == 0.0


def test_baselines_copy_and_remember():
    rows = [{"source": "Save file", "target": "Datei sichern", "language": "de"},
            {"source": "Save 3 files", "target": "3 Dateien sichern", "language": None}]  # fmt: skip
    asked = [{"source": text, "language": "de"} for text in ("Save file", "Save 8 files", "Ünrelated")]
    found = rivals(rows, asked, "de")
    assert [one["translation"] for one in found["copy"]] == ["Save file", "Save 8 files", "Ünrelated"]
    assert [one["translation"] for one in found["memory"]] == ["Datei sichern", "8 Dateien sichern", "Ünrelated"]


class Answers:
    """What the core calls `Scored`."""

    def __init__(self, domain, texts, references, **more):
        self.predictions, self.references = [answer(text, **more) for text in texts], references
        rows = [domain.score(one, reference) for one, reference in zip(self.predictions, references, strict=True)]
        self.scores = {key: np.asarray([row[key] for row in rows]) for key in rows[0]}


def test_what_changed_is_told_segment_by_segment():
    domain = make()
    targets = {"Save": ("Sichern", "de"), "Open %s": ("%s öffnen", "de"), "Quit": ("Quitter", "fr")}
    references = [{"source": s, "target": t, "language": lang, "style": None} for s, (t, lang) in targets.items()]
    before = Answers(domain, ["Q", "%s öffnen", "Quitter"], references)
    after = Answers(domain, ["Sichern", "auf", "Quitter"], references)
    sections = {one.title: one for one in changed.sections({"fine-tuned": after, "before fine-tuning": before})}
    said = sections["What changed after fine-tuning"]
    assert {name: said.values[name] for name in ("better", "worse", "as before", "rewritten")} == {
        "better": 1, "worse": 1, "as before": 1, "rewritten": 2}  # fmt: skip
    assert said.values["most better"][0]["source"] == "Save" and said.values["most worse"][0]["after"] == "auf"
    assert "| +100 | Save | Q | Sichern | Sichern |" in said.text
    languages = sections["chrF by language"].values
    assert languages["fr"] == {"segments": 1, "fine-tuned": 100.0, "before fine-tuning": 100.0}
    assert languages["de"]["fine-tuned"] == measures.chrf(after.scores["chrf"][:2])
    counted = sections["Placeholders"].values
    assert counted["fine-tuned"] == {"segments": 3, "with placeholders": 1, "invalid": 1}
    assert counted["before fine-tuning"]["invalid"] == 0
    assert sections["Confidence"].values["accepted"]["segments"] == 3
    assert "chrF2|" in sections["How it was scored"].text


class TestSplits:
    def test_a_source_is_in_one_split_in_all_its_languages(self):
        rows = Dataset.from_list(
            [{**ROWS[0], "source": f"s {i // 3}", "language": ["de", "fr", "es"][i % 3]} for i in range(90)]
        )
        splits = make().split(rows)
        found = [set(splits[name]["source"]) for name in ("train", "validation", "test")]
        assert sum(map(len, found)) == 30 and all(len(part) % 3 == 0 for part in splits.values())

    def test_by_file_what_training_has_is_not_scored(self):
        rows = [{**ROWS[0], "source": "shared" if i % 5 == 0 else f"s {i}", "file": f"f{i // 10}"} for i in range(200)]
        splits = make(split_by="file").split(Dataset.from_list(rows))
        files = [set(splits[name]["file"]) for name in ("train", "validation", "test")]
        assert not (files[0] & files[1] or files[0] & files[2] or files[1] & files[2])
        assert "shared" in splits["train"]["source"]
        assert "shared" not in {*splits["validation"]["source"], *splits["test"]["source"]}

    def test_by_file_needs_files(self):
        with pytest.raises(SuiteError, match="needs a column 'file'"):
            make(split_by="file").split(Dataset.from_list([{"source": "a", "target": "b"}] * 9))


class TestInputs:
    def test_a_text_and_the_lines_of_a_file(self, tmp_path):
        domain = make(target_language="fr")
        assert domain.inputs("Save it.")[0] == {
            "source": "Save it.",
            "language": "fr",
            "style": None,
            "max_length": None,
        }
        (tmp_path / "a.txt").write_text("\ufeffSave\n\n Open %s \n", encoding="utf-8")
        assert [one["source"] for one in domain.inputs(str(tmp_path / "a.txt"))] == ["Save", " Open %s "]

    def test_the_strings_of_a_catalogue(self, tmp_path):
        (tmp_path / "a.po").write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
                                       '#, c-format\nmsgid "Open %s"\nmsgstr ""\n')  # fmt: skip
        (found,) = make().inputs(str(tmp_path / "a.po"))
        assert (found["source"], found["style"]) == ("Open %s", "c-format")

    @pytest.mark.parametrize(
        ("argument", "said"),
        [
            ("no-such-file.bin", "There is no file 'no-such-file.bin'"),
            ("  ", "The text is empty"),
            ("word " * 3000, "15,000 characters, and 10,000 is the most"),
        ],
    )
    def test_what_cannot_be_answered_is_said(self, argument, said):
        with pytest.raises(SuiteError, match=said):
            make().inputs(argument)

    def test_a_file_of_another_kind_or_encoding_is_said(self, tmp_path):
        (tmp_path / "a.bin").write_bytes(b"\x00\xff")
        with pytest.raises(SuiteError, match="a.bin is no file of strings"):
            make().inputs(str(tmp_path / "a.bin"))
        (tmp_path / "a.txt").write_bytes("Größe\n".encode("latin-1"))
        with pytest.raises(SuiteError, match=r"a.txt is not UTF-8 \(byte 2 is 0xf6\)"):
            make().inputs(str(tmp_path / "a.txt"))


class TestReading:
    CATALOGUE = (
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\nLanguage: fr\\n"\n\nmsgid "Save"\nmsgstr "{}"\n'
    )

    def test_catalogues_become_rows(self, tmp_path):
        (tmp_path / "a.po").write_text(self.CATALOGUE.format("Enregistrer"))
        for path in (tmp_path, tmp_path / "a.po"):
            (row,) = make().read(path)
            assert (row["source"], row["target"], row["language"], row["file"]) == ("Save", "Enregistrer", "fr", "a.po")

    def test_one_without_translations_is_said(self, tmp_path):
        (tmp_path / "a.po").write_text(self.CATALOGUE.format(""))
        with pytest.raises(SuiteError, match="a.po has no finished translation to learn from"):
            make().read(tmp_path / "a.po")

    def test_tables_are_left_to_the_core(self, tmp_path):
        (tmp_path / "a.csv").write_text("source,target\na,b\n")
        assert make().read(tmp_path) is None and make().read(tmp_path / "a.csv") is None


@pytest.mark.parametrize("value", ["", None, "german!", 3])
def test_a_language_must_be_a_code(value):
    with pytest.raises(SuiteError, match="target_language=.*give a language code such as de"):
        make(target_language=value)


def test_norwegian_is_no_falsehood():
    assert make(target_language=False).config.target_language == "no"


def test_txt_has_a_line_per_text_and_po_is_for_localize(tmp_path):
    domain = make()
    domain.write([("a", answer("eins\nzwei")), ("a", answer("drei"))], tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "eins zwei\ndrei\n"
    with pytest.raises(SuiteError, match="suite translation localize"):
        domain.check_output(tmp_path / "a.po")
    assert domain.render(answer("x", fuzzy=True, why=["So."])) == "x  [fuzzy: So.]"
