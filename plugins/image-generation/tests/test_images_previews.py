"""What a run shows while it trains, and the sign of learning by heart."""

import pytest
from PIL import Image

from suite_image_generation.generation.previews import LABEL, SMALLEST, overfit_since, read_history, row, write_step


def history(validation, training):
    lines = [{"step": step, "loss": loss} for step, loss in training.items()]
    lines += [{"step": step, "validation/loss": loss} for step, loss in validation.items()]
    return sorted(lines, key=lambda line: line["step"])


FALLING = {5: 0.9, 15: 0.7, 25: 0.5, 35: 0.4}


@pytest.mark.parametrize(
    ("validation", "training", "step"),
    [
        ({0: 1.0, 10: 0.8, 20: 0.9, 30: 1.0}, FALLING, 10),
        ({0: 1.0, 10: 0.8, 20: 0.7, 30: 0.6}, FALLING, None),
        ({0: 1.0, 10: 0.8, 20: 0.81, 30: 0.803}, FALLING, None),  # within a hundredth
        ({0: 1.0, 10: 0.8, 20: 0.9, 30: 1.0}, {5: 0.4, 15: 0.5, 25: 0.6}, None),  # both rise: it diverges
        ({0: 1.0, 10: 1.1}, FALLING, None),
    ],
)
def test_overfitting_is_seen_from_the_least_validation_loss(validation, training, step):
    assert overfit_since(history(validation, training)) == step


def test_history_is_read_without_a_torn_line(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "lo')
    assert read_history(tmp_path) == [{"step": 1, "loss": 2.0}]
    assert read_history(tmp_path / "none") == []


def test_a_step_is_a_row_and_the_grid_holds_all_rows(tmp_path):
    red, blue = Image.new("RGBA", (64, 64), "red"), Image.new("RGB", (64, 64), "blue")
    write_step([red, blue], ["red", "blue"], 0, tmp_path)
    write_step([blue, red], ["red", "blue"], 100, tmp_path)
    with Image.open(tmp_path / "grid.png") as grid:
        tall = SMALLEST + 2 * LABEL
        assert grid.size == (2 * SMALLEST, 2 * tall)
        seen = [grid.getpixel((x, y)) for y in (tall - 10, 2 * tall - 10) for x in (48, 144)]
    assert seen == [(255, 0, 0), (0, 0, 255), (0, 0, 255), (255, 0, 0)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grid.png", "step-000000.png", "step-000100.png"]


def test_what_is_transparent_is_shown_on_white():
    sheet = row(
        [Image.new("RGBA", (64, 64), (0, 0, 0, 0)), Image.new("RGBA", (64, 64), "red")], ["none", "red"], "both"
    )
    middle = 2 * LABEL + SMALLEST // 2
    assert [sheet.getpixel((x, middle)) for x in (SMALLEST // 2, SMALLEST * 3 // 2)] == [(255, 255, 255), (255, 0, 0)]
