"""What is checked, hidden and noted of images, by whole runs over real HTTP: columns, tables, and one-line errors."""

import dataclasses
import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.download.config import DownloadConfig
from pipeline.download.content.placeholders import find_placeholders, remove_placeholders
from pipeline.download.job import run_download
from pipeline.download.shard.numbering import finished_plans
from schemas.manifest import read_files
from schemas.removals import digest_prefix, read_removals
from schemas.run_record import FolderConflict
from schemas.storage import Folder
from tests.support.decoders import scene
from tests.support.download import Web, make_selection, picture, serving
from tests.support.waiting import PATIENCE_S

EXTRA = pa.struct([("md5", pa.string()), ("faces", pa.string())])
BOX = "[[0, 0, 0.6, 0.6]]"


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as found:
        yield found


def config(tmp_path: Path, output: str = "shards", **options: object) -> DownloadConfig:
    values: dict[str, object] = {
        "allow_private_addresses": True, "timeout_s": PATIENCE_S, "retries": 0, "num_decode_processes": 1,
        "image_size": 32,
    }  # fmt: skip
    return DownloadConfig(
        selection=str(tmp_path / "selection"), output=str(tmp_path / output), **(values | options)  # type: ignore[arg-type]
    )  # fmt: skip


def row(web: Web, name: str, data: bytes, faces: str | None = None, md5: str | None = None) -> tuple[str, str, dict]:
    """Serve `data` and return its row of the selection; `md5`: what the list states, None for the truth."""
    web.bodies[name] = data
    stated = hashlib.md5(data).hexdigest() if md5 is None else md5
    return web.url(name), f"picture {name}", {"extra": {"md5": stated, "faces": faces}}


def test_all_that_is_asked_for_is_done_and_noted(tmp_path: Path, web: Web) -> None:
    placeholder, photo = picture(seed=1), scene((200, 150), seed=7, kind="JPEG")
    evaluation = tmp_path / "evaluation"
    (evaluation / "deep").mkdir(parents=True)
    (evaluation / "deep" / "near.png").write_bytes(scene((120, 90), seed=7))
    (evaluation / "none.jpg").write_bytes(b"no image")
    shards = [
        [
            *[row(web, f"gone{n}", placeholder) for n in range(3)],
            row(web, "photo", photo),
            row(web, "small", picture(size=(30, 90), seed=2)),
            row(web, "faces", picture(seed=2), BOX),
            row(web, "clear", picture(seed=2), ""),
        ],
        [
            *[row(web, f"gone{n}", placeholder) for n in range(3, 5)],
            row(web, "liar", picture(seed=5), md5="0" * 32),
            row(web, "boxes", picture(seed=6), "[[0]]"),
        ],
    ]
    make_selection(str(tmp_path / "selection"), shards, extra=EXTRA)
    asked = config(
        tmp_path, min_image_size=40, verify_hash=("md5", "md5"), compute_hash="md5", extract_exif=True,
        blurring_bbox_col="faces", placeholder_urls=5, remove_placeholders=True, decontaminate=str(evaluation),
    )  # fmt: skip
    manifest, _ = run_download(asked)
    out = tmp_path / "shards"
    rows = {
        r["url"].removeprefix(web.url("")): r
        for n in (0, 1)
        for r in pq.read_table(out / f"{n:05d}.parquet").to_pylist()
    }
    reasons = {name: found["reason"] for name, found in rows.items() if found["reason"] is not None}
    assert reasons == {
        "photo": "decontaminated", "small": "image_too_small", "liar": "hash_mismatch", "boxes": "boxes_malformed",
    }  # fmt: skip
    assert (rows["small"]["original_width"], rows["small"]["original_height"]) == (30, 90)
    assert rows["clear"]["md5"] == rows["clear"]["extra_md5"] == hashlib.md5(web.bodies["clear"]).hexdigest()
    assert len(rows["clear"]["phash"]) == 16
    assert rows["faces"]["phash"] == rows["clear"]["phash"]
    members = {}
    for number in (0, 1):
        with tarfile.open(out / f"{number:05d}.tar") as tar:
            members |= {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    texts = [json.loads(data) for name, data in members.items() if name.endswith(".json")]
    assert all((text["exif"], len(text["md5"])) == ("", 32) for text in texts)
    assert len({tuple(text) for text in texts}) == 1
    assert members[rows["faces"]["key"] + ".jpg"] != members[rows["clear"]["key"] + ".jpg"]

    digest = hashlib.sha256(placeholder).hexdigest()
    (found,) = pq.read_table(out / "tables" / "placeholders.parquet").to_pylist()
    assert (found["sha256"], found["urls"]) == (digest, 5)
    assert found["example"].startswith(web.url("gone"))
    removals = read_removals(Folder(str(out)))
    assert removals is not None
    assert removals.digests.tolist() == [digest_prefix(digest)]
    (near,) = pq.read_table(out / "tables" / "decontaminated.parquet").to_pylist()
    assert (near["key"], near["file"]) == (rows["photo"]["key"], "deep/near.png")
    assert near["bits"] <= 4
    hashes = pq.read_table(out / "tables" / "evaluation_hashes.parquet").to_pylist()
    assert [(one["file"], one["phash"] is None) for one in hashes] == [("deep/near.png", False), ("none.jpg", True)]
    summary = manifest["summary"]
    assert (summary["placeholders"], summary["placeholder_urls"], summary["evaluation_images"]) == (1, 5, 1)
    for record in read_files(Folder(str(out))):
        assert (out / record.name).stat().st_size == record.bytes

    plans = list(finished_plans(Folder(str(out))).values())
    assert len(find_placeholders(Folder(str(out)), plans, 6)) == 0
    table = find_placeholders(Folder(str(out)), plans, 5)
    before = (out / "removals.parquet").read_bytes()
    remove_placeholders(Folder(str(out)), table)  # again, after a crash
    assert (out / "removals.parquet").read_bytes() == before

    (evaluation / "another.jpg").write_bytes(picture(seed=9))
    with pytest.raises(FolderConflict, match="belongs to another run"):
        run_download(asked)
    again = {**dataclasses.asdict(asked), "output": str(tmp_path / "again"), "num_decode_processes": 2}
    (evaluation / "another.jpg").unlink()
    run_download(DownloadConfig(**again))
    for name in ("00000.tar", "00000.parquet", "00001.parquet", "tables/decontaminated.parquet", "removals.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes(), name


def test_what_cannot_be_had_is_told_before_the_first_request(tmp_path: Path, web: Web) -> None:
    make_selection(str(tmp_path / "selection"), [[row(web, "a", picture())]], extra=EXTRA)
    (tmp_path / "empty").mkdir()
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "a.jpg").write_bytes(b"no image")
    for options, error in (
        ({"verify_hash": ("sha", "sha256")}, "--verify-hash: expected a column 'sha'"),
        ({"blurring_bbox_col": "boxes"}, "--blurring-bbox-col: expected a column 'boxes'"),
        ({"decontaminate": str(tmp_path / "empty")}, "--decontaminate: no image below"),
        ({"decontaminate": str(tmp_path / "gone")}, "--decontaminate: no such folder"),
        ({"decontaminate": str(tmp_path / "words")}, "--decontaminate: none of 1 files"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=error):
            run_download(config(tmp_path, "refused", **options))
    assert not web.requests
