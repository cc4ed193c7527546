"""Class names and templates as people and programs write them."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.evaluate.class_names import ClassNames, name_key, read_classes
from trainer.evaluate.inputs import find_images
from trainer.evaluate.prompts import prompts, read_templates

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def written(path: Path, text: str, encode: Callable[[str], bytes] = str.encode) -> str:
    path.write_bytes(encode(text))
    return str(path)


@pytest.mark.parametrize(
    "encode",
    [
        pytest.param(lambda text: text.encode(), id="UTF-8"),
        pytest.param(lambda text: text.encode("utf-8-sig"), id="with a mark"),
        pytest.param(lambda text: text.encode("utf-16"), id="UTF-16"),
        pytest.param(lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"), id="of Windows"),
    ],
)
def test_files_of_any_mark_and_line_end(tmp_path: Path, encode: Callable[[str], bytes]) -> None:
    path = written(tmp_path / "f", f"cat\n\n  dog {{}} \n{COMPOSED}\n", encode)
    assert read_classes(path).titles == ["cat", "dog {}", COMPOSED]
    path = written(tmp_path / "f", "a {}\nthe {}!\n", encode)
    assert read_templates(path) == ["a {}", "the {}!"]


def test_character_references_are_undone_as_clip_does(tmp_path: Path) -> None:
    path = written(tmp_path / "c", "AT&amp;T\nrock &#39;n&#39; roll\nB&amp;amp;B\nQ & A\nbread_&amp;_butter\n")
    assert read_classes(path).titles == ["AT&T", "rock 'n' roll", "B&B", "Q & A", "bread_&_butter"]
    assert read_templates(written(tmp_path / "t", "a photo of &quot;{}&quot;\n")) == ['a photo of "{}"']


@pytest.mark.parametrize(
    "folder",
    [COMPOSED, DECOMPOSED, "Crème_Brûlée", "AT&T", "AT&amp;T", "red  one", "red_one"],
    ids=["composed", "decomposed", "underscore and accents", "ampersand", "reference", "spaces", "underscore"],
)
def test_a_folder_is_found_however_its_name_is_written(tmp_path: Path, folder: str) -> None:
    directory = tmp_path / "images" / folder
    directory.mkdir(parents=True)
    (directory / "a.png").write_bytes(b"")
    names = [COMPOSED, unicodedata.normalize("NFD", "Crème Brûlée"), "AT&amp;T", "red one"]
    for form in ("NFC", "NFD"):
        classes = read_classes(written(tmp_path / "c", unicodedata.normalize(form, "\n".join(names))))
        found = find_images(str(tmp_path / "images"), classes)
        assert [name_key(classes.titles[label]) for label in found.labels] == [name_key(folder)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("a_b", "a b", id="underscore"),
        pytest.param("a  b", "a b", id="two spaces"),
        pytest.param(COMPOSED, DECOMPOSED, id="accent"),
        pytest.param("a_", "a", id="underscore at the end"),
        pytest.param("a\u00a0b", "a b", id="hard space"),
    ],
)
def test_names_whose_folders_cannot_be_told_apart_are_refused(tmp_path: Path, first: str, second: str) -> None:
    path = written(tmp_path / "c", f"x\n{first}\n{second}\n")
    with pytest.raises(ValueError, match=r"line 3: .* of line 2 but for underscores, spaces or how accents") as refused:
        read_classes(path)
    assert ascii(second) in str(refused.value)


def test_names_that_differ_in_case_only_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert read_classes(written(tmp_path / "c", "Cat\ndog\ncat\n")).titles == ["Cat", "dog", "cat"]
    said = capsys.readouterr().err
    assert said.startswith(f"note: --classes: lines 1 and 3 of {tmp_path}/c differ in case only")
    assert len(said.splitlines()) == 1


def test_a_line_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"cat\ncaf\xe9\n")
    with pytest.raises(ValueError, match=r"--classes: .*, line 2: expected UTF-8 text"):
        read_classes(str(tmp_path / "c"))


@given(st.text(max_size=20))
def test_the_key_is_the_same_for_every_form_and_for_itself(name: str) -> None:
    key = name_key(name)
    if "&" not in name:
        assert name_key(unicodedata.normalize("NFD", name)) == key
        assert name_key(key) == key


def test_prompts_of_a_class_stand_together() -> None:
    assert list(prompts(ClassNames.of(["red_one", "b"]), ["a {}", "{}!"])) == ["a red one", "red one!", "a b", "b!"]


def test_several_names_a_class_and_folders_of_other_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "kitten|young_cat\nn03773504\tmissile\nn04008634\tmissile|projectile, missile\ncardboard box / carton, box\n"
    found = read_classes(written(tmp_path / "c", text))
    assert found.names == [
        ("kitten", "young_cat"), ("missile",), ("missile", "projectile, missile"), ("cardboard box / carton, box",),
    ]  # fmt: skip
    assert found.folders == ["kitten", "n03773504", "n04008634", "cardboard box / carton, box"]
    assert found.titles[1:3] == ["missile (n03773504)", "missile (n04008634)"]
    assert capsys.readouterr().err == (
        f"note: --classes: lines 2 and 3 of {tmp_path}/c share the name 'missile': its prompts are the same for both, "
        "and the first wins ties\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "a||b\n", r"line 1: expected NAME, NAME\|NAME or FOLDER<TAB>NAME, found 'a\|\|b'", id="empty name"
        ),
        pytest.param("x\nn01\ta\nn01\tb\n", "line 3: 'n01' is already on line 2", id="folder twice"),
        pytest.param("missile\nmissile\n", "where two classes have one name write FOLDER<TAB>NAME", id="name twice"),
        pytest.param("'a cat',\n", "line 1: expected the text alone, .* list of a program", id="Python"),
        pytest.param('["a cat", "a dog"]\n', "line 1: expected the text alone", id="JSON"),
    ],
)
def test_a_line_of_another_form_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_classes(written(tmp_path / "c", text))
