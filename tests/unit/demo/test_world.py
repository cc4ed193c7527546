"""The demo's web: the same for the same seed, true captions, and no held-out combination in training."""

import io
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from schemas.identity import normalise_urls
from tests.demo.captions import COLOUR_SYNONYMS, SHAPE_SYNONYMS, with_article
from tests.demo.scene import EVALUATION, TRAINING, scene
from tests.demo.vocabulary import BACKGROUNDS, COLOURS, SHAPES, combinations, held_out, in_training
from tests.demo.world import FAILURES, World, same_url_otherwise, write_evaluation, write_table


def normalise(urls: list[str]) -> list[str]:
    return list(normalise_urls(pa.array(urls))[0].to_pylist())


SMALL = World(num_images=1_200, num_failing=3, num_without_query=20, num_duplicates=20, num_broken=2, num_evaluation=48)


def spellings(names: list[str], synonyms: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {spelling: name for name in names for spelling in (name, *synonyms.get(name, ()))}


COLOUR_OF = spellings(list(BACKGROUNDS), COLOUR_SYNONYMS)
SHAPE_OF = spellings(list(SHAPES), SHAPE_SYNONYMS)


def named(text: str, meaning: dict[str, str]) -> list[str]:
    pattern = "|".join(sorted(map(re.escape, meaning), key=len, reverse=True))
    return [meaning[found] for found in re.findall(rf"\b(?:{pattern})(?=\b|\.)", text.lower())]


def test_a_fifth_of_the_combinations_is_held_out_evenly() -> None:
    missing = held_out()
    assert len(set(missing)) == 24
    assert len(combinations()) == 120
    assert not set(missing) & set(in_training())
    for place, names in ((0, COLOURS), (1, SHAPES)):
        assert {sum(one[place] == name for one in missing) for name in names} <= {2, 3}


def test_scenes_of_training_never_show_a_held_out_combination() -> None:
    missing = set(held_out())
    shown = [(thing.colour, thing.shape) for i in range(SMALL.num_scenes) for thing in SMALL.scene(i).things]
    assert not missing & set(shown)
    assert set(shown) == set(in_training())


def test_scenes_of_evaluation_show_one_held_out_object_each() -> None:
    scenes = [scene(0, EVALUATION, number) for number in range(48)]
    assert all(len(one.things) == 1 for one in scenes)
    assert sorted({(one.things[0].colour, one.things[0].shape) for one in scenes}) == sorted(held_out())


def test_every_colour_and_shape_is_shown_about_equally_often() -> None:
    firsts = [scene(0, TRAINING, number).things[0] for number in range(960)]
    for names, take in ((COLOURS, [one.colour for one in firsts]), (SHAPES, [one.shape for one in firsts])):
        counts = [take.count(name) for name in names]
        assert max(counts) <= 1.5 * min(counts)


def test_objects_stand_out_from_the_background() -> None:
    for number in range(300):
        one = SMALL.scene(number)
        assert one.background not in {thing.colour for thing in one.things}


def test_captions_name_what_the_picture_shows() -> None:
    both = 0
    for number in range(SMALL.num_scenes):
        shown = SMALL.scene(number)
        things = {(thing.colour, thing.shape) for thing in shown.things}
        for written in SMALL.captions(number):
            for colour, shape in written.mentions:
                assert any(colour in (None, c) and shape in (None, s) for c, s in things), written
            shapes = named(written.text, SHAPE_OF)
            if written.mentions[0][1] is not None:  # otherwise "shape" stands for it
                assert sorted(shapes) == sorted(s for _, s in written.mentions), written
            allowed = {c for c, _ in written.mentions} | {shown.background}
            colours = named(written.text, COLOUR_OF)
            assert set(colours) <= allowed, written
            assert {c for c, _ in written.mentions if c} <= set(colours), written
            both += None not in written.mentions[0]
    assert both > 0.7 * sum(len(SMALL.captions(number)) for number in range(SMALL.num_scenes))


def test_captions_are_many_and_varied() -> None:
    texts = [written.text for number in range(1_200) for written in SMALL.captions(number)]
    assert len(texts) > 1.3 * 1_200
    assert len(set(texts)) > 0.75 * len(texts)


def test_no_row_joins_a_held_out_colour_and_shape() -> None:
    joined = re.compile(r"\b(" + "|".join(f"{colour} {shape}" for colour, shape in held_out()) + r")\b")
    for _, text, _ in SMALL.rows():
        assert not joined.search((text or "").lower()), text


@pytest.mark.parametrize(
    ("phrase", "wanted"), [("orange star", "an"), ("arrow", "an"), ("hourglass", "an"), ("heart", "a")]
)
def test_articles(phrase: str, wanted: str) -> None:
    assert with_article(phrase) == f"{wanted} {phrase}"


def test_pictures_are_small_and_the_same_every_time() -> None:
    for number in (0, 1, 3):
        data = SMALL.picture(number)
        assert data == World(num_images=1_200, num_failing=3).picture(number)
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.format == {"jpg": "JPEG", "png": "PNG"}[SMALL.path(number)[-3:]]
            assert 64 <= min(picture.size) <= max(picture.size) <= 96
    assert SMALL.picture(1) != World(seed=1, num_images=1_200).picture(1)


def test_the_middle_of_a_square_has_its_colour() -> None:
    number = next(i for i in range(500) if [thing.shape for thing in SMALL.scene(i).things] == ["square"])
    shown = SMALL.scene(number)
    with Image.open(io.BytesIO(SMALL.picture(number))) as picture:
        side = min(picture.size)
        centre = [round(at * side + (size - side) / 2) for at, size in
                  zip((shown.things[0].x, shown.things[0].y), picture.size, strict=True)]  # fmt: skip
        found = picture.convert("RGB").getpixel((centre[0], centre[1]))
    assert isinstance(found, tuple)
    assert all(abs(a - b) <= 12 for a, b in zip(found, shown.things[0].rgb, strict=True))


def test_the_table_is_the_same_for_the_same_seed() -> None:
    assert SMALL.rows() == World(**{name: getattr(SMALL, name) for name in SMALL.__dataclass_fields__}).rows()
    assert SMALL.rows() != World(seed=1, num_images=1_200).rows()


def test_the_table_holds_every_trouble(tmp_path: Path) -> None:
    num_rows = write_table(SMALL, tmp_path)
    files = sorted(tmp_path.glob("urls-*.parquet"))
    table = pq.read_table(files)
    assert len(files) > 1
    assert table.num_rows == num_rows
    assert table.column_names == ["url", "caption", "license"]
    rows = list(zip(table["url"].to_pylist(), table["caption"].to_pylist(), strict=True))
    urls = [url for url, _ in rows]
    for kind in FAILURES:
        assert len({url for url in urls if url and f"/{kind}/" in url}) == SMALL.num_failing
    whole = [row for row in rows if row[0] and row[1] and row[0].lower().startswith("http")]
    assert len(whole) - len(set(whole)) >= SMALL.num_duplicates - 2
    same = set(zip(normalise([str(url) for url, _ in whole]), [text for _, text in whole], strict=True))
    assert len(set(whole)) - len(same) >= SMALL.num_duplicates - 2
    assert urls.count(None) == SMALL.num_broken
    assert sum(str(url).startswith("ftp:") for url in urls) == SMALL.num_broken
    assert sum(text == "" for _, text in rows) == SMALL.num_broken


@pytest.mark.parametrize("url", ["http://localhost:8573/a.jpg", "http://127.0.0.1:8573/a.jpg"])
def test_the_other_spelling_of_a_url_is_equal_after_normalisation(url: str) -> None:
    assert same_url_otherwise(url) != url
    assert normalise([same_url_otherwise(url)]) == normalise([url])


def test_the_evaluation_set_has_a_folder_for_each_held_out_class(tmp_path: Path) -> None:
    write_evaluation(SMALL, tmp_path)
    classes = (tmp_path / "classes.txt").read_text().splitlines()
    assert len(classes) == 120
    folders = sorted(folder.name for folder in (tmp_path / "unseen").iterdir())
    assert folders == sorted(f"{colour} {shape}" for colour, shape in held_out())
    assert set(folders) < set(classes)
    assert all("{}" in line for line in (tmp_path / "templates.txt").read_text().splitlines())
