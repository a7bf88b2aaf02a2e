"""Every family of seq2seq models, tiny and random: how each is told the language, and that slots come back."""

from __future__ import annotations

import json
import logging

import pytest
import torch
import translation_toys as toys

from suite import SuiteError
from suite_translation.model import generate, licence
from suite_translation.model.codec import Codec
from suite_translation.model.loading import load_network
from suite_translation.strings.languages import code_in, name_of

FAMILIES = ("marian", "marian-one", "nllb", "m2m", "mbart50", "mbart", "t5")


@pytest.fixture(scope="module")
def families(tmp_path_factory):
    """Folder, model and codec of each family, made when asked for."""
    made = {}

    def of(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            if name.startswith("marian"):
                several = name == "marian"
                toys.marian(folder, languages=("de", "fr") if several else (), slots=several)
            else:
                toys.m2m(folder) if name == "m2m" else toys.fast(folder, name)
            model, tokenizer = load_network(folder, "", dropout=0.1)
            made[name] = folder, model.eval(), Codec(tokenizer, model.config, "en")
        return made[name]

    return of


@pytest.mark.parametrize("name", FAMILIES)
def test_texts_and_slots_come_back(families, name):
    _, _, codec = families(name)
    assert codec.decode(codec.labels("die datei ⟦0⟧ von ⟦9⟧", "de")) == "die datei ⟦0⟧ von ⟦9⟧"
    assert codec.slot == ("⟦{}⟧" if name == "marian" else "[{}]")


@pytest.mark.parametrize("name", ["marian", "nllb", "t5"])
def test_loading_leaves_the_loggers_alone_and_a_long_text_is_cut_in_silence(families, name):
    logger, said = logging.getLogger("transformers.tokenization_utils_base"), []
    handler = logging.Handler()
    handler.emit = said.append
    logger.addHandler(handler)
    try:
        folder, _, _ = families(name)
        before = logger.level
        _, tokenizer = load_network(folder, "", dropout=0.1)
        codec = Codec(tokenizer, families(name)[1].config, "en")
        assert logger.level == before == logging.NOTSET
        long = "die datei " * 2000
        assert len(codec.encode(long, "de")) == len(codec.labels(long, "de")) == codec.limit
        assert said == []
    finally:
        logger.removeHandler(handler)


@pytest.mark.parametrize(
    ("name", "german", "french"),
    [
        ("nllb", ["</s>", "deu_Latn"], ["</s>", "fra_Latn"]),
        ("m2m", ["</s>", "__de__"], ["</s>", "__fr__"]),
        ("mbart50", ["</s>", "de_DE"], ["</s>", "fr_XX"]),
        ("mbart", ["de_DE"], ["fr_XX"]),
    ],
)
def test_coded_models_begin_with_the_language(families, name, german, french):
    _, _, codec = families(name)
    begun = codec.beginnings(["de", "fr"])
    assert [codec.tokenizer.convert_ids_to_tokens(row) for row in begun.tolist()] == [german, french]
    labels = codec.tokenizer.convert_ids_to_tokens(codec.labels("datei", "fr"))
    assert labels[-1 if name == "mbart" else 0] == french[-1]
    source = codec.tokenizer.convert_ids_to_tokens(codec.encode("file", "fr"))
    assert {"eng_Latn", "__en__", "en_XX"} & set(source) and french[-1] not in source


def test_marian_and_t5_say_it_before_the_text(families):
    _, _, marian = families("marian")
    assert marian.tokenizer.convert_ids_to_tokens(marian.encode("file", "fr"))[0] == ">>fr<<"
    _, _, t5 = families("t5")
    assert t5.instruction("de") == "translate English to German:"
    assert t5.encode("file", "de")[: len(t5.encode("", "de")) - 1] == t5.encode("", "de")[:-1]


def test_a_model_of_one_language_takes_one(families):
    _, _, codec = families("marian-one")
    codec.refuse_several({"de"})
    with pytest.raises(SuiteError, match="can't be told a language, and the data have de, fr"):
        codec.refuse_several({"de", "fr"})
    _, _, several = families("marian")
    with pytest.raises(SuiteError, match="knows no language 'es'; it knows de, fr"):
        several.refuse_several({"de", "es"})


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("beams", [1, 3])
def test_candidates_are_as_many_as_beams_and_do_not_depend_on_company(families, name, beams):
    _, model, codec = families(name)
    asked = [generate.Asked("save", "de"), generate.Asked("open the file and close it", "de")]
    together = generate.candidates(model, codec, asked, beams=beams)
    alone = [generate.candidates(model, codec, [request], beams=beams)[0] for request in asked]
    assert [len(candidates) for candidates in together] == [beams, beams]
    assert [candidate.log_probability for candidate in together[1]] == sorted(
        (c.log_probability for c in together[1]), reverse=True
    )
    # A short text alone may write fewer tokens: only what has the same room is compared.
    assert together[1][0].text == alone[1][0].text
    assert together[1][0].log_probability == pytest.approx(alone[1][0].log_probability, abs=1e-4)


def test_greedy_score_is_the_mean_log_probability(families):
    _, model, codec = families("marian")
    asked = generate.Asked("open the file", "de")
    ids = codec.encode(*asked)
    candidate = generate.candidates(model, codec, [asked], beams=1)[0][0]
    written = model.generate(
        torch.tensor([ids]), max_new_tokens=2 * len(ids) + 16, do_sample=False, num_beams=1,
        suppress_tokens=[codec.tokenizer.unk_token_id, codec.tokenizer.pad_token_id],
    )  # fmt: skip
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids]), decoder_input_ids=written).logits[0, :-1]
    logits[:, [codec.tokenizer.unk_token_id, codec.tokenizer.pad_token_id]] = -torch.inf
    steps = logits.log_softmax(-1).gather(1, written[0, 1:, None])[:, 0]
    steps[-1] = 0  # the end was forced: the greatest length is reached
    assert candidate.log_probability == pytest.approx(float(steps.mean()), abs=1e-3)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_asks_for_a_gradient_gets_one(families, name):
    """Else several processes, which exchange gradients, wait for one that never comes."""
    model, _ = load_network(families(name)[0], "", dropout=0.0)
    tokens = torch.tensor([[5, 6, 7, 8]])
    model(input_ids=tokens, labels=tokens).loss.backward()
    assert [name for name, weight in model.named_parameters() if weight.requires_grad and weight.grad is None] == []


def test_loops_are_forbidden_on_request(families):
    _, model, codec = families("marian")
    asked = [generate.Asked("open the file", "de")]
    candidate = generate.candidates(model, codec, asked, beams=1, unlooped=True)[0][0]
    ids = codec.tokenizer(text_target=candidate.text)["input_ids"]
    threes = [tuple(ids[i : i + 3]) for i in range(len(ids) - 2)]
    loose = generate.candidates(model, codec, asked, beams=1)[0][0]
    assert candidate.text != loose.text and len(set(threes)) == len(threes)


@pytest.mark.parametrize("name", FAMILIES)
def test_alignment_names_words_of_both_texts(families, name):
    _, model, codec = families(name)
    pairs = generate.align(model, codec, generate.Asked("save the ⟦0⟧", "de"), "⟦0⟧ speichern")
    assert [target for _, target, _ in pairs] == ["⟦0⟧", "speichern"]
    assert all(source in ("save", "the", "⟦0⟧") and 0 < weight <= 1 for source, _, weight in pairs)
    assert model.config._attn_implementation == "sdpa"


def test_alignment_takes_the_word_with_most_attention():
    weights = torch.tensor([[0.1, 0.2, 0.6, 0.1], [0.7, 0.1, 0.1, 0.1]])
    pairs = generate._pairs([("save", [0]), ("file", [1, 2])], [("Datei", [0]), ("sichern", [1])], weights)
    assert [(s, t) for s, t, _ in pairs] == [("file", "Datei"), ("save", "sichern")]
    assert pairs[0][2] == pytest.approx(0.8 / 0.9)


def test_what_is_no_seq2seq_model_is_refused(tmp_path):
    with pytest.raises(SuiteError, match="is no model folder"):
        load_network(tmp_path, "", dropout=0.1)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    with pytest.raises(SuiteError, match="a gpt2 model, which is no encoder with a decoder; give a seq2seq"):
        load_network(tmp_path, "", dropout=0.1)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "marian", "is_encoder_decoder": True}))
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(SuiteError, match="no weights as safetensors; Suite opens no pickles"):
        load_network(tmp_path, "", dropout=0.1)


@pytest.mark.parametrize(
    ("language", "known", "code"),
    [
        ("de", ["deu_Latn", "fra_Latn"], "deu_Latn"),
        ("pt_BR", ["pt_PT", "pt_BR"], "pt_BR"),
        ("pt-BR", ["pt", "de"], "pt"),
        ("zh", ["zho_Hans", "zho_Hant"], "zho_Hans"),
        ("fra_Latn", ["deu_Latn", "fra_Latn"], "fra_Latn"),
    ],
)
def test_codes(language, known, code):
    assert code_in(language, known) == code


def test_unknown_languages_are_named():
    with pytest.raises(SuiteError, match="knows no language 'xx'; it knows de, fr"):
        code_in("xx", ["fr", "de"])
    with pytest.raises(SuiteError, match="no English name for the language 'xx'"):
        name_of("xx")


class TestLicence:
    def test_the_card_decides(self, tmp_path):
        (tmp_path / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n# A model\n")
        with pytest.raises(SuiteError, match="cc-by-nc-4.0.*--set allow_noncommercial=true"):
            licence.enforce(tmp_path, "somebody/model", allowed=False)
        licence.enforce(tmp_path, "somebody/model", allowed=True)
        (tmp_path / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
        licence.enforce(tmp_path, "facebook/nllb-like", allowed=False)

    def test_families_are_known_without_a_card(self, tmp_path, families):
        with pytest.raises(SuiteError, match="every NLLB model"):
            licence.enforce(tmp_path, "facebook/nllb-200-distilled-600M", allowed=False)
        with pytest.raises(SuiteError, match="every NLLB model"):
            licence.enforce(families("nllb")[0], "", allowed=False)
        for name in ("marian", "m2m", "mbart50", "t5"):
            licence.enforce(families(name)[0], "", allowed=False)

    def test_a_card_without_front_matter_or_a_broken_one_says_nothing(self, tmp_path):
        for text in ("# Model", "---\n: [\n---\n", "---\njust words\n---\n"):
            (tmp_path / "README.md").write_text(text)
            assert licence.restriction(tmp_path, "") == ""
