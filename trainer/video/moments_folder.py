"""Moments in, a folder out, its manifest written last.

OUTPUT/moments.csv          query, rank, file, time_s, time, score: a row a moment
OUTPUT/moments.json         the same, with what was read of each video and what was passed over
OUTPUT/contact-sheet.png    the moments' frames, the time and the score under each
"""

from collections.abc import Sequence
from typing import Any

from schemas.manifest import write_manifest
from schemas.printable import one_line
from schemas.run_options import identity_options
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from trainer.data.transforms import Pixels
from trainer.evaluate.embedded.chart import csv_table
from trainer.video.config import VideoConfig
from trainer.video.moments import Moment
from trainer.video.sheet import SheetPart, Still, moment_sheet, shrunk
from trainer.video.stills import stills
from trainer.video.told import Read

TABLE_FILE, MOMENTS_FILE, SHEET_FILE = "moments.csv", "moments.json", "contact-sheet.png"
COLUMNS = ("query", "rank", "file", "time_s", "time", "score")


class MomentsFolder:
    """``config.output``, claimed before a video is decoded."""

    def __init__(
        self, config: VideoConfig, fingerprint: str, queries: list[dict[str, Any]], digests: dict[str, str]
    ) -> None:
        """Claim it for these queries, and videos by the SHA-256 of each. Raises `FolderConflict`."""
        assert config.output is not None
        self._config, self._folder = config, Folder(config.output)
        inputs = [{"name": "weights", "sha256": fingerprint}]
        inputs += [{"name": path, "sha256": digest} for path, digest in digests.items()]
        self._record = RunRecord(
            command="trainer video",
            config=identity_options(config) | {"queries": queries},
            inputs=inputs,
            paths={"checkpoint": config.checkpoint},
        )
        self._is_finished = not start_run(self._folder, self._record)

    def finished(self) -> dict[str, Any] | None:
        """Return what this very run has told before; None where it has not."""
        return dict(self._folder.read_json(MOMENTS_FILE)) if self._is_finished else None

    def write(self, body: dict[str, Any], moments: Sequence[Moment], read: dict[str, Read]) -> None:
        rows = [[moment[name] for name in COLUMNS] for moment in body["moments"]]
        files = [
            self._folder.write(TABLE_FILE, csv_table(COLUMNS, rows), len(rows)),
            self._folder.write(SHEET_FILE, moment_sheet(_parts(self._config, body, moments, read))),
            self._folder.write_json(MOMENTS_FILE, body),
        ]
        summary = {name: len(body[name]) for name in ("queries", "videos", "moments", "skipped")}
        write_manifest(self._folder, "moments", files, rows=len(rows), identity=self._record.identity, summary=summary)


def _parts(
    config: VideoConfig, body: dict[str, Any], moments: Sequence[Moment], read: dict[str, Read]
) -> list[SheetPart]:
    """Return what the sheet shows of each query."""
    pictures = _pictures(config, moments, read)
    parts: dict[int, list[Still]] = {}
    for moment, told in zip(moments, body["moments"], strict=True):
        lines = [f"{told['rank']}.  {told['time']}   {told['score']:.4f}"]
        if len(read) > 1:
            lines.append(one_line(moment.path.rsplit("/", 1)[-1]))
        parts.setdefault(moment.query, []).append(Still(pictures[moment.path, moment.row], lines))
    titles = [str(next(iter(query.values()))) for query in body["queries"]]
    return [SheetPart(one_line(titles[query]), found) for query, found in parts.items()]


def _pictures(
    config: VideoConfig, moments: Sequence[Moment], read: dict[str, Read]
) -> dict[tuple[str, int], Pixels | None]:
    """Return the frames of the moments, small, by path and row; each video is opened for all of its own."""
    found: dict[tuple[str, int], Pixels | None] = {}
    for path, (_, features) in read.items():
        rows = sorted({moment.row for moment in moments if moment.path == path})
        if rows:
            pictures = stills(
                path, features.ticks_N[rows].tolist(), max_s=3_600 * config.max_hours, key_frames=config.key_frames,
                threads=1 if features.num_broken else config.threads, shrink=shrunk,
            )  # fmt: skip
            found |= {(path, row): picture for row, picture in zip(rows, pictures, strict=True)}
    return found
