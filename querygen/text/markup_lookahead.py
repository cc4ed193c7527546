"""What stands at a place of wikitext: tag names, link prefixes, addresses, quotes, variants. Compiled, bounded steps.

In: the bytes of a page and a position. Out: what was recognised there and where it ends. `querygen.text.markup_scan`
calls these; each reads a bounded number of bytes, or none that it will be asked for again, so that the scan stays
linear.
"""

import numpy as np

from schemas.kernels.compiled import kernel, spliced

_NEWLINE, _SPACE = 10, 32
_MAX_TITLE_BYTES = 255
_FILE_ENDINGS = (
    "jpg", "jpeg", "png", "gif", "svg", "tif", "tiff", "webp", "xcf", "pdf", "djvu", "ogg", "oga", "ogv", "opus",
    "webm", "mp3", "wav", "mid", "midi", "flac", "stl",
)  # fmt: skip
"""What Wikimedia Commons takes (its page "File types")."""
_FILE_ENDING_CODES = np.array([int.from_bytes(f".{name}".encode(), "big") for name in _FILE_ENDINGS], dtype=np.int64)


@spliced
def lower(byte):
    return byte | 32 if 65 <= byte <= 90 else byte


@spliced
def is_letter(byte):
    return 97 <= (byte | 32) <= 122


@spliced
def at(source, position, size):
    return source[position] if position < size else np.uint8(0)


@kernel
def read_tag_name(source, position, size):
    """Return (code, position after the letters)."""
    code = 0
    letters = 0
    while position < size and is_letter(source[position]):
        if letters < 12:
            code = code * 32 + (source[position] | 32) - 96
        letters += 1
        position += 1
    return code, position


@kernel
def find_closing_tag(source, position, size, code):
    """Return the position of ``</name``, -1 when there is none."""
    while position + 2 < size:
        if source[position] == 60 and source[position + 1] == 47:
            found, after = read_tag_name(source, position + 2, size)
            if found == code:
                return position
            position = after
        else:
            position += 1
    return -1


@kernel
def has_prefix(source, position, size, prefixes, offsets):
    """Tell whether ``name:`` with a name of `prefixes` (ASCII lower case, spaces) stands at `position`."""
    for k in range(len(offsets) - 1):
        length = offsets[k + 1] - offsets[k]
        if position + length >= size:
            continue
        equal = True
        for j in range(length):
            byte = lower(source[position + j])
            if byte == 95:
                byte = np.uint8(_SPACE)
            if byte != prefixes[offsets[k] + j]:
                equal = False
                break
        if equal:
            after = position + length
            while after < size and source[after] == _SPACE:
                after += 1
                if after - position > 80:
                    break
            if at(source, after, size) == 58:
                return True
    return False


@kernel
def is_file_name(out, start, stop):
    """Tell whether ``name:title.jpg`` stands in ``out[start:stop]``.

    Any name will do: a dump does not tell the other names of its namespaces (``画像:`` in Japanese).
    """
    while stop > start and out[stop - 1] == _SPACE:
        stop -= 1
    if stop - start > _MAX_TITLE_BYTES:
        return False
    code = 0
    position = stop
    while position > start and stop - position < 5:
        position -= 1
        code |= np.int64(lower(out[position])) << (8 * (stop - 1 - position))
        if out[position] == 46:
            break
    known = False
    for ending in _FILE_ENDING_CODES:
        known = known or ending == code
    if not known:
        return False
    while position > start:
        position -= 1
        if out[position] == 58:
            return True
    return False


@kernel
def is_language_prefix(source, position, size):
    """Tell whether a language code and a colon stand at `position` (``de:``, ``zh-yue:``, ``simple:``)."""
    letters = 0
    while letters < 7 and position + letters < size and 97 <= source[position + letters] <= 122:
        letters += 1
    after = position + letters
    if letters == 6:  # "simple"
        return source[position] == 115 and source[position + 1] == 105 and at(source, after, size) == 58
    if letters < 2 or letters > 3:
        return False
    while at(source, after, size) == 45 and after - position < 16:
        after += 1
        while after < size and 97 <= source[after] <= 122 and after - position < 16:
            after += 1
    return at(source, after, size) == 58


@kernel
def url_size(source, position, size):
    """Return the length of what an external link's address starts with here, 0 when it is none."""
    if at(source, position, size) == 47 and at(source, position + 1, size) == 47:
        return 2
    letters = 0
    while letters < 8 and position + letters < size and is_letter(source[position + letters]):
        letters += 1
    if letters < 3 or at(source, position + letters, size) != 58:
        return 0
    if letters == 6 and (source[position] | 32) == 109 and (source[position + 1] | 32) == 97:  # mailto:
        return 7
    if at(source, position + letters + 1, size) == 47 and at(source, position + letters + 2, size) == 47:
        return letters + 3
    return 0


@spliced
def ends_url(byte):
    # white space, quotes, angle brackets, square brackets, bar, braces
    return byte <= 32 or byte in (34, 60, 62, 91, 93, 124, 123, 125)


@kernel
def find_name(source, position, size, names, offsets, longest):
    """Return the number of the name that stands at `position` with ``}}`` after it, -1 when there is none."""
    length = 0
    while at(source, position + length, size) != 125:
        length += 1
        if length > longest:
            return -1
    if at(source, position + length + 1, size) != 125:
        return -1
    for k in range(len(offsets) - 1):
        if offsets[k + 1] - offsets[k] != length:
            continue
        equal = True
        for j in range(length):
            if lower(source[position + j]) != names[offsets[k] + j]:
                equal = False
                break
        if equal:
            return k
    return -1


@kernel
def find_apostrophe(source, position, size):
    """Return (position of the three quotes on this line that are an apostrophe and two quotes or -1, end of line).

    MediaWiki's rule: where a line has an odd number of both bold and italic marks, three quotes are not bold but an
    apostrophe before italic: best after a word of one letter (l'''Iliade''), else after a longer one (''Iliad'''s),
    else after a space.
    """
    bold = 0
    italic = 0
    after_letter, after_word, after_space = -1, -1, -1
    i = position
    while i < size:
        byte = source[np.uint64(i)]
        if byte != 39:
            if byte == _NEWLINE:
                break
            i += 1
            continue
        run = 1
        while at(source, i + run, size) == 39:
            run += 1
        if run == 2 or run >= 5:
            italic += 1
        if run >= 3:
            bold += 1
        if run == 3:
            if i > 0 and source[i - 1] == _SPACE:
                after_space = i if after_space < 0 else after_space
            else:
                before = i - 1
                while before > i - 4 and before > 0 and source[before] & 0xC0 == 0x80:
                    before -= 1
                if before > 0 and source[before - 1] == _SPACE:
                    after_letter = i if after_letter < 0 else after_letter
                elif after_word < 0:
                    after_word = i
        i += run
    if bold % 2 == 0 or italic % 2 == 0:
        return -1, i
    if after_letter >= 0:
        return after_letter, i
    return (after_word if after_word >= 0 else after_space), i


@kernel
def _variant_text(out, position, stop):
    """Return where the text of ``zh-hans: text`` begins, -1 when no language code and colon stand at `position`."""
    while position < stop and out[position] == _SPACE:
        position += 1
    begin = position
    while position < stop and position - begin < 16 and (97 <= out[position] <= 122 or out[position] == 45):
        position += 1
    return position + 1 if position - begin >= 2 and position < stop and out[position] == 58 else -1


@kernel
def keep_variant(out, start, stop):
    """Put the first of the variants in ``out[start:stop]`` (``-{flags|zh-hans:a;zh-hant:b``) there; return its end.

    Rules that only set something (flags H, T, N, -) leave nothing.
    """
    begin = start + 2
    hidden = False
    flag = begin
    while flag < stop and flag - begin < 24 and out[flag] != 124 and out[flag] != 58:
        hidden = hidden or out[flag] in (72, 84, 78, 45)
        flag += 1
    if flag < stop and out[flag] == 124:
        # "zh-hans;zh-hant|text" names languages instead of flags: the text is shown in these
        if hidden and not 97 <= out[begin] <= 122:
            return start
        begin = flag + 1
    text = _variant_text(out, begin, stop)
    if text >= 0:
        begin = text
        end = begin
        while end < stop and not (out[end] == 59 and _variant_text(out, end + 1, stop) >= 0):
            end += 1
        if end == stop and end > begin and out[end - 1] == 59:
            end -= 1
        stop = end
    for k in range(begin, stop):
        out[start] = out[k]
        start += 1
    return start
