"""The parts around a tiny Marian: rows to batches, loss, scores, calibration, saving, inputs; bad input."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import translation_toys as toys
from datasets import Dataset
from sacrebleu.metrics import BLEU, CHRF

from suite import Scored, Splits, SuiteError, TrainingData
from suite_translation.data.inputs import read_argument
from suite_translation.domain import TRANSLATION
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
    return TRANSLATION.task(beams=2, **settings)


@pytest.fixture
def model(folder):
    model = make().load(folder, None)
    model.network.eval()
    return model


@pytest.fixture
def examples(model):
    return model.prepare(Dataset.from_list(ROWS), "train")


def with_options(model, **options):
    return model.with_config(model.config.model_copy(update=options))


def test_examples_are_masked_and_said_in_their_language(model, examples):
    assert examples[2]["masked"] == ("Open ⟦0⟧ of ⟦1⟧⟦2⟧⟦3⟧", "⟦0⟧ von ⟦1⟧⟦2⟧⟦3⟧ öffnen")
    assert [example["language"] for example in examples] == ["de", "fr", "de", "de"]
    batch = model.collate(examples)
    firsts = model.codec.tokenizer.convert_ids_to_tokens(batch["input_ids"][:, 0].tolist())
    assert firsts == [">>de<<", ">>fr<<", ">>de<<", ">>de<<"]
    assert batch["labels"].shape[0] == 4 and model.count(batch) == sum(len(example["ids"][1]) for example in examples)
    assert (batch["labels"] == -100).sum() == batch["labels"].numel() - model.count(batch)
    assert list(model.lengths(examples)) == [len(a) + len(b) for a, b in (example["ids"] for example in examples)]


def test_examples_without_targets_have_no_labels(model):
    batch = model.collate(model.inputs("save it") + model.inputs("close it"))
    assert set(batch) == {"examples"} and batch["examples"][1]["source"] == "close it"


def test_smoothing_is_for_training_only(model, examples):
    batch, network = model.collate(examples), model.network
    with torch.no_grad():
        plain = model.loss(network, batch)
        assert plain == pytest.approx(float(network(**{k: batch[k] for k in batch if k != "examples"}).loss), abs=1e-5)
        network.train()
        for module in network.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        network.config.dropout = network.model.encoder.dropout = network.model.decoder.dropout = 0.0
        for layer in [*network.model.encoder.layers, *network.model.decoder.layers]:
            layer.dropout = 0.0
        smoothed, unsmoothed = (with_options(model, label_smoothing=value) for value in (0.5, 0.0))
        assert float(smoothed.loss(network, batch)) != pytest.approx(float(plain), abs=1e-4)
        assert float(unsmoothed.loss(network, batch)) == pytest.approx(float(plain), abs=1e-5)


def test_training_leaves_out_what_is_too_long(folder):
    model = make(longest=8).load(folder, None)
    short = [{"source": "a b", "target": "b a", "language": "de"}]
    rows = Dataset.from_list([*short, {"source": "save " * 20, "target": "die " * 20, "language": "de"}])
    assert len(model.prepare(rows, "train")) == 1
    assert len(model.prepare(rows, "validation")) == len(model.prepare(rows, "test")) == 2
    with pytest.raises(SuiteError, match="has at most longest=8 tokens"):
        model.prepare(rows.select([1]), "train")


def test_a_model_of_one_language_predicts_whatever_the_data_and_learns_only_one(tmp_path):
    rows = Dataset.from_list(ROWS)
    model = make().load(toys.marian(tmp_path, languages=()), TrainingData(rows))
    with pytest.raises(SuiteError, match="can't be told a language, and the data have de, fr"):
        model.prepare(rows, "train")
    assert len(model.prepare(rows.select([0, 2, 3]), "train")) == 3


def test_case_varies_on_its_share_and_only_the_source(model, examples):
    varying = with_options(model, vary_case=0.5)
    drawn = [varying.augment(examples[2], np.random.default_rng(seed)) for seed in range(60)]
    sources = {example["masked"][0] for example in drawn}
    assert sources == {"Open ⟦0⟧ of ⟦1⟧⟦2⟧⟦3⟧", "open ⟦0⟧ of ⟦1⟧⟦2⟧⟦3⟧", "Open ⟦0⟧ Of ⟦1⟧⟦2⟧⟦3⟧"}
    assert {example["masked"][1] for example in drawn} == {examples[2]["masked"][1]}
    assert 15 < sum("ids" not in example for example in drawn) < 45
    other = next(example for example in drawn if example["masked"][0][0] == "o")
    tokens = model.codec.tokenizer.convert_ids_to_tokens(model.collate([other])["input_ids"][0].tolist())
    assert "".join(tokens[1:]).startswith("▁open")


def answer(text, **more):
    return {"translation": text, "confidence": 0.5, "fuzzy": False, "why": [], "log_probability": -0.5, **more}


def test_metrics_are_sums_over_any_segments(model, examples):
    judge = make().scores(model)
    texts = ["datei sichern", "fermer la", "kaputt", "alle schließen"]
    references = [judge.reference(example) for example in examples]
    rows = [judge.score(answer(text), reference) for text, reference in zip(texts, references, strict=True)]
    scores = {key: np.asarray([row[key] for row in rows]) for key in rows[0]}
    metrics = judge.metrics(scores)
    targets = [[reference["target"] for reference in references]]
    assert metrics["chrf"] == pytest.approx(CHRF().corpus_score(texts, targets).score)
    assert metrics["bleu"] == pytest.approx(BLEU().corpus_score(texts, targets).score)
    assert (metrics["exact"], metrics["placeholders"], metrics["fuzzy"]) == (0.5, 0.0, 0.0)
    assert "terms" not in metrics
    again = judge.metrics({key: values[[2, 3, 3]] for key, values in scores.items()})
    assert again["exact"] == pytest.approx(2 / 3) and again["placeholders"] == 0.0
    assert np.isnan(judge.metrics({key: values[[3]] for key, values in scores.items()})["placeholders"])


def test_terms_are_counted_where_there_is_a_glossary(folder, tmp_path):
    (tmp_path / "terms.csv").write_text("source,target\nfile,Datei\n")
    task = make(glossary=str(tmp_path / "terms.csv"))
    judge = task.scores(task.load(folder, None))
    reference = {"source": "Save the file", "target": "Datei sichern", "language": "de", "style": None}
    rows = [judge.score(answer(text), reference) for text in ("Die Dateien", "Akte")]
    assert judge.metrics({key: np.asarray([row[key] for row in rows]) for key in rows[0]})["terms"] == 0.5
    with pytest.raises(SuiteError, match=r"glossary .*nowhere.csv cannot be read"):
        make(glossary="nowhere.csv").load(folder, None)


def test_a_saved_model_answers_as_before(model, examples, tmp_path):
    predictions, references = [answer("datei speichern", log_probability=-0.1)], [{"target": "datei speichern"}]
    calibrated = model.calibrate(predictions, references)
    assert calibrated.confidence != model.confidence == confidence.Confidence()
    calibrated.save(tmp_path)
    kept = json.loads((tmp_path / "generation_config.json").read_text())
    assert (kept["num_beams"], kept["max_length"]) == (2, 64)
    assert model.network.generation_config.max_length is None  # what is written there is not for this one
    task = make()
    again = task.load(tmp_path, None)
    again.network.eval()
    assert again.confidence == calibrated.confidence
    with torch.no_grad():
        before, after = (each.infer(each.collate(examples)) for each in (calibrated, again))
    assert before == after and all(map(task.answers.same, before, after))


def test_other_options_are_followed_and_the_model_stays_as_it_was(model, tmp_path):
    (tmp_path / "terms.csv").write_text("source,target\nfile,Datei\n")
    other = with_options(model, glossary=str(tmp_path / "terms.csv"), beams=1)
    assert [term.target for term in other.glossary.terms] == ["Datei"]
    assert (model.glossary, model.config.beams, other.config.beams) == (None, 2, 1)
    assert other.codec is model.codec


def test_another_source_language_is_said_by_another_tokenizer(tmp_path):
    model = make().load(toys.fast(tmp_path, "mbart50"), None)
    other = with_options(model, source_language="fr")
    firsts = [each.codec.tokenizer.convert_ids_to_tokens(each.codec.encode("file", "de"))[0] for each in (model, other)]
    assert firsts == ["en_XX", "fr_XX"]


def test_confidence_is_fitted_and_never_falls():
    sure = np.linspace(-3, 0, 200)
    good = (np.random.default_rng(0).random(200) < 1 / (1 + np.exp(-(3 * sure + 3)))).astype(float)
    fitted = confidence.Confidence.fitted(sure, good)
    assert fitted.slope == pytest.approx(3, abs=1) and fitted.offset == pytest.approx(3, abs=1)
    for truths in (np.ones(9), np.zeros(9), np.linspace(1, 0, 9).round()):
        curve = confidence.Confidence.fitted(np.linspace(-2, 0, 9), truths)
        assert 0 < curve(-9) < curve(-1) < curve(0) < 1
    assert confidence.Confidence()(-1e6) == 0.0


def test_baselines_copy_and_remember():
    rows = [{"source": "Save file", "target": "Datei sichern", "language": "de"},
            {"source": "Save 3 files", "target": "3 Dateien sichern", "language": None}]  # fmt: skip
    asked = [{"source": text, "language": "de"} for text in ("Save file", "Save 8 files", "Ünrelated")]
    task = make()
    systems = task.baselines(SimpleNamespace(config=task.config), Splits({"train": Dataset.from_list(rows)}), asked)
    texts = {name: [answer["translation"] for answer in answers] for name, answers in systems.predictions.items()}
    assert texts == {
        "copy": ["Save file", "Save 8 files", "Ünrelated"],
        "memory": ["Datei sichern", "8 Dateien sichern", "Ünrelated"],
    }


def scored(judge, texts, references):
    predictions = [answer(text) for text in texts]
    rows = [judge.score(*pair) for pair in zip(predictions, references, strict=True)]
    return Scored(predictions, references, {key: np.asarray([row[key] for row in rows]) for key in rows[0]})


def test_what_changed_is_told_segment_by_segment():
    task, model = make(), SimpleNamespace(glossary=None)
    targets = {"Save": ("Sichern", "de"), "Open %s": ("%s öffnen", "de"), "Quit": ("Quitter", "fr")}
    references = [{"source": s, "target": t, "language": lang, "style": None} for s, (t, lang) in targets.items()]
    before = scored(task.scores(model), ["Q", "%s öffnen", "Quitter"], references)
    after = scored(task.scores(model), ["Sichern", "auf", "Quitter"], references)
    report = task.report(model, {"fine-tuned": after, "before fine-tuning": before}, None, None)
    sections = {section.title: section for section in report}
    said = sections["What changed after fine-tuning"]
    assert {name: said.values[name] for name in ("better", "worse", "as before", "rewritten")} == {
        "better": 1, "worse": 1, "as before": 1, "rewritten": 2}  # fmt: skip
    assert said.values["most better"][0]["source"] == "Save" and said.values["most worse"][0]["after"] == "auf"
    assert "| +100 | Save | Q | Sichern | Sichern |" in said.text
    languages = sections["chrF by language"].values
    alone = {"segments": 1, "fine-tuned": 100.0, "before fine-tuning": 100.0, "intervals": {}}
    assert languages["fr"] == alone and "fr: 1 example is too few for a claim" in sections["chrF by language"].text
    assert languages["de"]["fine-tuned"] == measures.chrf(after.scores["chrf"][:2])
    counted = sections["Placeholders"].values
    assert counted["fine-tuned"] == {"segments": 3, "with placeholders": 1, "invalid": 1}
    assert counted["before fine-tuning"]["invalid"] == 0
    assert sections["Confidence"].values["accepted"]["segments"] == 3
    assert "chrF2|" in sections["How it was scored"].text


def test_languages_have_intervals_where_there_are_texts_enough():
    task, model = make(), SimpleNamespace(glossary=None)
    references = [{"source": f"s{n}", "target": "Sichern", "language": "de", "style": None} for n in range(30)]
    system = scored(task.scores(model), ["Sichern" if n % 3 else "Sicher" for n in range(30)], references)
    sections = {section.title: section for section in task.report(model, {"fine-tuned": system}, None, None)}
    part = sections["chrF by language"].values["de"]
    interval = part["intervals"]["fine-tuned"]
    assert interval["low"] < part["fine-tuned"] == interval["value"] < interval["high"] < 100
    assert f"({interval['low']:.1f} to {interval['high']:.1f})" in sections["chrF by language"].text


class TestSplits:
    def test_a_source_is_in_one_split_in_all_its_languages(self):
        rows = Dataset.from_list(
            [{**ROWS[0], "source": f"s {i // 3}", "language": ["de", "fr", "es"][i % 3]} for i in range(90)]
        )
        splits = make().data.split(rows)
        sources = [set(splits[name]["source"]) for name in ("train", "validation", "test")]
        assert sum(map(len, sources)) == 30 and all(len(part) % 3 == 0 for part in splits.values())

    def test_by_file_what_training_has_is_not_scored(self):
        rows = [{**ROWS[0], "source": "shared" if i % 5 == 0 else f"s {i}", "file": f"f{i // 10}"} for i in range(200)]
        splits = make(split_by="file").data.split(Dataset.from_list(rows))
        files = [set(splits[name]["file"]) for name in ("train", "validation", "test")]
        assert not (files[0] & files[1] or files[0] & files[2] or files[1] & files[2])
        assert "shared" in splits["train"]["source"]
        assert "shared" not in {*splits["validation"]["source"], *splits["test"]["source"]}

    def test_by_file_needs_files(self):
        with pytest.raises(SuiteError, match="needs a column 'file'"):
            make(split_by="file").data.split(Dataset.from_list([{"source": "a", "target": "b"}] * 9))


class TestInputs:
    def test_a_text_and_the_lines_of_a_file(self, tmp_path):
        assert read_argument("Save it.", "fr")[0] == {
            "source": "Save it.",
            "language": "fr",
            "style": None,
            "max_length": None,
        }
        (tmp_path / "a.txt").write_text("\ufeffSave\n\n Open %s \n", encoding="utf-8")
        assert [source["source"] for source in read_argument(str(tmp_path / "a.txt"), "fr")] == ["Save", " Open %s "]

    def test_the_strings_of_a_catalogue(self, tmp_path):
        (tmp_path / "a.po").write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
                                       '#, c-format\nmsgid "Open %s"\nmsgstr ""\n')  # fmt: skip
        (source,) = read_argument(str(tmp_path / "a.po"), "de")
        assert (source["source"], source["style"]) == ("Open %s", "c-format")

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
            read_argument(argument, "de")

    def test_a_file_of_another_kind_or_encoding_is_said(self, tmp_path):
        (tmp_path / "a.bin").write_bytes(b"\x00\xff")
        with pytest.raises(SuiteError, match="a.bin is no file of strings"):
            read_argument(str(tmp_path / "a.bin"), "de")
        (tmp_path / "a.txt").write_bytes("Größe\n".encode("latin-1"))
        with pytest.raises(SuiteError, match=r"a.txt cannot be read \(it is not UTF-8: byte 0xf6 at place 2\)"):
            read_argument(str(tmp_path / "a.txt"), "de")


class TestReading:
    CATALOGUE = (
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\nLanguage: fr\\n"\n\nmsgid "Save"\nmsgstr "{}"\n'
    )

    def test_catalogues_become_rows(self, tmp_path):
        (tmp_path / "a.po").write_text(self.CATALOGUE.format("Enregistrer"))
        for path in (tmp_path, tmp_path / "a.po"):
            (row,) = make().data.read(path)
            assert (row["source"], row["target"], row["language"], row["file"]) == ("Save", "Enregistrer", "fr", "a.po")

    def test_one_without_translations_is_said(self, tmp_path):
        (tmp_path / "a.po").write_text(self.CATALOGUE.format(""))
        with pytest.raises(SuiteError, match="a.po has no finished translation to learn from"):
            make().data.read(tmp_path / "a.po")

    def test_tables_are_left_to_the_core(self, tmp_path):
        (tmp_path / "a.csv").write_text("source,target\na,b\n")
        assert make().data.read(tmp_path) is None and make().data.read(tmp_path / "a.csv") is None


@pytest.mark.parametrize("value", ["", None, "german!", 3])
def test_a_language_must_be_a_code(value):
    with pytest.raises(SuiteError, match="target_language=.*give a language code such as de"):
        make(target_language=value)


def test_norwegian_is_no_falsehood():
    assert make(target_language=False).config.target_language == "no"


def test_txt_has_a_line_per_text_and_po_is_for_localize(tmp_path):
    answers = make().answers
    answers.write([("a", answer("eins\nzwei")), ("a", answer("drei"))], tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "eins zwei\ndrei\n"
    with pytest.raises(SuiteError, match="suite translation localize"):
        answers.check_output(tmp_path / "a.po")
    assert answers.render(answer("x", fuzzy=True, why=["So."])) == "x  [fuzzy: So.]"
