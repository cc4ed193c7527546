"""Words of languages written without spaces."""

import lzma
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.text import segment as module
from querygen.text.segment import PIECE_CHARACTERS, Segmenter, find_segmenter, join_words, language_note, segment
from schemas.text import is_word_character, normal_form, words

ALPHABET = "東京大学都は、。にカタカナー「」々𠮷🙂 ภาษาไทยง่ายๆກາລຍမြန်မာរាជ្យ។a1'.é\u3000\u0301\u200b\n\0\ud800\udc00"
TEXTS = st.text(st.sampled_from(ALPHABET)) | st.text(st.characters(codec=None))


def without_insertions(text: str, segmented: str) -> bool:
    """Tell whether `text` is what remains of `segmented` when some of its spaces and line ends are taken out."""
    place = 0
    for character in segmented:
        if place < len(text) and character == text[place]:
            place += 1
        elif character not in " \n":
            return False
    return place == len(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "東京タワーは、東京都港区にある電波塔である。",
            "東京タワー は、東京 都 港区 に ある 電波 塔 で ある。",
            id="Japanese",
        ),
        pytest.param(
            "iPhoneを買うTシャツAKB48のメンバー", "iPhone を 買う T シャツ AKB48 の メンバー", id="Japanese and Latin"
        ),
        pytest.param(
            "「国立国会図書館」と山田さん。次の文",
            "「国立 国会 図書館」と 山田 さん。次 の 文",
            id="Japanese with punctuation",
        ),
        pytest.param(
            "北京大学位于中国北京市，是一所大学。", "北京 大学 位于 中国 北京市，是 一所 大学。", id="Chinese"
        ),
        pytest.param("香港係中華人民共和國嘅特別行政區", "香港 係 中華 人民 共和國 嘅 特別 行政區", id="Cantonese"),
        pytest.param("𠮷野家は🙂𠀋", "𠮷 野家 は🙂𠀋", id="beyond the basic plane"),
        pytest.param(
            "กรุงเทพมหานครเป็นเมืองหลวง และนคร ปี 2540", "กรุงเทพมหานคร เป็น เมือง หลวง \nและ นคร \nปี 2540", id="Thai"
        ),
        pytest.param("ນະຄອນຫຼວງຂອງປະຊາຊົນລາວ", "ນະຄອນຫຼວງ ຂອງ ປະຊາຊົນ ລາວ", id="Lao"),
        pytest.param("ရန်ကုန်မြို့သည် မြန်မာနိုင်ငံ၏ အကြီးဆုံးမြို့", "ရန် ကုန် မြို့ သည် \nမြန်မာနိုင်ငံ၏ \nအကြီး ဆုံး မြို့", id="Burmese"),
        pytest.param("ភ្នំពេញគឺជារាជធានីនៃព្រះរាជាណាចក្រកម្ពុជា។", "ភ្នំពេញ គឺជា រាជធានី នៃ ព្រះរាជាណាចក្រ កម្ពុជា។", id="Khmer"),
        pytest.param("Tokyo (東京) is big.", "Tokyo (東京) is big.", id="English with Japanese"),
        pytest.param("Երևան քաղաք։ Москва", "Երևան քաղաք։ Москва", id="Armenian and Russian"),
        ("", ""),
    ],
)
def test_words_by_hand(text: str, expected: str) -> None:
    assert segment(text) == expected


@settings(max_examples=300)
@given(TEXTS)
def test_only_spaces_are_put_in(text: str) -> None:
    assert without_insertions(text, segment(text))


@settings(max_examples=200)
@given(TEXTS)
def test_a_space_is_put_only_between_word_characters_one_of_them_written_without_spaces(text: str) -> None:
    segmented, place = segment(text), 0
    for i, character in enumerate(segmented):
        if place < len(text) and character == text[place]:
            place += 1
        elif character == " ":
            left, right = segmented[i - 1], segmented[i + 1]
            assert is_word_character(left)
            assert is_word_character(right)
            assert unicodedata.category(right)[0] != "M"
            assert max(left, right) > "\u0e00"
        else:
            assert character == "\n"
            assert segmented[i - 1].isspace()


@settings(max_examples=100)
@given(st.text(st.sampled_from("abc déF'1.,!Жяկ։ ")))
def test_scripts_with_spaces_stay(text: str) -> None:
    assert segment(text) == text


def test_sentence_end_stays_at_its_word() -> None:
    first, second = segment("私は学生です。東京は大きい！").split("。")
    assert first.split()[-1] == "です"
    assert second.split()[0] == "東京"
    assert " 。" not in segment("です。 東京")


def test_pieces_are_cut_where_no_word_is(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "東京タワーは、東京都港区にある電波塔である。𠮷野家は🙂、国立国会図書館。" * 40 + "\nToyota🙂の車、"
    whole = segment(text)
    monkeypatch.setattr(module, "PIECE_CHARACTERS", 50)
    assert segment(text) == whole


@pytest.mark.parametrize(
    "letter",
    [
        pytest.param("漢", id="Han"),
        pytest.param("か", id="Hiragana"),
        pytest.param("ー", id="long vowel mark"),
        pytest.param("ก", id="Thai"),
        pytest.param("မ", id="Burmese"),
        pytest.param("\U00020000", id="beyond the basic plane"),
        pytest.param("a漢", id="Latin and Han"),
        pytest.param("ัก", id="Thai mark first"),
        pytest.param(" ก", id="space and Thai"),
        pytest.param("\ud800東", id="half a surrogate pair"),
    ],
)
def test_a_run_longer_than_a_piece(letter: str) -> None:
    text = letter * (2 * PIECE_CHARACTERS + 17)
    assert without_insertions(text, segment(text))


def test_a_cut_within_a_run_parts_words() -> None:
    text = "東京" * PIECE_CHARACTERS
    assert segment(text) == " ".join(["東京"] * PIECE_CHARACTERS)


@pytest.mark.slow
def test_ten_million_letters() -> None:
    text = "東京大学は" * 2_000_000
    assert segment(text).replace(" ", "") == text


def test_real_japanese(shared_data: Path) -> None:
    with lzma.open(shared_data / "wikipedia" / "jawiki-truncated-100k.xml.xz", "rt", encoding="utf-8") as source:
        text = source.read(300_000)
    segmented = segment(text)
    assert without_insertions(text, segmented)
    found = Counter(word for token in segmented.split() for word in words(token) if not word.isascii())
    assert {word for word, _ in found.most_common(8)} >= {"の", "に", "は", "を", "が"}
    assert sum(len(word) * count for word, count in found.items()) / found.total() < 2.2


@pytest.mark.parametrize("language", ["en", "de", "ko", "vi", "hy", "zh-min-nan", "bo", "shn", "zhx"])
def test_languages_with_spaces_need_none(language: str) -> None:
    assert find_segmenter(language) == Segmenter(language, None)
    assert not find_segmenter(language).finds_words


@pytest.mark.parametrize("language", sorted(module.SEGMENTED))
def test_languages_without_spaces(language: str) -> None:
    assert find_segmenter(language).finds_words
    assert str(find_segmenter(language).version).startswith("ICU ")
    assert language_note(language) is None


def test_languages_no_library_knows_are_told() -> None:
    assert language_note("en") is None
    assert "tsheg" in str(language_note("bo"))
    assert words("བོད་ལྗོངས།") == ["བོད", "ལྗོངས"]
    assert "spaces" in str(language_note("shn"))


def test_without_the_library_the_error_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['icu4py'] = None\n"
        "from querygen.text.segment import find_segmenter\n"
        "assert find_segmenter('en').version is None\n"
        "try: find_segmenter('ja')\n"
        "except ValueError as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "--language ja" in run.stdout
    assert "pip install 'webimagetext[languages]'" in run.stdout


@pytest.mark.parametrize(
    ("surface", "joined"),
    [
        pytest.param("東京 大学", "東京大学", id="Japanese"),
        pytest.param("iPhone を", "iPhoneを", id="Latin and Hiragana"),
        pytest.param("T シャツ", "Tシャツ", id="Latin and Katakana"),
        ("AKB 48", "AKB 48"),
        ("New York", "New York"),
        pytest.param("เมือง หลวง", "เมืองหลวง", id="Thai"),
        pytest.param("ปี 2540", "ปี 2540", id="Thai and digits"),
        pytest.param("iPhone ใหม่", "iPhone ใหม่", id="Latin and Thai"),
        pytest.param("မြို့ သည်", "မြို့သည်", id="Burmese"),
        pytest.param("រាជធានី នៃ", "រាជធានីនៃ", id="Khmer"),
        pytest.param("བོད ལྗོངས", "བོད ལྗོངས", id="Tibetan"),
        pytest.param("한국 어", "한국 어", id="Korean"),
    ],
)
def test_joined_words(surface: str, joined: str) -> None:
    assert join_words(surface) == joined


def test_a_joined_bigram_has_the_normal_form_of_the_title() -> None:
    assert normal_form(join_words("東京 大学")) == normal_form("東京大学") != normal_form("東京 大学")
