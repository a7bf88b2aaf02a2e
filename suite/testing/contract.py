"""What a domain promises, as tests on its starter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from suite.errors import SuiteError
from suite.plugins.loader import load_plugins
from suite.testing.demos import DEMO, asked_of_demo
from suite.testing.promise import RULES, altered, keep
from suite.testing.runs import Loaded, RunPromises, told

HEAVY = ("torch", "transformers", "datasets", "gradio", "accelerate", "peft", "diffusers")
ATTRIBUTES = "docs/writing-a-plugin.md, 'What a domain says'"
SAME = "docs/writing-a-plugin.md, 'Its tests'"


class DomainContract(RunPromises):
    """Set `domain`, and `settings` that make a run take seconds; name an input where you can."""

    bad_input: ClassVar[str] = "no-such-file.bin"
    """An argument `predict` must refuse with one sentence."""

    same_question: ClassVar[bool] = False
    """Whether `answered_input`, which must then give something, asks what the domain's `demo_call` asks: `predict` and
    demo must answer alike."""

    def answered_input(self, folder: Path) -> str:
        """An argument `predict` must answer, such as a file made in `folder`; "" skips what needs one."""
        return ""

    # ---- what is said without work -------------------------------------------------------------------------------

    def test_domain_imports_nothing_heavy(self) -> None:
        """Listing, help and options must not wait for torch."""
        target = load_plugins().domains[self.domain].entry.target.partition(":")[0]
        script = f"import sys, {target}; print([m for m in {HEAVY!r} if m in sys.modules])"
        seen = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
        keep(seen == "[]", f"importing {target} imports nothing heavy", seen=seen, read=RULES)

    def test_domain_says_what_people_read(self) -> None:
        """Title, limits, licences and a sentence for every option."""
        domain = self.make()
        said = {"title": domain.title, "limits": domain.limits.strip()}
        keep(all(said.values()), "a title and limits", seen=said, read=ATTRIBUTES)
        mute = [name for name, field in type(domain).Config.model_fields.items() if not field.description]
        keep(not mute, "a sentence for every option", seen=f"none for {mute}", read=ATTRIBUTES)
        names = {asset.name for asset in domain.starter.assets}
        wanted = {domain.starter.model, domain.starter.data, domain.starter.answering}
        keep(wanted <= names, "an asset for each starter", seen=f"none for {wanted - names}", read="suite.Asset")
        bare = [asset.name for asset in domain.starter.assets if not (asset.licence and asset.url)]
        keep(not bare, "licence and source of each asset", seen=f"none for {bare}", read="suite.Asset")

    # ---- data ----------------------------------------------------------------------------------------------------

    def test_starter_data_passes_its_own_check(self) -> None:
        """No row of the starter is rejected beyond the share a run tolerates, and the splits share nothing."""
        from suite.data.load import load_splits

        _, splits = load_splits(self.make())
        sizes = {name: len(rows) for name, rows in splits.items()}
        keep(set(sizes) == {"train", "validation", "test"}, "three splits", seen=sizes, read="suite.Domain.split")
        keep(all(sizes.values()), "no empty split", seen=sizes, read="suite.Domain.split")

    # ---- the model -----------------------------------------------------------------------------------------------

    @pytest.fixture(scope="class")
    @classmethod
    def loaded(cls) -> Loaded:
        """The domain, its starter model in eval mode and a few validation examples."""
        from suite.assets.resolve import resolve_model
        from suite.data.load import load_splits

        domain = cls().make()
        _, splits = load_splits(domain)
        source = resolve_model(domain.starter.model, domain.starter.assets)
        model = domain.load_model(source, splits["train"]).eval()
        domain.before_evaluate(model)
        return domain, model, domain.prepare(splits["validation"], model, training=False)

    def test_loss_is_a_mean_over_count(self, loaded: Loaded) -> None:
        """One batch of n equals its halves weighted by `count`: accumulation and many processes rest on it."""
        import torch

        domain, model, examples = loaded
        found = [examples[i] for i in range(min(4, len(examples)))]
        parts = [domain.collate(found), domain.collate(found[:1]), domain.collate(found[1:])]
        with torch.no_grad():
            losses = [float(domain.loss(model, part)) for part in parts]
        counts = [domain.count(part) for part in parts]
        mean = (losses[1] * counts[1] + losses[2] * counts[2]) / (counts[1] + counts[2])
        seen = f"{losses[0]} for the whole, {mean} from parts of {counts[1:]} items"
        read = f"suite.Domain.loss, suite.Domain.count; {RULES}"
        keep(abs(losses[0] - mean) < 1e-3 * max(1, abs(mean)), "loss is the mean over count", seen=seen, read=read)

    def test_predictions_are_json_and_scored(self, loaded: Loaded) -> None:
        """`infer` answers each example, in values JSON holds; `score` and `metrics` take any subset."""
        from suite.accelerator import make_accelerator
        from suite.evaluation.scoring import score_examples

        domain, model, examples = loaded
        few = [examples[i] for i in range(min(3, len(examples)))]
        scored = score_examples(domain, model, few, make_accelerator(domain.config), "contract")
        found = len(scored.predictions)
        keep(found == len(few), f"{len(few)} predictions for as many examples", seen=found, read="suite.Domain.infer")
        try:
            json.dumps(scored.predictions)
        except TypeError as error:
            keep(False, "predictions in values JSON holds", seen=error, read="suite.Domain.infer")
        metrics = domain.metrics({key: values[[0, 0]] for key, values in scored.scores.items()})
        seen = sorted(metrics)
        keep(domain.metric in metrics, f"metrics() holds {domain.metric!r}", seen=seen, read="suite.Domain.metrics")

    def test_answers_do_not_depend_on_company(self, loaded: Loaded) -> None:
        """An example is answered alike whatever else is in the batch and whichever process it falls to."""
        import torch

        from suite.accelerator import make_accelerator
        from suite.inference.batches import predict_batches

        domain, model, examples = loaded
        accelerator, answers = make_accelerator(domain.config), {}
        model.to(accelerator.device)
        places = list(range(min(4, len(examples))))
        for seed, indices in enumerate((places, places[0::2], places[1::2])):
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                for picked, _, _, found in predict_batches(domain, model, examples, indices, accelerator):
                    answers.update({(seed > 0, place): one for place, one in zip(picked, found, strict=True)})
        apart = [(answers[False, i], answers[True, i]) for i in places]
        apart = [(one, two) for one, two in apart if not domain.same(plain(one), plain(two))]
        promised = "the same answer in any batch, on any process"
        keep(not apart, promised, seen=str(apart[:1])[:1000], read=f"suite.Domain.infer; {RULES}")

    # ---- one inference path --------------------------------------------------------------------------------------

    def test_saved_model_answers_as_before(self, trained: Path) -> None:
        """Golden samples hold after a load, and a model that answers otherwise is refused."""
        from suite.inference.predictor import Predictor

        read = f"suite.Domain.save_model, suite.Domain.load_model; {RULES}"
        path = trained / "golden" / "predictions.json"
        kept = path.read_text()
        try:
            _ = Predictor(self.make(), str(trained)).model
        except SuiteError as error:
            keep(False, "the saved model gives the answers stored with it", seen=error, read=read)
        try:
            path.write_text(json.dumps(altered(json.loads(kept))))
            _ = Predictor(self.make(), str(trained)).model
        except SuiteError as error:
            keep("does not give the answers stored with it" in str(error), "a refusal", seen=error, read=read)
        else:
            keep(False, "other answers are refused", seen="they are taken", read="suite.Domain.same")
        finally:
            path.write_text(kept)

    def test_evaluation_and_predictor_answer_alike(self, trained: Path) -> None:
        """What the evaluation of a run wrote is what its model answers when asked later."""
        from suite.data.load import load_splits
        from suite.inference.predictor import Predictor

        predictor = Predictor(self.make(), str(trained))
        model, domain = predictor.model, predictor.domain
        rows = load_splits(domain)[1]["test"]
        examples = domain.prepare(rows, model, training=False)
        found = predictor([examples[i] for i in range(min(3, len(examples)))])
        lines = [json.loads(line) for line in (trained / "predictions-test.jsonl").read_text().splitlines()]
        pairs = [(line["fine-tuned"], plain(one)) for line, one in zip(lines, found, strict=False)]
        apart = [pair for pair in pairs if not domain.same(*pair)]
        promised = "evaluate and predict answer alike"
        keep(not apart, promised, seen=str(apart[:1])[:1000], read=f"suite.Domain.infer; {RULES}")

    def test_a_fresh_process_answers(self, trained: Path, tmp_path: Path) -> None:
        """`predict` of the command line gives the answers the model gives here."""
        from suite.inference.predictor import Predictor

        argument = self.answered_input(tmp_path)
        if not argument:
            pytest.skip("answered_input gives none")
        done = self.command("predict", argument, "--model", str(trained), "--format", "json", "--quiet")
        keep(done.returncode == 0, "predict exits with 0", seen=told(done), read="suite.Domain.inputs")
        predictor = Predictor(type(self.make())(), str(trained))  # the command was given no settings either
        expected = [plain(one) for one in predictor(predictor.domain.inputs(argument))]
        found = [{key: value for key, value in one.items() if key != "input"} for one in json.loads(done.stdout)]
        alike = len(expected) == len(found) and all(map(predictor.domain.same, expected, found))
        seen = f"{found[:1]} instead of {expected[:1]}"[:1000]
        keep(found and alike, "the command answers as the model does here", seen=seen, read="suite.Domain.infer")

    def test_the_demo_answers_by_infer(self, trained: Path, tmp_path: Path) -> None:
        """Asked its `demo_call` over the network, the demo asks `infer`; asked the same, `predict` answers alike."""
        from suite.inference.predictor import Predictor

        argument = self.answered_input(tmp_path) if self.same_question else ""
        given = argument or not self.same_question
        keep(given, "same_question needs answered_input", seen="answered_input gives ''", read=SAME)
        predictor = Predictor(self.make(), str(trained))
        endpoint, arguments = predictor.domain.demo_call(predictor)
        seen = [plain(one) for one in asked_of_demo(predictor, endpoint, arguments, tmp_path)]
        if not endpoint:
            pytest.skip("the demo starts; the domain's demo_call names nothing to ask it")
        promised = f"the demo's {endpoint!r} answers by infer"
        keep(seen, promised, seen="infer was not asked", read=DEMO)
        expected = [plain(one) for one in predictor(predictor.domain.inputs(argument))] if argument else []
        held = [any(predictor.domain.same(one, other) for other in seen) for one in expected]
        keep(all(held), f"{promised} as predict does: {expected}"[:1000], seen=str(seen)[:1000], read=DEMO)

    # ---- mistakes ------------------------------------------------------------------------------------------------

    def test_bad_input_is_one_sentence(self, trained: Path) -> None:
        """`predict` refuses what it cannot read, with status 2 and without a traceback."""
        done = self.command("predict", self.bad_input, "--model", str(trained))
        refused = done.returncode == 2 and "Traceback" not in done.stderr and "Error: " in done.stderr
        promised = f"{self.bad_input!r} is refused with one sentence and status 2"
        keep(refused, promised, seen=told(done), read="suite.Domain.inputs")

    def test_misspelt_option_names_the_nearest(self) -> None:
        """`--set epoch=1` is an error that names `epochs`."""
        done = self.command("train", "--set", "epoch=1")
        named = done.returncode == 2 and "'epochs'" in done.stderr
        keep(named, "a misspelt option is refused, naming 'epochs'", seen=told(done), read="suite.TrainConfig")


def plain(prediction: Any) -> Any:
    """A prediction as JSON keeps it."""
    return json.loads(json.dumps(prediction))
