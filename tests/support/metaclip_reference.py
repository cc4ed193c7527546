"""MetaCLIP's matching as published (metaclip/substr_matching.py, curation/substr_matching.py): what the kernel is
tested and timed against."""

from collections.abc import Iterable

import ahocorasick

MARKS = [",", ".", ";", ":", "?", "!", "`"]


def spacing(text: str) -> str:
    """Return `text` as MetaCLIP spaces it before its automaton."""
    spaced = f" {text} "
    for mark in MARKS:
        spaced = spaced.replace(mark, f" {mark} ")
    for character in ["\t", "\n", "\r"]:
        spaced = spaced.replace(character, " ")
    return spaced


def automaton(entries: Iterable[str]) -> ahocorasick.Automaton:
    """Return MetaCLIP 1's automaton over `entries`, each between spaces; its values are their numbers."""
    return _automaton(f" {entry} " for entry in entries)


def worldwide_automaton(entries: Iterable[str]) -> ahocorasick.Automaton:
    """Return MetaCLIP 2's automaton over `entries` (none empty): some ask for no space on some side."""
    return _automaton(
        ("" if _joins(entry[0]) else " ") + entry + ("" if _joins(entry[-1]) else " ") for entry in entries
    )


def _automaton(spaced: Iterable[str]) -> ahocorasick.Automaton:
    made = ahocorasick.Automaton()
    for number, entry in enumerate(spaced):
        made.add_word(entry, number)
    made.make_automaton()
    return made


def _joins(character: str) -> bool:
    """As ``is_cjk_or_similar``, and kana."""
    code = ord(character)
    return (
        0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0x20000 <= code <= 0x2A6DF
        or 0x2A700 <= code <= 0x2B73F or 0x2B740 <= code <= 0x2B81F or 0x2B820 <= code <= 0x2CEAF
        or 0x2CEB0 <= code <= 0x2EBEF or 0xF900 <= code <= 0xFAFF or 0x2E80 <= code <= 0x2EFF
        or 0x2F00 <= code <= 0x2FDF or 0x2FF0 <= code <= 0x2FFF
        or 0x0E00 <= code <= 0x0E7F or 0x0E80 <= code <= 0x0EFF or 0x1000 <= code <= 0x109F
        or 0x1780 <= code <= 0x17FF or 0x0F00 <= code <= 0x0FFF
        or character in r"""!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"""
        or character in "，。、；：？！“”‘’（）【】《》〈〉「」『』～—"
        or 0x3041 <= code <= 0x30FF or 0x31F0 <= code <= 0x31FF or 0xFF66 <= code <= 0xFF9F
    )  # fmt: skip


def matches(made: ahocorasick.Automaton, text: str) -> list[int]:
    """Return the numbers of the entries in `text`, ascending."""
    return sorted({number for _, number in made.iter(spacing(text))}) if len(made) else []
