"""Common Voice folders and subtitled recordings become rows, whatever is in their sentences and paths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from suite import SuiteError
from suite_speech.data.audio import clip_of, facts, write_wav
from suite_speech.data.sources import read

HEAD = "client_id\tpath\tsentence\tlocale\n"


@pytest.fixture
def voices(tmp_path):
    """Writes a Common Voice folder: tables by name, each a list of (speaker, path, sentence, locale)."""

    def build(**tables: list[tuple[str, str, str, str]]) -> Path:
        (tmp_path / "clips").mkdir()
        for name, rows in tables.items():
            lines = "".join("\t".join(row) + "\n" for row in rows)
            (tmp_path / f"{name}.tsv").write_text(HEAD + lines, encoding="utf-8")
        return tmp_path

    return build


def test_the_tables_become_splits(voices):
    folder = voices(
        train=[("anna", "a.mp3", "Bonjour.", "fr")],
        dev=[("ben", "b.mp3", "Salut.", "fr")],
        test=[("cleo", "c.mp3", "Merci.", "fr-CA")],
        validated=[("anna", "a.mp3", "Bonjour.", "fr")],
    )
    assert read(folder).to_list() == [
        {"audio": f"{folder}/clips/{name}.mp3", "text": text, "speaker": who, "language": "fr", "split": split}
        for name, text, who, split in [
            ("a", "Bonjour.", "anna", "train"),
            ("b", "Salut.", "ben", "validation"),
            ("c", "Merci.", "cleo", "test"),
        ]
    ]


def test_validated_is_taken_where_there_are_no_splits(voices):
    folder = voices(other=[("a", "a.mp3", "No.", "")], validated=[("b", "b.mp3", "Yes.", "")])
    (row,) = read(folder).to_list()
    assert row == {"audio": f"{folder}/clips/b.mp3", "text": "Yes.", "speaker": "b"}


def test_a_single_table_is_read_with_the_clips_beside_it(voices):
    folder = voices(other=[("a", "a.mp3", "One.", "de")], validated=[("b", "b.mp3", "Two.", "de")])
    assert [row["text"] for row in read(folder / "other.tsv").to_list()] == ["One."]


def test_quotes_in_sentences_are_characters(voices):
    """One opening quote must not swallow the rows that follow."""
    sentences = ['"Never closed', 'He said "go"', '""', "l'été", "tab's end"]
    folder = voices(train=[("a", f"{i}.mp3", sentence, "en") for i, sentence in enumerate(sentences)])
    assert [row["text"] for row in read(folder).to_list()] == sentences


@pytest.mark.parametrize("path", ["../../secret.wav", "/etc/passwd", "clips/../../secret.wav", "sub/a.mp3"])
def test_no_path_leaves_the_folder(voices, path):
    folder = voices(train=[("a", path, "Hm.", "en")])
    (row,) = read(folder).to_list()
    assert row["audio"] == f"{folder}/clips/{Path(path).name}"


@pytest.mark.parametrize("path", ["", "..", "/", "../.."])
def test_a_path_without_a_name_is_no_clip(voices, path):
    (row,) = read(voices(train=[("a", path, "Hm.", "en")])).to_list()
    assert row["audio"] is None


def test_a_row_cut_short_is_left_to_the_data_check(voices):
    folder = voices(train=[("a", "a.mp3", "Yes.", "en")])
    with (folder / "train.tsv").open("a") as file:
        file.write("only-a-speaker\n")
    first, second = read(folder).to_list()
    assert first["text"] == "Yes."
    assert (second["audio"], second["text"], second["speaker"]) == (None, None, "only-a-speaker")


def test_a_table_without_its_columns_without_rows_or_in_another_encoding_is_told(voices):
    folder = voices(train=[])
    with pytest.raises(SuiteError, match="has no rows"):
        read(folder)
    (folder / "train.tsv").write_text("client_id\tfile\nx\ty\n")
    with pytest.raises(
        SuiteError, match=r"train\.tsv lacks path, sentence; Common Voice tables have path and sentence"
    ):
        read(folder)
    (folder / "train.tsv").write_bytes(HEAD.encode() + "a\ta.mp3\tété\tfr\n".encode("latin-1"))
    with pytest.raises(SuiteError, match=r"train\.tsv cannot be read .it is not UTF-8"):
        read(folder)


def test_a_byte_order_mark_is_no_part_of_the_first_column(voices):
    folder = voices(train=[("anna", "a.mp3", "Bonjour.", "fr")])
    table = folder / "train.tsv"
    table.write_text("\ufeff" + table.read_text(encoding="utf-8"), encoding="utf-8")
    assert read(folder).to_list()[0]["speaker"] == "anna"


def test_clips_without_a_usable_table_are_told(voices):
    with pytest.raises(SuiteError, match=r"neither train\.tsv nor validated\.tsv"):
        read(voices(invalidated=[("a", "a.mp3", "No.", "en")]))


def test_what_is_neither_is_left_to_the_core(tmp_path):
    (tmp_path / "data.csv").write_text("audio,text\na.wav,Hi\n")
    (tmp_path / "own.tsv").write_text("audio\ttext\na.wav\tHi\n")
    write_wav(tmp_path / "a.wav", np.zeros(100, np.float32))
    for path in (tmp_path, tmp_path / "data.csv", tmp_path / "own.tsv", tmp_path / "none"):
        assert read(path) is None


SRT = "1\n00:00:00,500 --> 00:00:01,250\nUne étoile.\n\n2\n00:00:02,000 --> 00:00:03,000\nDeux.\n"


def test_recordings_with_subtitles_beside_them_become_a_row_per_cue(tmp_path):
    (tmp_path / "deep").mkdir()
    write_wav(tmp_path / "deep" / "talk.wav", np.zeros(4 * 16_000, np.float32))
    write_wav(tmp_path / "alone.wav", np.zeros(16_000, np.float32))
    write_wav(tmp_path / "deep" / "talk2.wav", np.zeros(16_000, np.float32))
    (tmp_path / "deep" / "talk.fr.srt").write_text(SRT, encoding="utf-8")
    (tmp_path / "alone2.srt").write_text(SRT, encoding="utf-8")
    rows = read(tmp_path).to_list()
    audio = f"{tmp_path}/deep/talk.wav"
    assert rows == [  # alone2.srt is not alone.wav's
        {"audio": audio, "text": "Une étoile.", "start": 0.5, "end": 1.25, "speaker": "talk"},
        {"audio": audio, "text": "Deux.", "start": 2.0, "end": 3.0, "speaker": "talk"},
    ]
    assert facts(clip_of(rows[0]["audio"], rows[0]["start"], rows[0]["end"])).seconds == 0.75


def test_a_broken_subtitle_file_is_told_by_name(tmp_path):
    write_wav(tmp_path / "talk.wav", np.zeros(100, np.float32))
    (tmp_path / "talk.vtt").write_text("nothing")
    with pytest.raises(SuiteError, match=r"talk\.vtt holds no subtitle"):
        read(tmp_path)


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "data"
    outside.mkdir()
    folder.mkdir()
    write_wav(outside / "a.wav", np.zeros(100, np.float32))
    (outside / "a.srt").write_text(SRT, encoding="utf-8")
    (folder / "a.wav").symlink_to(outside / "a.wav")
    (folder / "a.srt").write_text(SRT, encoding="utf-8")
    write_wav(folder / "b.wav", np.zeros(100, np.float32))
    (folder / "b.srt").symlink_to(outside / "a.srt")
    assert read(folder) is None
