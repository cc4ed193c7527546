"""A code point in UTF-8, for kernels."""

from schemas.kernels.compiled import inlined


@inlined
def write_character(code, out, position):
    """Write a code point in UTF-8; return the position after it. A surrogate becomes bytes that are no UTF-8."""
    if code < 0x80:
        out[position] = code
        return position + 1
    if code < 0x800:
        out[position] = 0xC0 | (code >> 6)
        out[position + 1] = 0x80 | (code & 63)
        return position + 2
    if code < 0x10000:
        out[position] = 0xE0 | (code >> 12)
        out[position + 1] = 0x80 | ((code >> 6) & 63)
        out[position + 2] = 0x80 | (code & 63)
        return position + 3
    out[position] = 0xF0 | (code >> 18)
    out[position + 1] = 0x80 | ((code >> 12) & 63)
    out[position + 2] = 0x80 | ((code >> 6) & 63)
    out[position + 3] = 0x80 | (code & 63)
    return position + 4
