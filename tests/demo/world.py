"""The demo's web: which picture or failure lies under which path, and the table of URLs and captions.

All of it is a pure function of (seed, sizes): the server draws a picture when it is asked for it, so no
picture of the web is ever written to disk.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.demo.captions import Caption, caption, without_query
from tests.demo.drawing import draw, encode
from tests.demo.scene import EVALUATION, TRAINING, Scene, scene
from tests.demo.vocabulary import combinations

PORT = 8573
"""Fixed, because it is part of the URLs and so of every id."""

FAILURES = ("gone", "slow", "truncated", "html", "bomb", "noai")
"""Kinds of URL that give no usable picture; the first part of their path."""

LICENSES = ("CC BY 4.0", "CC BY-SA 4.0", "CC0 1.0", None)

NUM_TABLE_FILES = 4

TABLE_SCHEMA = pa.schema([("url", pa.string()), ("caption", pa.string()), ("license", pa.string())])


@dataclass(frozen=True, kw_only=True)
class World:
    """Sizes of the demo's web."""

    seed: int = 0
    num_images: int = 14_500
    """Pictures that can be fetched; each has one to three captions, 1.5 on average."""
    num_failing: int = 40
    """URLs of each kind of failure."""
    num_without_query: int = 300
    """Captions in which no query can be found."""
    num_duplicates: int = 400
    """Rows given twice; of as many others the URL is written otherwise but is the same after normalisation."""
    num_broken: int = 20
    """Rows of each kind of broken field."""
    num_evaluation: int = 960
    """Pictures of combinations that training never sees."""
    port: int = PORT

    @property
    def num_scenes(self) -> int:
        """Scenes of training: the pictures first, then the failures, kind by kind."""
        return self.num_images + len(FAILURES) * self.num_failing

    def scene(self, number: int) -> Scene:
        return scene(self.seed, TRAINING, number)

    def kind(self, number: int) -> str:
        """Return `images` or the kind of failure of training scene `number`."""
        if number < self.num_images:
            return "images"
        return FAILURES[(number - self.num_images) // self.num_failing]

    def path(self, number: int) -> str:
        """Return the path of training scene `number` below the host."""
        kind = self.kind(number)
        ending = "png" if kind == "bomb" or number % 5 == 0 else "jpg"
        return f"/{kind}/{number:06d}.{ending}"

    def url(self, number: int) -> str:
        """Return the URL of training scene `number`: two hosts, so that host names of both sorts occur."""
        host = "localhost" if number % 16 == 0 else "127.0.0.1"
        return f"http://{host}:{self.port}{self.path(number)}"

    def picture(self, number: int) -> bytes:
        """Return the bytes of the picture of training scene `number`, JPEG or PNG as its path says."""
        return encode(draw(self.scene(number), self.seed), self.path(number).rsplit(".", 1)[1])

    def captions(self, number: int) -> list[Caption]:
        """Return the one to three different captions of training scene `number`."""
        rng = np.random.default_rng([self.seed, 2, number])
        wanted = (1, 1, 1, 2, 2, 3)[int(rng.integers(6))]
        found: dict[str, Caption] = {}
        for _ in range(wanted):
            written = caption(self.scene(number), rng)
            found.setdefault(written.text, written)
        return list(found.values())

    def evaluation(self) -> Iterator[tuple[str, str, bytes]]:
        """Yield (class name, file name, JPEG bytes) of pictures of held-out combinations."""
        for number in range(self.num_evaluation):
            shown = scene(self.seed, EVALUATION, number)
            yield (
                class_name(shown.things[0].colour, shown.things[0].shape),
                f"{number:05d}.jpg",
                encode(draw(shown, self.seed), "jpg"),
            )

    def rows(self) -> list[tuple[str | None, str | None, str | None]]:
        """Return the rows (url, caption, license) of the URL table in their mixed order."""
        rng = np.random.default_rng([self.seed, 3])

        def license_of(number: int) -> str | None:
            return LICENSES[number % len(LICENSES)]

        good: list[tuple[str | None, str | None, str | None]] = [
            (self.url(number), written.text, license_of(number))
            for number in range(self.num_scenes)
            for written in self.captions(number)
        ]
        rows = list(good)
        for number in rng.choice(self.num_images, size=self.num_without_query, replace=False):
            rows.append((self.url(int(number)), without_query(rng), license_of(int(number))))
        chosen = rng.choice(len(good), size=2 * self.num_duplicates, replace=False)
        for place in chosen[: self.num_duplicates]:
            rows.append(good[int(place)])
        for place in chosen[self.num_duplicates :]:
            url, text, license_ = good[int(place)]
            rows.append((same_url_otherwise(str(url)), text, license_))
        for i in range(self.num_broken):
            rows += [
                (None, "a picture without a URL", None),
                (f"ftp://127.0.0.1/images/{i:06d}.jpg", "a picture by another protocol", None),
                (f"/images/{i:06d}.jpg", "a picture with a relative URL", None),
                (self.url(i), None, None),
                (self.url(i), "", None),
                (self.url(i), " \t\n ", None),
                (self.url(i), "* * * !!!", None),
            ]
        return [rows[int(place)] for place in rng.permutation(len(rows))]


def same_url_otherwise(url: str) -> str:
    """Return `url` written in another way that normalisation makes equal: upper-case host or a fragment."""
    if "localhost" in url:
        return url.replace("http://localhost", "HTTP://LocalHost")
    return url + "#main"


def class_name(colour: str, shape: str) -> str:
    """Return the class of a combination, as in classes.txt and in the folders of the evaluation set."""
    return f"{colour} {shape}"


TEMPLATES = (
    "{}", "one {}", "the {}", "{} icon", "this is one {}", "my {}", "{} clip art", "{} symbol",
)  # fmt: skip


def write_table(world: World, directory: Path) -> int:
    """Write the URL table as Parquet files `urls-0.parquet`... into `directory`; return the number of rows."""
    rows = world.rows()
    directory.mkdir(parents=True, exist_ok=True)
    size = -(-len(rows) // NUM_TABLE_FILES)
    for i in range(NUM_TABLE_FILES):
        urls, captions, licenses = zip(*rows[i * size : (i + 1) * size], strict=True)
        table = pa.table([urls, captions, licenses], schema=TABLE_SCHEMA)
        pq.write_table(table, directory / f"urls-{i}.parquet", compression="zstd")
    return len(rows)


def write_evaluation(world: World, directory: Path) -> None:
    """Write `classes.txt`, `templates.txt` and the pictures as `unseen/CLASS/NUMBER.jpg` into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    names = [class_name(*combination) for combination in combinations()]
    (directory / "classes.txt").write_text("\n".join(names) + "\n")
    (directory / "templates.txt").write_text("\n".join(TEMPLATES) + "\n")
    for name, file_name, data in world.evaluation():
        folder = directory / "unseen" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file_name).write_bytes(data)
