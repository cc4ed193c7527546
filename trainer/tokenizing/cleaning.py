"""What a tokenizer does to a caption before it looks for words: in Python for training, as rules for other readers.

The rules are normalizers of `tokenizers`, which a ``tokenizer.json`` can hold. A rule replaces what a pattern finds by
one fixed text, so each character reference is a rule of its own: of the 2,125 names of HTML 5 there are rules for the
252 of HTML 4, ``apos``, and the numbers of those characters and of ASCII punctuation. They cost 0.24 ms a caption, and
training does not use them.
"""

import enum
import html
import string
from html.entities import codepoint2name

from tokenizers import Regex, normalizers

from trainer.caption_text import as_released, without_references
from trainer.tokenizing.words import plain_text

_NAMES = codepoint2name | {ord("'"): "apos"}
_CHARACTERS = [character for character in map(ord, string.punctuation + string.whitespace) if character not in _NAMES]
_AMPERSAND = "(?:amp|#0*38|#[xX]0*26);"
_C1 = range(0x80, 0xA0)
"""Numbers that HTML takes for characters of Windows-1252: ``&#146;`` is an apostrophe."""


class Cleaning(enum.Enum):
    """How a tokenizer cleans captions."""

    PLAIN = "plain"
    """One text of its spellings, references left: tokenizers trained by early versions."""
    REFERENCES = "references"
    """References undone twice too: tokenizers trained by this one."""
    RELEASED = "released"
    """As the release does, for its vocabulary and those made for its tokenizer."""

    def clean(self, caption: str) -> str:
        """Return `caption` cleaned as far as `words.wrap` does not do it."""
        if self is Cleaning.RELEASED:
            return as_released(caption)
        return without_references(caption) if self is Cleaning.REFERENCES else caption

    def rules(self) -> normalizers.Sequence:
        """Return all of the cleaning as far as normalizers can say it.

        What they cannot: rarer references, names without their semicolon; of the release's also mended encodings
        (``cafÃ©``), ligatures and full-width letters.
        """
        if self is Cleaning.PLAIN:
            return normalizers.Sequence(plain_text())
        if self is Cleaning.REFERENCES:
            return normalizers.Sequence([*_references(2), *plain_text()])
        # ftfy undoes references until none is left, where a caption has no "<"
        return normalizers.Sequence([*_references(8), *_mended(), *plain_text()])


def _references(times: int) -> list[normalizers.Normalizer]:
    """Return rules that undo references `times` times: the ampersand of one may be a reference itself."""
    windows = {ord(html.unescape(f"&#{number};")): number for number in _C1}
    rules: list[normalizers.Normalizer] = []
    for character in sorted({*_NAMES, *_CHARACTERS} - {ord("&")}):
        forms = [_number(character)]
        if character in windows and windows[character] != character:
            forms.append(_number(windows[character]))
        if character in _NAMES:
            forms.append(f"{_NAMES[character]};")
        pattern = f"&(?:{_AMPERSAND}){{0,{times - 1}}}(?:{'|'.join(forms)})"
        rules.append(normalizers.Replace(Regex(pattern), chr(character)))
    return [*rules, normalizers.Replace(Regex(f"&(?:{_AMPERSAND}){{1,{times}}}"), "&")]


def _number(character: int) -> str:
    return f"#0*{character}(?![0-9]);?|#[xX]0*{_digits(character)}(?![0-9a-fA-F]);?"


def _digits(character: int) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{character:x}")


def _mended() -> list[normalizers.Normalizer]:
    """Return rules for what `ftfy.fix_text` and `str.lower` do and `plain_text` does not."""
    return [
        normalizers.Replace(Regex(r"\x1b\[[0-9;]*[a-zA-Z]"), ""),
        normalizers.Replace(Regex("[\u02bc\u2018-\u201b]"), "'"),
        normalizers.Replace(Regex("[\u201c-\u201f]"), '"'),
        normalizers.Replace(Regex("[\\x00-\\x08\\x0b\\x0e-\\x1f\\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]"), ""),
        normalizers.Replace(Regex(r"(?<=\p{L})Σ(?!\p{L})"), "ς"),
    ]
