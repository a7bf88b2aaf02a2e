"""The toy keeps the contract: what the contract promises can be kept, and its checks can be passed."""

from __future__ import annotations

import json

import yaml

from suite.testing import DomainContract, Messy


class TestToyContract(DomainContract):
    domain = "toy"
    settings = {"epochs": 2, "ema": 0.9, "micro_batch_size": 3, "save_every": 5}
    bad_input = "r2d2"
    same_question = True

    def answered_input(self, folder):
        return "rhythm"

    def messy(self, folder):
        def file(name, *lines):
            path = folder / f"{name}.csv"
            path.write_text("\n".join(("word,label,author,split", *lines)) + "\n")
            return {"data": str(path), "max_rejected": 0.5}

        good = [f"{'ab'[n % 2]}{chr(97 + n)}x,{'vowels' if n % 2 else 'consonants'},a{n // 2}," for n in range(16)]
        marked = [f"{line}{split}" for line, split in zip(good, ["train"] * 8 + ["test"] * 8, strict=True)]
        return {
            "rows without a word and twice the same": Messy(
                file("rows", *good, ",vowels,a1,", "r2d2,vowels,a2,", good[0])
            ),
            "an author in two splits": Messy(
                file("author", *marked, "zzz,consonants,a0,test"), "values of author are in"
            ),
            "too few rows": Messy(file("few", *good[:2]), "too few"),
            "nothing but rubbish": Messy(file("none", "1,vowels,a,", "2,vowels,b,"), "None of the 2 rows is usable"),
            "a split of no known name": Messy(file("odd", *(line + "holdout" for line in good)), "holds 'holdout'"),
        }

    def test_what_is_chosen_on_validation_is_saved_with_the_model(self, trained):
        """`calibrate` sees every validation answer before the model is saved."""
        from suite.data.load import load_splits

        _, splits = load_splits(self.make())
        config = json.loads((trained / "model" / "config.json").read_text())
        assert config["validated"] == len(splits["validation"])

    def test_the_card_begins_with_what_the_hub_reads(self, trained):
        _, front, _ = (trained / "README.md").read_text().split("---\n", 2)
        card = yaml.safe_load(front)
        (index,) = card.pop("model-index")
        assert card == {"library_name": "transformers", "tags": ["suite", "toy"], "license": "apache-2.0"}
        (results,) = index["results"]
        assert results["dataset"] == {"name": "toy-words", "type": "toy-words", "split": "test"}
        systems = json.loads((trained / "evaluation.json").read_text())["test"]["systems"]
        values = [systems[name]["accuracy"]["value"] for name in ("fine-tuned", "before fine-tuning")]
        assert [metric["value"] for metric in results["metrics"]] == values

    def test_sections_are_in_the_evaluation_the_plots_and_the_card(self, trained):
        """The report of every data set is kept: numbers for scripts, text and figure for people."""
        (section,) = json.loads((trained / "evaluation.json").read_text())["test"]["sections"]
        answers = [json.loads(line) for line in (trained / "predictions-test.jsonl").read_text().splitlines()]
        wrong = sum(answer["fine-tuned"]["label"] != answer["reference"] for answer in answers)
        text = f"{wrong} of {len(answers)} words are wrong."
        assert section == {
            "title": "Wrong words",
            "text": text,
            "values": {"wrong": wrong, "share": [None]},
            "quotes": False,
            "figure": "plots/test-wrong-words.png",
        }
        assert (trained / section["figure"]).read_bytes() == b"\x89PNG of the toy"
        card = (trained / "README.md").read_text()
        assert f"## Wrong words\n\n{text}\n\n![Wrong words](plots/test-wrong-words.png)" in card

    def test_the_terminal_shows_sections_too(self, trained):
        done = self.command("evaluate", str(trained))
        assert done.returncode == 0 and "== Wrong words ==\n" in done.stdout
