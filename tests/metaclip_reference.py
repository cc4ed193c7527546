"""MetaCLIP's matching as published (metaclip/substr_matching.py): what the kernel is tested and timed against."""

from collections.abc import Iterable

import ahocorasick


def spacing(text: str) -> str:
    """Return `text` as MetaCLIP spaces it before its automaton."""
    spaced = f" {text} "
    for mark in [",", ".", ";", ":", "?", "!", "`"]:
        spaced = spaced.replace(mark, f" {mark} ")
    for character in ["\t", "\n", "\r"]:
        spaced = spaced.replace(character, " ")
    return spaced


def automaton(entries: Iterable[str]) -> ahocorasick.Automaton:
    """Return the automaton over `entries`, each between spaces; its values are their numbers."""
    made = ahocorasick.Automaton()
    for number, entry in enumerate(entries):
        made.add_word(f" {entry} ", number)
    made.make_automaton()
    return made
