"""Sound files of every kind: what is read is what was written, and what is broken is told in a sentence."""

from __future__ import annotations

import io
import struct
import tracemalloc

import numpy as np
import pytest
import soundfile

from suite import SuiteError
from suite_speech.data import vad
from suite_speech.data.audio import MAX_SECONDS, RATE, Clip, clip_of, facts, read, stream, write_wav

RATES = (8_000, 16_000, 22_050, 44_100, 48_000)


def tone(seconds: float, rate: int, pitch: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def pitch_of(samples: np.ndarray) -> float:
    """The strongest frequency in Hz, to a hundredth: the spectrum is padded to bins of a hundredth."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), n=100 * RATE))
    return float(spectrum.argmax()) / 100


@pytest.fixture
def saved(tmp_path):
    def save(samples: np.ndarray, rate: int = RATE, name: str = "a.wav", **options) -> Clip:
        soundfile.write(tmp_path / name, samples, rate, **options)
        return Clip(str(tmp_path / name))

    return save


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_a_tone_keeps_its_pitch_level_and_length_at_any_rate(saved, rate, ending):
    samples = read(saved(tone(1.5, rate), rate, f"a.{ending}"), limit=30)
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert abs(len(samples) - 1.5 * RATE) <= 1
    assert abs(pitch_of(samples) - 440) < 0.05
    assert abs(np.sqrt(np.mean(samples[2000:-2000] ** 2)) - 0.5 / np.sqrt(2)) < 0.001


def test_resampling_lets_no_frequency_fold_back(saved):
    """10 kHz has no place below 16 kHz sampling; a careless resampler turns it into 6 kHz."""
    samples = read(saved(tone(1, 48_000, 10_000), 48_000), limit=30)
    assert np.abs(samples[500:-500]).max() < 0.001


@pytest.mark.parametrize(("ending", "rate"), [("mp3", 44_100), ("mp3", 22_050), ("ogg", 48_000), ("ogg", 16_000)])
def test_lossy_formats_keep_pitch_and_length(saved, ending, rate):
    samples = read(saved(tone(2, rate), rate, f"a.{ending}"), limit=30)
    assert abs(len(samples) - 2 * RATE) <= 0.08 * RATE  # an mp3 pads its first and last frame
    assert abs(pitch_of(samples) - 440) < 0.5


def test_opus_in_ogg_is_read(saved):
    samples = read(saved(tone(1, 48_000), 48_000, "a.ogg", format="OGG", subtype="OPUS"), limit=30)
    assert abs(pitch_of(samples) - 440) < 0.5


def test_16_khz_is_read_bit_for_bit(saved):
    given = np.random.default_rng(0).uniform(-1, 1, 3 * RATE).astype(np.float32)
    assert np.array_equal(read(saved(given, subtype="FLOAT"), limit=30), given)


def test_channels_are_averaged(saved):
    left, right = tone(1, RATE), np.full(RATE, 0.25, np.float32)
    clip = saved(np.stack([left, right], axis=1), subtype="FLOAT")
    assert facts(clip).channels == 2
    assert np.allclose(read(clip, limit=2), (left + right) / 2, atol=1e-7)


def test_start_and_end_cut_at_the_sample(saved):
    given = np.arange(4 * RATE, dtype=np.float32) / (4 * RATE)
    clip = saved(given, subtype="FLOAT")
    part = Clip(clip.name, start=1.25, end=2.5)
    assert facts(part).seconds == 1.25
    assert np.array_equal(read(part, limit=2), given[round(1.25 * RATE) : round(2.5 * RATE)])
    assert np.array_equal(read(Clip(clip.name, start=3), limit=2), given[3 * RATE :])
    assert np.array_equal(read(Clip(clip.name, start=3, end=99), limit=2), given[3 * RATE :])


def test_start_and_end_count_in_seconds_of_the_file_before_resampling(saved):
    given = np.concatenate([tone(1, 8_000, 300), tone(1, 8_000, 900)])
    samples = read(Clip(saved(given, 8_000).name, start=1), limit=2)
    assert abs(len(samples) - RATE) <= 1
    assert abs(pitch_of(samples) - 900) < 0.05


def test_bytes_are_read_like_the_file(saved, tmp_path):
    clip = saved(tone(1, 22_050), 22_050, "a.flac")
    data = (tmp_path / "a.flac").read_bytes()
    assert np.array_equal(read(clip_of({"bytes": data, "path": "elsewhere.flac"}), limit=2), read(clip, limit=2))


def test_a_row_s_audio_becomes_a_clip():
    assert clip_of("a.wav", 1, 2) == Clip("a.wav", None, 1.0, 2.0)
    assert clip_of("a.wav", None, None) == Clip("a.wav", None, 0.0, None)
    assert clip_of({"path": "b.mp3", "bytes": None}) == Clip("b.mp3")
    for nothing in (None, 3, {}, {"bytes": b"", "path": None}):
        with pytest.raises(SuiteError, match="give a path, or a record with bytes"):
            clip_of(nothing)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_blocks_have_no_seams(saved, rate):
    """Block by block or at once is the same sound, also where 10 s end and inside a stretch."""
    clip = Clip(saved(tone(25, rate, 1000), rate, subtype="FLOAT").name, start=1.5)
    blocks = list(stream(clip))
    assert len(blocks) >= 3
    joined = np.concatenate(blocks)
    assert np.array_equal(joined, read(clip, limit=30))
    expected = tone(25, RATE, 1000)[round(1.5 * RATE) :]
    middle = slice(RATE, -RATE)
    assert np.abs(joined[middle] - expected[middle]).max() < 0.002


def test_a_long_file_takes_no_more_memory_than_a_short_one(saved):
    """Twenty minutes are 77 MB as samples; the blocks of ten seconds and their spectra stay far below."""
    clip = saved(np.tile(tone(60, 8_000), 20), 8_000, subtype="PCM_16")
    tracemalloc.start()
    total = sum(len(block) for block in stream(clip))
    peak_of_reading = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    seconds = vad.measure(stream(clip)).seconds
    peak_of_measuring = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert abs(total - 1200 * RATE) <= 1
    assert abs(seconds - 1200) < 0.05
    assert peak_of_reading < 6e6
    assert peak_of_measuring < 24e6


def test_a_clip_too_long_for_one_piece_is_refused_before_it_is_decoded(saved):
    with pytest.raises(SuiteError, match=r"lasts 31 s; at most 30 s"):
        read(saved(np.zeros(31 * RATE)), limit=30)


def test_what_is_written_is_read_back(tmp_path):
    write_wav(tmp_path / "a.wav", tone(0.5, RATE))
    assert np.abs(read(Clip(str(tmp_path / "a.wav")), limit=1) - tone(0.5, RATE)).max() < 1 / 32_000
    assert facts(Clip(str(tmp_path / "a.wav"))).rate == RATE


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("note.wav", b"Dear diary, this is no sound at all.\n" * 20),
        ("empty.wav", b""),
        ("empty.mp3", b""),
        ("noise.flac", bytes(range(256)) * 8),
        ("half.wav", b"RIFF\x24\x00\x00\x00WAVEfmt "),
        ("sound.raw", b"\x00" * 64),
    ],
)
def test_what_is_no_audio_is_told_by_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    for use in (facts, lambda clip: read(clip, limit=9), lambda clip: list(stream(clip))):
        with pytest.raises(
            SuiteError, match=rf"{name} (is no audio, or damaged: it cannot be read .*; give wav, flac|lasts 0\.0 s)"
        ):
            use(Clip(str(tmp_path / name)))


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(SuiteError, match="No file"):
            facts(Clip(str(path)))


def test_no_samples_are_told(saved):
    with pytest.raises(SuiteError, match=r"lasts 0.0 s, so there is nothing"):
        read(saved(np.zeros(0)), limit=9)


@pytest.mark.parametrize(("start", "end"), [(2.0, 1.0), (1.0, 1.0), (5.0, None), (0.0, -1.0)])
def test_an_empty_stretch_is_told(saved, start, end):
    with pytest.raises(SuiteError, match=r"lasts 3.0 s, so there is nothing from"):
        read(Clip(saved(np.zeros(3 * RATE)).name, start=start, end=end), limit=9)


@pytest.mark.parametrize("start", [-1.0, float("nan")])
def test_a_start_before_the_beginning_is_told(saved, start):
    with pytest.raises(SuiteError, match="a start is 0 s or later"):
        read(Clip(saved(np.zeros(3 * RATE)).name, start=start), limit=9)


KINDS = {
    "wav": ("WAV", "PCM_16"), "adpcm.wav": ("WAV", "IMA_ADPCM"), "gsm.wav": ("WAV", "GSM610"),
    "rf64": ("RF64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"), "au": ("AU", "PCM_16"), "w64": ("W64", "PCM_16"), "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS"), "mp3": ("MP3", "MPEG_LAYER_III"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cut_short_is_never_a_shorter_recording(kind):
    """Decoders play what is left and say nothing: of 273 cut WAV files 272, of 78 MP3 files 43."""
    file, noise = io.BytesIO(), np.random.default_rng(0).uniform(-0.5, 0.5, 4 * RATE).astype(np.float32)
    form, subtype = KINDS[kind]
    soundfile.write(file, noise, RATE, format=form, subtype=subtype)
    whole = file.getvalue()
    assert len(read(Clip("whole", whole), limit=9)) >= 4 * RATE
    for place in np.linspace(1, len(whole) - 1, 60).astype(int):
        with pytest.raises(SuiteError, match=r"cut short|damaged|lasts 0\.0 s"):
            read(Clip("cut", whole[:place]), limit=9)


def test_a_wav_written_into_a_pipe_has_no_length_and_is_whole():
    file = io.BytesIO()
    soundfile.write(file, tone(2, RATE), RATE, format="WAV", subtype="PCM_16")
    piped = bytearray(file.getvalue())
    piped[4:8] = piped[40:44] = b"\xff" * 4
    assert len(read(Clip("piped.wav", bytes(piped)), limit=9)) == 2 * RATE


@pytest.mark.parametrize("rate", [RATE, 8_000])
def test_values_no_sound_has_are_refused(saved, rate):
    """A resampler made NaN of them, and a model an answer of that."""
    with pytest.raises(SuiteError, match=r"holds values up to 3e\+38, which is no sound"):
        read(saved(np.full(rate, 3e38, np.float32), rate, subtype="FLOAT"), limit=9)


def test_a_header_that_claims_100_hours_is_refused(saved, tmp_path):
    """FLAC keeps its number of samples in 36 bits of the header; nothing is decoded to find out that it lies."""
    saved(tone(1, RATE), RATE, "a.flac")
    data = bytearray((tmp_path / "a.flac").read_bytes())
    at = 4 + 4 + 10  # the mark, the block's head, and the fields before rate, channels, bits and total
    (field,) = struct.unpack_from(">Q", data, at)
    assert field & (1 << 36) - 1 == RATE
    struct.pack_into(">Q", data, at, field >> 36 << 36 | 100 * 3600 * RATE)
    (tmp_path / "b.flac").write_bytes(data)
    with pytest.raises(SuiteError, match=r"b\.flac claims 100 hours; give files of up to 12 hours"):
        facts(Clip(str(tmp_path / "b.flac")))
    struct.pack_into(">Q", data, at, field >> 36 << 36 | MAX_SECONDS * RATE)
    assert facts(Clip("b.flac", bytes(data))).seconds == MAX_SECONDS


def test_a_header_that_promises_more_than_there_is_ends(saved, tmp_path):
    """Twenty seconds claimed, one there: the damage is told, and the rest never waited for."""
    saved(tone(1, RATE), RATE, "a.flac")
    data = bytearray((tmp_path / "a.flac").read_bytes())
    (field,) = struct.unpack_from(">Q", data, 18)
    struct.pack_into(">Q", data, 18, field >> 36 << 36 | 20 * RATE)
    with pytest.raises(SuiteError, match="damaged"):
        read(Clip("b.flac", bytes(data)), limit=30)


@pytest.mark.parametrize(("rate", "channels"), [(1_000, 1), (500_000, 1), (16_000, 17)])
def test_a_rate_or_channels_no_recording_has_are_refused(saved, rate, channels):
    with pytest.raises(SuiteError, match=rf"claims {rate} Hz and {channels} channels"):
        facts(saved(np.zeros((100, channels)), rate))


def test_samples_that_are_no_numbers_become_silence(saved):
    given = np.array([0.5, np.nan, np.inf, -np.inf] * 4000, np.float32)
    assert read(saved(given, subtype="FLOAT"), limit=9)[:4].tolist() == [0.5, 0.0, 1.0, -1.0]
