"""Moments in, what is told of them out: JSON without times of day and speeds, lines for people, the summary."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from schemas.printable import one_line, printable
from trainer.video.features import VideoFeatures
from trainer.video.moments import Moment, clock
from trainer.video.queries import Queries


class Read(NamedTuple):
    """A video that was read."""

    sha256: str
    """Of the file."""
    features: VideoFeatures


def as_json(
    queries: Queries, moments: Sequence[Moment], read: dict[str, Read], skipped: Sequence[str]
) -> dict[str, Any]:
    """Return what `trainer video --json` prints."""
    return {
        "queries": queries.told,
        "videos": [_of_video(path, one) for path, one in read.items()],
        "moments": [_of_moment(queries, one, read[one.path].features) for one in moments],
        "skipped": list(skipped),
    }


def _of_moment(queries: Queries, moment: Moment, features: VideoFeatures) -> dict[str, Any]:
    time_s = float(features.times_N[moment.row])
    return {
        "query": queries.title(moment.query), "rank": moment.rank, "file": moment.path, "time_s": round(time_s, 6),
        "time": clock(time_s), "score": round(moment.score, 4),
    }  # fmt: skip


def _of_video(path: str, read: Read) -> dict[str, Any]:
    features = read.features
    return {
        "file": path, "sha256": read.sha256, "frames_decoded": features.num_decoded,
        "frames_used": len(features.times_N), "frames_broken": features.num_broken,
        "last_s": round(float(features.times_N[-1]), 6), "missing_s": round(features.missing_s, 3),
        "is_stopped": features.is_stopped,
    }  # fmt: skip


def as_lines(body: dict[str, Any]) -> list[str]:
    """Return a heading a query, and a line a moment: rank, time, cosine, file."""
    lines = []
    for moment in body["moments"]:
        if moment["rank"] == 1:
            lines.append(one_line(moment["query"]))
        lines.append(f"{moment['rank']:>4}  {moment['time']}  {moment['score']:.4f}  {printable(moment['file'])}")
    return lines


def summary(body: dict[str, Any], speed: str) -> list[str]:
    """Return a line for each video that is not whole, and one of all."""
    lines = []
    for video in body["videos"]:
        told = []
        if video["frames_broken"]:
            told.append(f"{video['frames_broken']:,} frames do not decode")
        if video["missing_s"]:
            told.append(f"cut off, {clock(video['missing_s'])} of what its header tells are not there")
        if video["is_stopped"]:
            told.append("not read to its end: --max-hours, or too many frames a second")
        if told:
            lines.append(f"{printable(video['file'])}: {'; '.join(told)}")
    used, decoded = (sum(video[name] for video in body["videos"]) for name in ("frames_used", "frames_decoded"))
    videos = f"{len(body['videos']):,} videos ({len(body['skipped']):,} skipped)"
    return [*lines, f"{videos}, {used:,} of {decoded:,} frames looked at{speed}"]
