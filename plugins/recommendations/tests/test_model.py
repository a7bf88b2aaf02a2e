"""The model: what is frozen, what is bounded, what counts leave out, what losses agree on, what a list may hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recommendation_toys import catalogue, chains, config, encoder_folder, recommender

from suite import SuiteError
from suite_recommendations.data.catalogue import Catalogue
from suite_recommendations.data.examples import Histories, History, Windows, collate, shifted
from suite_recommendations.data.text import TextEncoder
from suite_recommendations.model import inference
from suite_recommendations.model.index import ItemIndex
from suite_recommendations.model.loading import build, load_saved
from suite_recommendations.model.model import RecommenderModel


@pytest.fixture
def toy(tmp_path) -> RecommenderModel:
    return recommender(tmp_path)


def stirred(toy: RecommenderModel) -> RecommenderModel:
    """The same with random weights everywhere, as after training."""
    torch.manual_seed(3)
    for parameter in toy.network.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return toy


def asked(toy: RecommenderModel, *histories: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    batch = collate([History("u", (), numbers=np.array(h, dtype=np.int64)) for h in histories], toy.catalogue, 8)
    return batch["history"], batch["end"]


def training_batch(toy: RecommenderModel, items: int = 12, width: int = 8):
    ids = toy.catalogue.ids
    rows = [{"user": f"u{n}", "history": [ids[i] for i in h]} for n, h in enumerate(chains(30, items, 9))]
    return collate(Windows(rows, toy.catalogue, width)[:4], toy.catalogue, width)


def loss(toy: RecommenderModel, batch) -> torch.Tensor:
    wanted = {name: batch[name] for name in ("history", "end", "own", "labels")}
    return toy.network(**wanted).loss


def value(toy: RecommenderModel, batch) -> float:
    with torch.no_grad():
        return float(loss(toy, batch))


def test_texts_are_frozen_and_the_rest_learns(toy):
    loss(toy, training_batch(toy)).backward()
    named = dict(toy.network.named_parameters())
    names = {name for name, parameter in named.items() if parameter.grad is not None and parameter.grad.any()}
    assert {
        "project.weight",
        "delta",
        "positions",
        "gates.amount",
        "gates.log_weight",
        "gates.slope",
        "gates.mix",
    } <= names
    assert not {"text", "centre", "popularity", "count_values"} & named.keys()


def test_a_correction_never_exceeds_its_bound(toy):
    toy.network.delta.data.normal_(std=100)
    assert toy.network.bounded_delta().norm(dim=1).max() <= toy.network.config.delta_bound
    toy.network.delta.data.normal_(std=1e-3)
    torch.testing.assert_close(toy.network.bounded_delta(), toy.network.delta, rtol=1e-4, atol=1e-8)
    toy.network.config.delta_bound = 0
    assert not toy.network.bounded_delta().any()


def test_counts_leave_out_the_history_itself(tmp_path):
    """Trained-on counts of a history equal the counts of a world without it, at every place and for every item."""
    encoder = TextEncoder(encoder_folder(tmp_path / "encoder"))
    histories = [*chains(10, 12, 9), np.array([3, 1, 3, 7, 2, 9])]
    whole = stirred(build(histories, catalogue(12), encoder, config())).network.eval()
    others = stirred(build(histories[:-1], catalogue(12), encoder, config())).network.eval()
    for candidates in (None, torch.tensor([0, 2, 7, 11])):
        mine = torch.from_numpy(histories[-1])
        for end in (1, 4, 6):
            left_out = whole.count_scores(mine, end, min(3, end), candidates, own=True)
            without = others.count_scores(mine, end, min(3, end), candidates, own=False)
            torch.testing.assert_close(left_out, without, rtol=1e-4, atol=1e-5)
    vouched = whole.count_scores(mine, 4, 1, None, own=False)
    assert (vouched[0, 2] - whole.count_scores(mine, 4, 1, None, own=True)[0, 2]) > 0.01


def test_the_future_of_a_window_changes_nothing(toy):
    toy = stirred(toy)
    toy.network.eval()
    history, _ = asked(toy, [1, 2, 3, 4, 5, 6])
    before = toy.network.scores(history, torch.tensor([4]), 3)
    changed = history.clone()
    changed[0, 4:] = torch.tensor([9, 0])
    torch.testing.assert_close(toy.network.scores(changed, torch.tensor([4]), 3), before)


def test_padding_changes_nothing(toy):
    toy = stirred(toy)
    toy.network.eval()
    alone = toy.network.scores(*asked(toy, [4, 5]), 1)
    beside = toy.network.scores(*asked(toy, [4, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), 1)[:1]
    torch.testing.assert_close(alone, beside)


def test_candidates_score_as_in_the_whole(toy):
    toy = stirred(toy)
    toy.network.eval()
    history, end = asked(toy, [4, 5, 6], [1])
    chosen = torch.tensor([0, 5, 11])
    torch.testing.assert_close(
        toy.network.scores(history, end, 1, chosen), toy.network.scores(history, end, 1)[:, :, chosen]
    )


def test_sampling_every_item_is_the_full_loss(tmp_path):
    full = stirred(recommender(tmp_path, items=60))
    sampled = stirred(recommender(tmp_path, items=60, objective="sampled", negatives=1000))
    few = stirred(recommender(tmp_path, items=60, objective="sampled", negatives=1))
    batch = training_batch(full, items=60)
    expected = value(full, batch)
    assert value(sampled, batch) == pytest.approx(expected, rel=1e-5)
    assert value(few, batch) != pytest.approx(expected, rel=1e-5)


def test_sampled_loss_estimates_the_full_one(tmp_path):
    full, sampled = (
        stirred(recommender(tmp_path, items=40)),
        stirred(recommender(tmp_path, items=40, objective="sampled", negatives=20)),
    )
    batch = training_batch(full, items=40)
    torch.manual_seed(0)
    mean = np.mean([value(sampled, batch) for _ in range(60)])
    assert mean == pytest.approx(value(full, batch), rel=0.03)


def test_gbce_without_calibration_is_binary_cross_entropy(tmp_path):
    toy = stirred(recommender(tmp_path, objective="gbce", negatives=1000, calibration=0.0))
    toy.network.config.exclude_seen = False
    scores, targets = torch.tensor([[0.5, -1.0, 2.0]]), torch.tensor([0])
    toy.network.config.items = 3
    plain = torch.nn.functional.binary_cross_entropy_with_logits(scores, torch.tensor([[1.0, 0, 0]]))
    torch.testing.assert_close(toy.network._gbce(scores, targets), plain)
    toy.network.config.calibration = 1.0  # β becomes the sampling rate, here 1: all others were drawn
    torch.testing.assert_close(toy.network._gbce(scores, targets), plain)
    toy.network.config.items = 5  # half were drawn: the positive counts half
    half = torch.nn.functional.softplus(scores)
    half[0, 0] = 0.5 * torch.nn.functional.softplus(-scores[0, 0])
    torch.testing.assert_close(toy.network._gbce(scores, targets), half.sum() / 3)


@pytest.mark.parametrize("objective", ["cross-entropy", "sampled", "gbce"])
def test_every_objective_learns_the_chain(tmp_path, objective):
    drawn = {} if objective == "cross-entropy" else {"negatives": 8}
    toy = recommender(tmp_path, objective=objective, **drawn)
    batch = training_batch(toy)
    optimizer = torch.optim.AdamW(toy.network.parameters(), lr=0.02)
    torch.manual_seed(0)
    losses = []
    for _ in range(40):
        losses.append(loss(toy, batch))
        losses[-1].backward()
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1].item() < 0.5 * losses[0].item()
    toy.network.eval()
    numbers, _ = inference.rank(toy.network, toy.index, *asked(toy, [2, 3, 4]), exclude_seen=True)
    assert numbers[0, 0] == 5


def test_seen_items_are_left_out_or_kept_as_asked(toy):
    toy.network.eval()
    history, end = asked(toy, [2, 3, 4])
    without, _ = inference.rank(toy.network, toy.index, history, end, exclude_seen=True)
    assert not {2, 3, 4} & set(without[0]) and (without[0] >= 0).sum() == 9
    whole, _ = inference.rank(toy.network, toy.index, history, end, exclude_seen=False)
    assert (whole[0] >= 0).sum() == 12


def test_nothing_known_gives_the_popular(toy):
    toy.network.eval()
    toy.network.popularity.copy_(torch.arange(12).float())
    numbers, _ = inference.rank(toy.network, toy.index, *asked(toy, []), exclude_seen=True)
    assert numbers[0, :3].tolist() == [11, 10, 9]


def test_a_large_catalogue_is_ranked_over_candidates_alike(tmp_path):
    toy = stirred(recommender(tmp_path, items=60))
    toy.network.eval()
    toy = toy.refreshed()
    history, end = asked(toy, [2, 3, 4], [50])
    exact = inference.rank(toy.network, toy.index, history, end, exclude_seen=True)
    toy.network.config.exact_below = 10
    proposed = inference.rank(toy.network, toy.index, history, end, exclude_seen=True)
    assert proposed[0].tolist() == exact[0].tolist()
    np.testing.assert_allclose(proposed[1], exact[1], rtol=1e-4, atol=1e-4)


def test_the_index_finds_what_exact_search_finds():
    generator = np.random.default_rng(0)
    vectors, queries = generator.normal(size=(3000, 32)), generator.normal(size=(50, 32)).astype(np.float32)
    index = ItemIndex.build(vectors)
    assert index.recall(queries, 20).mean() > 0.95
    assert ItemIndex.build(vectors[:5]).recall(queries, 20).mean() == 1.0


def test_the_index_is_rebuilt_only_when_vectors_moved(toy):
    assert toy.refreshed() is toy
    toy.network.delta.data += 1
    refreshed = toy.refreshed()
    assert refreshed.index is not toy.index and refreshed.network is toy.network
    assert refreshed.refreshed() is refreshed


def test_a_saved_model_answers_the_same(toy, tmp_path):
    toy = stirred(toy)
    toy.network.eval()
    toy.save(tmp_path / "saved")
    again = load_saved(tmp_path / "saved", config())
    again.network.eval()
    history, end = asked(toy, [2, 3, 4])
    assert torch.equal(again.network.scores(history, end, 1), toy.network.scores(history, end, 1))
    assert again.catalogue == toy.catalogue and np.array_equal(again.index.vectors, toy.refreshed().index.vectors)
    torch.testing.assert_close(again.encoder(["red film"]), toy.encoder(["red film"]), rtol=0, atol=5e-3)
    assert not list((tmp_path / "saved").rglob("*.bin"))


def test_reasons_are_deletions(toy):
    toy = stirred(toy)
    toy.network.eval()
    history = torch.tensor([1, 5, 8])
    shown = [2, 6]
    reasons = inference.reasons(toy.network, history, shown)
    whole = toy.network.scores(*asked(toy, [1, 5, 8]), 1)[0, 0]
    without = [toy.network.scores(*asked(toy, rest), 1)[0, 0] for rest in ([5, 8], [1, 8], [1, 5])]
    for item, reason in zip(shown, reasons, strict=True):
        falls = [float(whole[item] - scores[item]) for scores in without]
        assert reason == (int(np.argmax(falls)) if max(falls) > 0 else None)


def test_a_new_item_needs_only_its_text(toy):
    toy.network.eval()
    like = toy.catalogue.texts[5]
    grown = toy.with_items(Catalogue(["new"], ["Newcomer"], [like]))
    assert len(toy.catalogue) == 12 and toy.network.config.items == 12
    history, end = asked(toy, [2, 3, 4])
    old, new = toy.network.scores(history, end, 1)[0, 0], grown.network.scores(history, end, 1)[0, 0]
    torch.testing.assert_close(new[:12], old)
    assert grown.neighbours(12, 1)[0][0] == 5
    numbers, _ = inference.rank(grown.network, grown.index, history, end, exclude_seen=True)
    assert 12 in numbers[0][:5]  # it resembles 5, which always follows 4
    assert grown.network.delta[12].abs().sum() == 0


def test_an_item_without_words_is_added_without_borrowing(toy):
    grown = toy.with_items(Catalogue(["new"], ["Newcomer"], [""]))
    assert grown.network.popularity[12] == 0 and grown.network.counts_of(torch.tensor([12])).sum() == 0


def test_training_on_keeps_what_was_learned(toy, tmp_path):
    toy = stirred(toy)
    known = Catalogue(toy.catalogue.ids[::-1][:11], toy.catalogue.titles[::-1][:11], toy.catalogue.texts[::-1][:11])
    new = build(chains(5, 11, 4), known, toy.encoder, config(), learned=toy)
    torch.testing.assert_close(new.network.project.weight, toy.network.project.weight)
    torch.testing.assert_close(new.network.delta[0], toy.network.delta[11])
    with pytest.raises(SuiteError, match="hidden_size=16"):
        build(chains(5, 11, 4), known, toy.encoder, config(hidden_size=8), learned=toy)


def test_windows_cover_every_place_once(toy):
    row = {"user": "u", "history": [toy.catalogue.ids[n % 12] for n in range(20)]}
    windows = Windows([row], toy.catalogue, 8)
    assert [example.end for example in windows] == [8, 16, 19]
    labels = collate(windows, toy.catalogue, 8)["labels"]
    assert (labels != -100).all() and labels[0].tolist() == list(range(1, 9)) and labels[1, 0] == 9
    assert not Windows([{"user": "u", "history": ["i1"]}], toy.catalogue, 8)


def test_shifts_stay_inside_and_depend_on_the_generator_alone(toy):
    row = {"user": "u", "history": [toy.catalogue.ids[n % 12] for n in range(40)]}
    examples = Windows([row], toy.catalogue, 8)
    ends = [shifted(examples[1], 8, np.random.default_rng(seed)).end for seed in range(50)]
    assert min(ends) >= 8 and max(ends) <= 39 and len(set(ends)) > 4
    assert ends == [shifted(examples[1], 8, np.random.default_rng(seed)).end for seed in range(50)]


def test_a_question_carries_the_whole_history(toy):
    row = {"user": "new", "history": [f"i{n % 12}" for n in range(30)], "target": "i7"}
    batch = collate(Histories([row], toy.catalogue), toy.catalogue, 8)
    assert batch["end"].tolist() == [30] and batch["labels"].tolist() == [[7]] and not batch["own"].any()
