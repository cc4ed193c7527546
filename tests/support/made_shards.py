"""A shards folder as `pipeline run` makes it: two rounds, images of the web and of a folder, a plan without an image,
further captions of stored images, columns carried through with and without values.
"""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.download.config import DownloadConfig
from pipeline.download.finish import finish_shards
from pipeline.download.job import download_shards
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from tests.support.download import Pair, Web, make_selection, picture

EXTRA = pa.struct([("similarity", pa.float64()), ("seen", pa.int64()), ("WIDTH", pa.int32()), ("tag", pa.string())])
"""``WIDTH`` is ``width`` to Spark and DuckDB."""

IMAGE_SIZE = 48


def row(reference: str | dict, caption: str, **more: object) -> Pair:
    """Return a pair whose columns carried through have those values of `more` that are theirs."""
    carried = {field.name: more.pop(field.name) for field in EXTRA if field.name in more}
    return reference, caption, {**more, "extra": carried}


@dataclass(frozen=True)
class MadeShards:
    """The folder, and what it must hold."""

    folder: Path
    num_samples: int
    num_images: int
    """Asked for, failures included."""
    further: dict[str, list[str]]
    """Further captions by URL, sorted."""

    @property
    def tars(self) -> list[Path]:
        return sorted(self.folder.glob("*.tar"))


def first_round(web: Web, photos: Path) -> list[list[Pair]]:
    """Plans 0, 1 (no image) and 2: 9 images of the web, 3 of a folder, 4 that fail."""
    photos.mkdir()
    for number in range(3):
        (photos / f"{number}.png").write_bytes(picture("PNG", seed=number))
    local = [({"root": "photos", "member": f"{n}.png", "offset": None, "length": None}, n) for n in range(3)]
    many = [
        row(web.url(f"good/{n}"), f"Bild {n}: größe", seen=n, similarity=n + (0.5 if n == 5 else 0.0)) for n in range(6)
    ]
    many += [row(web.url("good/0"), "again", license="CC0"), row(web.url("status/404"), "dead", seen=1)]
    many += [row(reference, f"photo {n}", license="CC BY") for reference, n in local]
    last = [row(web.url(f"good/{n}"), f"last {n}", tag="t", WIDTH=3) for n in (7, 8, 9)]
    return [many, [row(web.url("status/410"), "dead too"), row(web.url("status/403"), "no")], last]


def make_shards(root: Path, web: Web, beam_args: tuple[str, ...] = (), output: str = "shards") -> MadeShards:
    """Make both rounds below `root`; the selections are made once."""
    selection, refill = root / "selection", root / "refill"
    if not selection.exists():
        rounds = first_round(web, root / "photos")
        make_selection(str(selection), rounds, roots={"photos": str(root / "photos")}, extra=EXTRA)
        again = [row(web.url(f"good/{n}"), f"further {n}", stored=True, seen=-n) for n in (0, 3, 9)]
        again += [row(web.url("good/3"), "further still", stored=True), row(web.url("good/20"), "new")]
        make_selection(str(refill), [again], first_shard=3, before=2, extra=EXTRA)
    folders = [Folder(str(selection)), Folder(str(refill))]
    shards = Folder(str(root / output))
    start_run(shards, RunRecord(command="pipeline run: download", config={}))
    for folder in folders:
        config = DownloadConfig(
            selection=folder.url, output=shards.url, allow_private_addresses=True, num_decode_processes=1,
            policy="headers-only",
            timeout_s=600, image_size=IMAGE_SIZE, image_root=(f"photos={root}/photos",) if folder is folders[0] else (),
        )  # fmt: skip
        download_shards(folder, shards, config, beam_args, {"photos": str(root / "photos")})
    finish_shards(shards, folders, "identity")
    further = {web.url("good/0"): ["further 0"], web.url("good/9"): ["further 9"]}
    return MadeShards(
        Path(shards.root), num_samples=13, num_images=16,
        further={**further, web.url("good/3"): ["further 3", "further still"]},
    )  # fmt: skip
