"""The options of the filters: all off unless asked for."""

import re
from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup
from schemas.run_options import NotIdentity

_FILE_TYPE = re.compile(r"[a-z0-9]{1,5}|none")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, kw_only=True)
class FilterOptions(OptionGroup):
    """What a pair must be to be matched. Filters run in the order of these options; a pair has one reason."""

    repair_mojibake: bool = False
    """Mend captions that were decoded by the wrong encoding ("SchÃ¶n" to "Schön", by ftfy) before all else. The
    pair_id is that of the mended caption."""

    url_block_lists: NotIdentity[tuple[str, ...]] = ()
    """Files of image URLs to leave out, one per line (# begins a comment; may be compressed; any fsspec URL). Compared
    in normalised form, as image_id is."""

    domain_block_lists: NotIdentity[tuple[str, ...]] = ()
    """Files of host names to leave out, one per line; hosts below them are left out as well."""

    allow_file_types: tuple[str, ...] = ()
    """Keep only URLs with one of these suffixes (jpg png ..., lower case; none: no suffix). Empty: all."""

    deny_file_types: tuple[str, ...] = ()
    """Leave out URLs with one of these suffixes (svg gif ico ...)."""

    min_caption_characters: int = 0
    """Shorter captions are left out (characters, not bytes). DataComp's basic filter: 6."""

    max_caption_characters: int = 0
    """Longer captions are left out (characters); 0: no limit."""

    min_caption_words: int = 0
    """Captions of fewer words are left out (between white space, so 1 in Chinese). DataComp's basic filter: 3."""

    max_caption_words: int = 0
    """Captions of more words are left out; 0: no limit."""

    drop_file_names: bool = False
    """Leave out captions that are a file name: cat.JPG, DSC00012, IMG_1234 (2), image 1, a hash in hex digits."""

    language: tuple[str, ...] = ()
    """Keep only these languages (ISO 639 codes: en de ...), by the input's language column or as identified."""

    identify_language: Literal["when_filtered", "missing", "all", "never"] = "when_filtered"
    """Whose language is identified (fastText's lid.176; needs the extra `language-id`): of pairs without a language, if
    --language or --min-language-score asks for it, or always (missing: for --query-languages caption); of all pairs,
    also those the input has a language for (all); of none."""

    min_language_score: float = 0.0
    """Identified languages less sure than this are left out (0 .. 1; language_score of the candidates)."""

    drop_adult_words: bool = False
    """Leave out captions with a word or phrase of the short built-in list (pipeline/filter/adult_words.py)."""

    word_block_lists: NotIdentity[tuple[str, ...]] = ()
    """Files of words and phrases, one per line; captions that contain one, by the match rule normalised, are left
    out."""

    def _check(self) -> None:
        _check_range("caption_characters", self.min_caption_characters, self.max_caption_characters)
        _check_range("caption_words", self.min_caption_words, self.max_caption_words)
        for name in ("allow_file_types", "deny_file_types"):
            for found in getattr(self, name):
                if not _FILE_TYPE.fullmatch(found):
                    raise ValueError(
                        f"{name}: expected suffixes of 1 to 5 lower-case letters or digits without the dot, or none, "
                        f"found {found!r}"
                    )
        both = set(self.allow_file_types) & set(self.deny_file_types)
        if both:
            raise ValueError(f"allow_file_types and deny_file_types both have {sorted(both)}; leave it out of one")
        for found in self.language:
            if not _LANGUAGE.fullmatch(found):
                raise ValueError(
                    f"language: expected ISO 639 codes (en de ...), lower case, separated by spaces, found {found!r}"
                )
        if not 0 <= self.min_language_score <= 1:
            raise ValueError(f"min_language_score must be in 0 .. 1, found {self.min_language_score!r}")
        if self.min_language_score and self.identify_language == "never":
            raise ValueError("min_language_score needs identified languages, but identify_language is 'never'")


def _check_range(name: str, low: int, high: int) -> None:
    if low < 0 or high < 0:
        raise ValueError(f"min_{name} and max_{name} must not be negative, found {low!r} and {high!r}")
    if high and low > high:
        raise ValueError(f"min_{name} must be at most max_{name}, found {low!r} and {high!r}")
