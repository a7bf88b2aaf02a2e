"""What a domain promises, as tests on its starter."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from suite.accelerator import make_accelerator
from suite.assets.resolve import resolve_model
from suite.data.load import load_splits
from suite.domain.losses import split_loss
from suite.domain.parts import Model, overrides
from suite.domain.vocabulary import Prediction
from suite.errors import SuiteError
from suite.evaluation.scoring import score_examples
from suite.inference.batches import predict_batches, stream_batches
from suite.inference.predictor import Predictor
from suite.plugins.loader import load_plugins
from suite.testing.data import DataPromises
from suite.testing.demos import DEMO, asked_of_demo
from suite.testing.fresh import FreshPromises
from suite.testing.parts import after_closing, faults, lacks
from suite.testing.promise import RULES, altered, keep
from suite.testing.runs import Loaded, outcome

HEAVY = ("torch", "transformers", "datasets", "gradio", "accelerate", "peft", "diffusers")
PAGE = """
import sys
from importlib import import_module
import {domain} as described
demo = getattr(described, {name!r}).demo
import_module(demo.partition(":")[0] if isinstance(demo, str) else demo.__module__)
print([name for name in ("torch", "transformers") if name in sys.modules])
"""
ATTRIBUTES = "docs/writing-a-plugin.md, 'What a domain says'"
SAME = "docs/writing-a-plugin.md, 'Its tests'"


class DomainContract(FreshPromises, DataPromises):
    """Set `domain`, and `settings` that make a run take seconds; name an input where you can."""

    bad_input: ClassVar[str] = "no-such-file.bin"
    """An argument `predict` must refuse with one sentence."""

    same_question: ClassVar[bool] = False
    """Whether `answered_input`, which must then give something, asks what the domain's `demo_call` asks: `predict` and
    demo must answer alike."""

    # ---- what is said without work -------------------------------------------------------------------------------

    def test_domain_imports_nothing_heavy(self) -> None:
        """Listing, help and options must not wait for torch."""
        target = load_plugins().domains[self.domain].entry.target.partition(":")[0]
        script = f"import sys, {target}; print([m for m in {HEAVY!r} if m in sys.modules])"
        seen = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
        keep(seen == "[]", f"importing {target} imports nothing heavy", seen=seen, read=RULES)

    def test_page_waits_for_no_torch(self) -> None:
        """The app is there before anybody asks a model: the demo's module imports neither torch nor transformers."""
        module, _, name = load_plugins().domains[self.domain].entry.target.partition(":")
        command = [sys.executable, "-c", PAGE.format(domain=module, name=name)]
        seen = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        keep(seen == "[]", "a page is built without torch", seen=seen, read=RULES)

    def test_domain_says_what_people_read(self) -> None:
        """Title, limits, licences and a sentence for every option."""
        domain = self.make().domain
        said = {"title": domain.title, "limits": domain.limits.strip()}
        keep(all(said.values()), "a title and limits", seen=said, read=ATTRIBUTES)
        mute = [name for name, field in domain.Config.model_fields.items() if not field.description]
        keep(not mute, "a sentence for every option", seen=f"none for {mute}", read=ATTRIBUTES)
        names = {asset.name for asset in domain.starter.assets}
        wanted = {domain.starter.model, domain.starter.data, domain.starter.answering}
        keep(wanted <= names, "an asset for each starter", seen=f"none for {wanted - names}", read="suite.Asset")
        bare = [asset.name for asset in domain.starter.assets if not (asset.licence and asset.url)]
        keep(not bare, "licence and source of each asset", seen=f"none for {bare}", read="suite.Asset")

    def test_parts_are_there(self) -> None:
        """Every part that the domain names is there, has its methods, and takes what the core gives it."""
        seen = list(faults(self.make().domain))
        keep(not seen, "every part named is there and fits", seen=seen, read=ATTRIBUTES)

    # ---- data ----------------------------------------------------------------------------------------------------

    def test_starter_data_passes_its_own_check(self) -> None:
        """No row of the starter is rejected beyond the share a run tolerates, and the splits share nothing."""
        _, splits = load_splits(self.make())
        sizes = {name: len(rows) for name, rows in splits.items()}
        keep(set(sizes) == {"train", "validation", "test"}, "three splits", seen=sizes, read="suite.Data.split")
        keep(all(sizes.values()), "no empty split", seen=sizes, read="suite.Data.split")

    # ---- the model -----------------------------------------------------------------------------------------------

    @pytest.fixture(scope="class")
    @classmethod
    def loaded(cls) -> Loaded:
        """The task, its starter model in eval mode and validation examples."""
        task = cls().make()
        _, splits = load_splits(task)
        starter = task.domain.starter
        model = task.load(resolve_model(starter.model, starter.assets), splits.training)
        model.network.eval()
        with torch.no_grad():
            model = model.refreshed()
        return task, model, model.prepare(splits["validation"], "validation")

    def test_model_is_whole(self, loaded: Loaded) -> None:
        """What is loaded has every method of a model, and the options it was asked with."""
        task, model, _ = loaded
        missing = lacks(type(model), Model)
        keep(not missing, "a model with all its methods", seen=missing, read="suite.Model")
        keep(isinstance(model.network, torch.nn.Module), "a network", seen=type(model.network), read="suite.Model")
        keep(model.config == task.config, "the config it was given", seen=model.config, read="suite.Model")

    def test_loss_is_a_mean_over_count(self, loaded: Loaded) -> None:
        """One batch of n equals its halves weighted by `count`: accumulation and many processes rest on it."""
        _, model, examples = loaded
        few = [examples[i] for i in range(min(4, len(examples)))]
        batches = [model.collate(few), model.collate(few[:1]), model.collate(few[1:])]
        with torch.no_grad():
            losses = [float(split_loss(model.loss(model.network, batch))[0]) for batch in batches]
        counts = [model.count(batch) for batch in batches]
        mean = (losses[1] * counts[1] + losses[2] * counts[2]) / (counts[1] + counts[2])
        seen = f"{losses[0]} for the whole, {mean} from parts of {counts[1:]} items"
        read = f"suite.Model.loss, suite.Model.count; {RULES}"
        keep(abs(losses[0] - mean) < 1e-3 * max(1, abs(mean)), "loss is the mean over count", seen=seen, read=read)

    def test_predictions_are_json_and_scored(self, loaded: Loaded) -> None:
        """`infer` answers each example, in values JSON holds; `score` and `metrics` take any subset."""
        task, model, examples = loaded
        few = [examples[i] for i in range(min(3, len(examples)))]
        scores = task.scores(model)
        scored = score_examples(model, scores, few, make_accelerator(task.config), "contract")
        count = len(scored.predictions)
        keep(count == len(few), f"{len(few)} predictions for as many examples", seen=count, read="suite.Model.infer")
        try:
            json.dumps(scored.predictions)
        except TypeError as error:
            keep(False, "predictions in values JSON holds", seen=error, read="suite.Model.infer")
        metrics = scores.metrics({key: values[[0, 0]] for key, values in scores.joint(scored).items()})
        metric, seen = task.domain.metric, sorted(metrics)
        keep(metric in metrics, f"metrics() holds {metric!r}", seen=seen, read="suite.Scores.metrics")

    def test_answers_do_not_depend_on_company(self, loaded: Loaded) -> None:
        """An example is answered alike whatever else is in the batch and whichever process it falls to."""
        task, model, examples = loaded
        accelerator, answers = make_accelerator(task.config), dict[tuple[bool, int], Prediction]()
        model.network.to(accelerator.device)
        places = list(range(min(4, len(examples))))
        for seed, indices in enumerate((places, places[0::2], places[1::2])):
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                for batch, _, _, predictions in predict_batches(model, examples, indices, accelerator):
                    answers |= {(seed > 0, place): answer for place, answer in zip(batch, predictions, strict=True)}
        pairs = [(answers[False, place], answers[True, place]) for place in places]
        apart = [pair for pair in pairs if not task.answers.same(*map(plain, pair))]
        promised = "the same answer in any batch, on any process"
        keep(not apart, promised, seen=str(apart[:1])[:1000], read=f"suite.Model.infer; {RULES}")

    def test_a_stream_ends_as_infer_answers(self, loaded: Loaded) -> None:
        """Each piece of `infer_stream` has a prediction per example, the last are those of `infer`; a stream that is
        closed calls the network no more and leaves no thread."""
        task, model, examples = loaded
        if not overrides(model, "infer_stream"):
            pytest.skip("the model does not stream")
        few = [examples[i] for i in range(min(3, len(examples)))]
        accelerator = make_accelerator(task.config)
        model.network.to(accelerator.device)
        pieces = list(stream_batches(model, few, accelerator))
        ways = [[answer for *_, part in predict_batches(model, few, range(len(few)), accelerator) for answer in part]]
        ways.append(pieces[-1])
        same = len(pieces[-1]) == len(few) and all(map(task.answers.same, *([plain(a) for a in way] for way in ways)))
        keep(same, "the last piece is what infer answers", seen=str(ways)[:1000], read="suite.Model.infer_stream")
        seen = after_closing(model, stream_batches(model, few[:1], accelerator))
        keep(not seen, "a closed stream ends its work", seen=seen, read="suite.Model.infer_stream")

    # ---- one inference path --------------------------------------------------------------------------------------

    def test_saved_model_answers_as_before(self, trained: Path) -> None:
        """Golden samples hold after a load, and a model that answers otherwise is refused."""
        read = f"suite.Model.save, suite.Domain.model; {RULES}"
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
            keep(False, "other answers are refused", seen="they are taken", read="suite.Answers.same")
        finally:
            path.write_text(kept)

    def test_damaged_model_is_one_sentence(self, trained: Path, tmp_path: Path) -> None:
        """A finished run whose model has a file that was cut short answers, or is refused in one sentence."""
        run = tmp_path / trained.name
        shutil.copytree(trained, run)
        files = sorted(path for path in (run / "model").rglob("*") if path.is_file())
        for path in {path.suffix: path for path in files}.values():  # of each kind one, as each costs a load
            whole = path.read_bytes()
            path.write_bytes(whole[: len(whole) // 2])
            try:
                _ = Predictor(self.make(), str(run)).model
            except SuiteError as error:
                keep("\n" not in str(error), "one sentence", seen=repr(str(error)), read="suite.decoders")
            except Exception as error:
                seen = f"{type(error).__name__}: {error}, with half of {path.relative_to(run)}"
                keep(False, "an answer or a SuiteError", seen=seen, read="suite.decoders")
            path.write_bytes(whole)

    def test_evaluation_and_predictor_answer_alike(self, trained: Path) -> None:
        """What the evaluation of a run wrote is what its model answers when asked later."""
        predictor = Predictor(self.make(), str(trained))
        model, task = predictor.model, predictor.task  # in this order: loading brings the options of the run
        examples = model.prepare(load_splits(task)[1]["test"], "test")
        answers = predictor([examples[i] for i in range(min(3, len(examples)))])
        lines = [json.loads(line) for line in (trained / "predictions-test.jsonl").read_text().splitlines()]
        pairs = [(line["fine-tuned"], plain(answer)) for line, answer in zip(lines, answers, strict=False)]
        apart = [pair for pair in pairs if not task.answers.same(*pair)]
        promised = "evaluate and predict answer alike"
        keep(not apart, promised, seen=str(apart[:1])[:1000], read=f"suite.Model.infer; {RULES}")

    def test_a_fresh_process_answers(self, trained: Path, tmp_path: Path) -> None:
        """`predict` of the command line gives the answers the model gives here."""
        argument = self.answered_input(tmp_path)
        if not argument:
            pytest.skip("answered_input gives none")
        done = self.command("predict", argument, "--model", str(trained), "--format", "json", "--quiet")
        keep(done.returncode == 0, "predict exits with 0", seen=outcome(done), read="suite.Model.inputs")
        predictor = Predictor(self.make().domain.task(), str(trained))  # the command was given no settings either
        expected = [plain(answer) for answer in predictor.answer(argument)]
        lines = json.loads(done.stdout)
        signed = all(line.get("model") == trained.name for line in lines)
        keep(signed, "each answer names the run that gave it", seen=lines[:1], read="docs/commands.md")
        answers = [{key: value for key, value in line.items() if key not in ("input", "model")} for line in lines]
        alike = len(expected) == len(answers) and all(map(predictor.task.answers.same, expected, answers))
        seen = f"{answers[:1]} instead of {expected[:1]}"[:1000]
        keep(answers and alike, "the command answers as the model does here", seen=seen, read="suite.Model.infer")

    def test_the_demo_answers_by_infer(self, trained: Path, tmp_path: Path) -> None:
        """Asked its `demo_call` over the network, the demo asks `infer`; asked the same, `predict` answers alike."""
        argument = self.answered_input(tmp_path) if self.same_question else ""
        given = argument or not self.same_question
        keep(given, "same_question needs answered_input", seen="answered_input gives ''", read=SAME)
        predictor = Predictor(self.make(), str(trained))
        endpoint, arguments = predictor.task.demo_call(predictor)
        seen = [plain(answer) for answer in asked_of_demo(predictor, endpoint, arguments, tmp_path)]
        if not endpoint:
            pytest.skip("the demo starts; the domain's demo_call names nothing to ask it")
        promised = f"the demo's {endpoint!r} answers by infer"
        keep(seen, promised, seen="infer was not asked", read=DEMO)
        expected = [plain(answer) for answer in predictor.answer(argument)] if argument else []
        same = predictor.task.answers.same
        as_predicted = [any(same(answer, shown) for shown in seen) for answer in expected]
        keep(all(as_predicted), f"{promised} as predict does: {expected}"[:1000], seen=str(seen)[:1000], read=DEMO)

    # ---- mistakes ------------------------------------------------------------------------------------------------

    def test_bad_input_is_one_sentence(self, trained: Path) -> None:
        """`predict` refuses what it cannot read, with status 2 and without a traceback."""
        done = self.command("predict", self.bad_input, "--model", str(trained))
        refused = done.returncode == 2 and "Traceback" not in done.stderr and "Error: " in done.stderr
        promised = f"{self.bad_input!r} is refused with one sentence and status 2"
        keep(refused, promised, seen=outcome(done), read="suite.Model.inputs")

    def test_misspelt_option_names_the_nearest(self) -> None:
        """`--set epoch=1` is an error that names `epochs`."""
        done = self.command("train", "--set", "epoch=1")
        named = done.returncode == 2 and "'epochs'" in done.stderr
        keep(named, "a misspelt option is refused, naming 'epochs'", seen=outcome(done), read="suite.TrainConfig")


def plain(prediction: Any) -> Any:
    """A prediction as JSON keeps it."""
    return json.loads(json.dumps(prediction))
