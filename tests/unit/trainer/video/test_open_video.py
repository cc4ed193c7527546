"""Real containers: times of variable rate, what is broken, cut off or no video, and what a video may not do."""

from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.made_videos import corners, plain, shots, turn, write_sound, write_video
from trainer.video import open_video as opening
from trainer.video.open_video import VideoFault, open_video

ODD_STEPS = (0.04, 0.333, 0.08, 0.5)
KINDS = {".mp4": "libx264", ".mkv": "libx264", ".webm": "libvpx-vp9", ".ts": "libx264", ".mov": "mpeg4"}


def times(path: Path, *, max_s: float = 100, threads: int = 2, key_frames: bool = False) -> list[float]:
    with open_video(str(path), threads=threads, max_s=max_s, key_frames=key_frames) as video:
        return [video.seconds(tick) for tick, _ in video.frames()]


def noise(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, size=(64, 96, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", KINDS)
def test_times_are_those_that_were_written(tmp_path: Path, suffix: str) -> None:
    frames = shots([corners(), plain((9, 9, 9))], 3.0, ODD_STEPS)
    path = write_video(tmp_path / f"v{suffix}", frames, codec=KINDS[suffix])
    assert times(path) == pytest.approx([time_s for time_s, _ in frames], abs=0.0011)


def test_time_begins_where_the_file_does(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.ts", [(time_s + 40, pixels) for time_s, pixels in shots([corners()], 1.0)])
    assert times(path) == pytest.approx(np.arange(25) * 0.04, abs=0.0011)


def test_key_frames_alone(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", shots([corners()], 4.0), options={"g": "25", "keyint_min": "25"})
    assert times(path, key_frames=True) == pytest.approx([0, 1, 2, 3])


def test_what_comes_later_is_not_read(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", shots([corners()], 4.0))
    with open_video(str(path), threads=1, max_s=1.0) as video:
        assert len(list(video.frames())) == 25
        assert (video.is_stopped, video.missing_s) == (True, 0.0)


def test_frames_that_do_not_decode_are_counted(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", [(number / 10, noise(number)) for number in range(40)])
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for place in rng.integers(2_000, len(data) - 3_000, size=40):
        data[place] ^= int(rng.integers(1, 256))
    path.write_bytes(data)
    with open_video(str(path), threads=1, max_s=100) as video:
        found = [video.seconds(tick) for tick, _ in video.frames()]
    assert video.num_broken > 0
    assert 0 < len(found) < 40
    assert set(np.round(found, 3)) <= {number / 10 for number in range(40)}


def test_a_file_that_was_cut_off_says_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(60):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise(number), format="rgb24")))
        container.mux(stream.encode(None))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_video(str(path), threads=1, max_s=100) as video:
        num_frames = len(list(video.frames()))
        assert 20 <= num_frames <= 40
        assert video.missing_s == pytest.approx(6 - num_frames / 10, abs=0.5)
        assert video.told_s == 6


def test_what_is_no_video(tmp_path: Path) -> None:
    write_sound(tmp_path / "sound.m4a")
    write_sound(tmp_path / "cover.mp4", has_cover=True)
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video\n" * 100)
    whole = write_video(tmp_path / "whole.mp4", shots([corners()], 1.0)).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    for name, message in (
        ("sound.m4a", "has no video stream, only sound"), ("cover.mp4", "has no video stream, only sound"),
        ("text.mp4", "is no video that can be read"), ("cut.mp4", "is no video that can be read"),
        ("empty.mp4", "is empty"),
    ):  # fmt: skip
        with pytest.raises(VideoFault, match=message):
            times(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        times(tmp_path / "absent.mp4")


def test_a_list_of_other_files_is_not_followed(tmp_path: Path) -> None:
    write_video(tmp_path / "v.ts", shots([corners()], 1.0))
    lists = {
        "hls.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nv.ts\n#EXT-X-ENDLIST\n",
        "concat.mp4": "ffconcat version 1.0\nfile 'v.ts'\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(VideoFault, match="is no video that can be read"):
            times(tmp_path / name)


def test_frames_that_are_too_large_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "v.mp4", shots([corners()], 1.0))
    monkeypatch.setattr(opening, "MAX_FRAME_PIXELS", 96 * 64)
    assert len(times(path)) == 25
    monkeypatch.setattr(opening, "MAX_FRAME_PIXELS", 96 * 64 - 1)
    with pytest.raises(VideoFault, match="has frames of 96 x 64 pixels; at most 6,143 are read"):
        times(path)


def test_whole_files_give_the_same_frames_with_any_number_of_threads(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", [(number / 10, noise(number)) for number in range(30)])
    found = []
    for threads in (1, 3):
        with open_video(str(path), threads=threads, max_s=100) as video:
            found.append([(tick, frame.to_ndarray(format="rgb24").tobytes()) for tick, frame in video.frames()])
    assert found[0] == found[1]


def test_a_stream_can_be_read_from_a_key_frame(tmp_path: Path) -> None:
    path = turn(write_video(tmp_path / "v.mp4", shots([corners()], 4.0), options={"g": "25"}), (-1, 0, 0, -1))
    with open_video(str(path), threads=2, max_s=100) as video:
        every = [tick for tick, _ in video.frames()]
        assert video.seek(every[60])
        again = [tick for tick, _ in video.frames()]
    assert again == every[50:]
