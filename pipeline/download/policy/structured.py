"""A dictionary of RFC 9651 (structured fields): the text of a field in, its members with their tokens out.

Read strictly: what is no dictionary is none, as the RFC says (4.2). Values of other types than token count as such only
by being none; parameters are passed over.
"""

import re

MAX_CHARACTERS = 16 << 10

_KEY = r"[a-z*][a-z0-9_.*-]*"
_TOKEN = r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*"
_BARE = (
    r"(?:-?[0-9]{1,12}\.[0-9]{1,3}(?![0-9.])|-?[0-9]{1,15}(?![0-9.])"  # decimal, integer
    r'|"(?:[ !#-\[\]-~]|\\["\\])*"'  # string
    rf"|{_TOKEN}"
    r"|:[A-Za-z0-9+/=]*:|\?[01]|@-?[0-9]{1,15}(?![0-9.])"  # bytes, boolean, date
    r'|%"(?:[ !#$&-~]|%[0-9a-f]{2})*")'  # display string
)
_PARAMETERS = rf"(?:; *{_KEY}(?:={_BARE})?)*"
_INNER = rf"\( *(?:{_BARE}{_PARAMETERS}(?: +{_BARE}{_PARAMETERS})*)? *\)"
_MEMBER = re.compile(rf"({_KEY})(?:=(?:({_TOKEN})(?=[;, \t]|$)|{_INNER}|{_BARE}))?{_PARAMETERS}")
_COMMA = re.compile(r"[ \t]*,[ \t]*")


def dictionary_tokens(text: str) -> dict[str, str | None] | None:
    """Return the members of a dictionary in their order, each with its token, None for a value of another type.

    Of a key that stands twice the last value holds (RFC 9651, 4.2.2). None when `text` is no dictionary.
    """
    text = text.strip(" ")
    if len(text) > MAX_CHARACTERS:
        return None
    found: dict[str, str | None] = {}
    place = 0
    while place < len(text):
        member = _MEMBER.match(text, place)
        if member is None:
            return None
        found[member[1]] = member[2]
        place = member.end()
        if place == len(text):
            break
        comma = _COMMA.match(text, place)
        if comma is None or comma.end() == len(text):
            return None
        place = comma.end()
    return found
