"""Two rounds of shards of local images, as a download and its refill leave them, to be resharded."""

import tarfile
from pathlib import Path

from pipeline.download.config import DownloadConfig
from pipeline.download.job import run_download
from tests.support.download import Pair, make_selection, picture
from tests.support.removals import write_removals

PER_PLAN = (5, 3, 0, 4)
"""Images that are there, by plan; of each plan one more is not."""


def name_of(plan: int, number: int) -> str:
    return f"{plan}-{number}.jpg"


def reference(name: str) -> dict[str, object]:
    return {"root": "p", "member": name, "offset": None, "length": None}


def make_rounds(root: Path) -> list[Path]:
    """Make ``root/first`` (four plans, three tars) and ``root/second``, a refill with further captions; return them."""
    photos = root / "photos"
    photos.mkdir()
    plans: list[list[Pair]] = []
    for plan, num in enumerate(PER_PLAN):
        for number in range(num):
            (photos / name_of(plan, number)).write_bytes(picture(seed=10 * plan + number, size=(80, 60 + plan)))
        names = [name_of(plan, number) for number in range(num + 1)]
        plans.append([(reference(name), f"{text} {name}") for name in names for text in ("a", "b")])
    make_selection(str(root / "selection-first"), plans, {"p": str(photos)})
    for number in range(2):
        (photos / name_of(9, number)).write_bytes(picture(seed=90 + number))
    refill: list[Pair] = [(reference(name_of(9, number)), f"refilled {number}") for number in range(2)]
    refill += [(reference(name), f"further {name}", {"stored": True}) for name in (name_of(0, 1), name_of(3, 2))]
    make_selection(str(root / "selection-second"), [refill], {"p": str(photos)}, first_shard=4, before=3)
    for word in ("first", "second"):
        run_download(
            DownloadConfig(
                selection=str(root / f"selection-{word}"), output=str(root / word), image_size=32,
                num_decode_processes=1,
            )
        )  # fmt: skip
    return [root / "first", root / "second"]


def members(*shards: Path) -> list[tuple[str, bytes]]:
    """Return name and bytes of all members of all tars, in their order."""
    found = []
    for folder in shards:
        for path in sorted(folder.glob("*.tar")):
            with tarfile.open(path) as tar:
                for info in tar:
                    raw = tar.extractfile(info)
                    assert raw is not None
                    found.append((info.name, raw.read()))
    return found


def remove_first_sample(shards: Path) -> str:
    """Note the first sample of a folder in its removals; return its key."""
    key = members(shards)[0][0].partition(".")[0]
    write_removals(shards, {"key": key})
    return key
