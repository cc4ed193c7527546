"""Read the last column of a bzip2 block: packed bits in, the links of the inverse Burrows-Wheeler transform out.

Three passes, each a compiled loop whose branches the processor guesses well:

    bits -> pairs (symbol of move to front, how often its byte is repeated) -> pairs (byte, how many) -> links
"""

import numpy as np

from querygen.wiki.bzip2.codes import LOOK_BITS, MAX_CODE_BITS, PADDING, long_code, make_table, peek, read_lengths
from schemas.kernels.compiled import kernel

MAX_SYMBOLS = 900_000
"""Bytes of a block before runs are undone, at level 9."""
MAX_PAIRS = MAX_SYMBOLS + 64
"""Room for the pairs of a block: each but the first stands for a byte or more, and a group is tested as a whole."""

OK, BROKEN, RANDOMISED, CUT_OFF = 0, 1, 2, 3

_GROUP = 50


@kernel
def _read_pairs(data, bit, selectors, looks, limits, offsets, orders, end_symbol, pairs):
    """Decode the codes from `bit` on; return (number of pairs, bit behind), or (-1, what is wrong).

    Fills `pairs` with symbol + 512 * run: the run that follows the symbol. The first pair has a run only. What a symbol
    does is arithmetic on its table entry: a branch on whether it is a digit of a run is guessed wrong too often.
    """
    one, five, six, seven = np.uint64(1), np.uint64(5), np.uint64(6), np.uint64(7)
    look_shift = np.uint64(64 - LOOK_BITS)
    first_weight = np.uint64(512)
    too_heavy = np.uint64(512 << 20)  # a run of a digit so heavy has more than MAX_SYMBOLS bytes
    last = np.uint64(len(data) - PADDING + 8)
    place = np.uint64(bit >> 3)
    ahead = np.uint64(data[place]) << np.uint64(56 + (bit & 7))  # the next bits, from the top
    num_ahead = np.uint64(8 - (bit & 7))
    place += one
    pair, weight = np.uint64(0), first_weight
    pairs[0] = 0
    count = np.uint64(0)
    for group in range(len(selectors)):
        table = selectors[group]
        look = looks[table]
        if count > MAX_SYMBOLS:
            return -1, BROKEN
        for _ in range(_GROUP // 2):
            if place > last:
                return -1, CUT_OFF
            word = (
                (np.uint64(data[place]) << np.uint64(56))
                | (np.uint64(data[place + one]) << np.uint64(48))
                | (np.uint64(data[place + np.uint64(2)]) << np.uint64(40))
                | (np.uint64(data[place + np.uint64(3)]) << np.uint64(32))
                | (np.uint64(data[place + np.uint64(4)]) << np.uint64(24))
                | (np.uint64(data[place + five]) << np.uint64(16))
                | (np.uint64(data[place + six]) << np.uint64(8))
                | np.uint64(data[place + seven])
            )
            ahead |= word >> num_ahead
            place += (np.uint64(63) - num_ahead) >> np.uint64(3)
            num_ahead |= np.uint64(56)  # enough for two codes
            for _ in range(2):
                entry = np.uint64(look[ahead >> look_shift])
                length = entry & np.uint64(31)
                if length == 0:
                    entry, length = long_code(ahead, limits[table], offsets[table], orders[table], end_symbol)
                    if length == 0:
                        return -1, BROKEN
                ahead <<= length
                num_ahead -= length
                is_symbol = (entry >> five) & one
                symbol = entry >> seven
                going_on = is_symbol - one  # all ones for a digit of a run
                weight &= going_on
                pair = (pair & going_on) + (weight << ((entry >> six) & one)) + symbol
                weight = (weight << one) + is_symbol * first_weight
                count += is_symbol
                pairs[count] = pair
                if weight > too_heavy:
                    return -1, BROKEN
                if symbol == end_symbol:
                    return np.int64(count), np.int64(place) * 8 - np.int64(num_ahead)
    return -1, BROKEN


@kernel
def _move_to_front(pairs, num_pairs, front, counts):
    """Turn `pairs` into byte + 256 * how many, and count the bytes; return their number, -1 when they are too many.

    `front` holds the bytes eight a word, the first lowest.
    """
    zero, one, three, eight, low_byte, top_byte = (
        np.uint64(0),
        np.uint64(1),
        np.uint64(3),
        np.uint64(8),
        np.uint64(255),
        np.uint64(56),
    )
    first, second = front[0], front[1]
    run = np.uint64(pairs[0]) >> np.uint64(9)
    byte = first & low_byte
    pairs[0] = byte | (run << eight)
    counts[byte] += run
    count = run
    for number in range(np.uint64(1), np.uint64(num_pairs)):
        pair = np.uint64(pairs[number])
        index = (pair & np.uint64(511)) - one
        run = (pair >> np.uint64(9)) + one
        shift = (index & np.uint64(7)) << three
        below = (one << shift) - one
        up_to = (np.uint64(256) << shift) - one  # all ones at the eighth byte
        if index < np.uint64(16):
            behind = zero - (index >> three)  # all ones when it is in the second word
            byte = (((first & ~behind) | (second & behind)) >> shift) & low_byte
            carried = (first >> top_byte) & behind
            first = (first & ~(up_to | behind)) | ((first & (below | behind)) << eight) | byte
            second = (second & ~(up_to & behind)) | ((second & below & behind) << eight) | carried
        else:
            far = index >> three
            word = front[far]
            byte = (word >> shift) & low_byte
            carried = second >> top_byte
            second = (second << eight) | (first >> top_byte)
            first = (first << eight) | byte
            for step in range(np.uint64(2), far):
                passed = front[step]
                front[step] = (passed << eight) | carried
                carried = passed >> top_byte
            front[far] = (word & ~up_to) | ((word & below) << eight) | carried
        pairs[number] = byte | (run << eight)
        counts[byte] += run
        count += run
        if count > np.uint64(MAX_SYMBOLS):
            return -1
    return np.int64(count)


@kernel
def _link(pairs, num_pairs, counts, links):
    """Write the links of the column that `pairs` spell: its bytes in order, each with the place where it stands."""
    targets, ends = np.empty(256, dtype=np.uint64), np.empty(256, dtype=np.uint64)
    total = np.uint64(0)
    for value in range(256):
        targets[value] = total
        total += np.uint64(counts[value])
        ends[value] = total
    begin = np.uint64(0)  # place * 256
    four = np.uint64(4)
    for number in range(np.uint64(num_pairs)):
        pair = np.uint64(pairs[number])
        byte = pair & np.uint64(255)
        run = pair >> np.uint64(8)
        target = targets[byte]
        targets[byte] = target + run
        entry = begin | byte
        begin += run << np.uint64(8)
        if run <= four and target + four <= ends[byte]:
            for step in range(four):  # what is too much is written over
                links[target + step] = entry + (step << np.uint64(8))
        else:
            for step in range(run):
                links[target + step] = entry + (step << np.uint64(8))


@kernel
def _read_used_bytes(data, bit, limit, front):
    """Fill `front` with the bytes that the block has, ascending; return (their number, bit behind, what is wrong)."""
    used = peek(data, bit, 16)
    bit += 16
    num_used = 0
    for high in range(16):
        if used & (0x8000 >> high):
            if bit + 16 > limit:
                return num_used, bit, CUT_OFF
            row = peek(data, bit, 16)
            bit += 16
            for low in range(16):
                if row & (0x8000 >> low):
                    front[num_used] = high * 16 + low
                    num_used += 1
    return num_used, bit, OK if num_used > 0 else BROKEN


@kernel
def _read_selectors(data, bit, limit, num_tables, selectors):
    """Fill `selectors` with the table of each group of codes; return (bit behind, what is wrong)."""
    recent = np.arange(6).astype(np.uint8)
    for number in range(len(selectors)):
        steps = 0
        while peek(data, bit, 1):
            steps += 1
            bit += 1
            if steps >= num_tables:
                return bit, BROKEN
        bit += 1
        if bit > limit:
            return bit, CUT_OFF
        chosen = recent[steps]
        for step in range(steps, 0, -1):
            recent[step] = recent[step - 1]
        recent[0] = chosen
        selectors[number] = chosen
    return bit, OK


@kernel
def _decode_pairs(data, bit, limit, num_symbols, pairs):
    """Read selectors, tables and codes from `bit` on; return as `_read_pairs` does."""
    if bit + 18 > limit:
        return -1, CUT_OFF
    num_tables = peek(data, bit, 3)
    num_selectors = peek(data, bit + 3, 15)
    if num_tables < 2 or num_tables > 6 or num_selectors < 1:
        return -1, BROKEN
    selectors = np.empty(num_selectors, dtype=np.uint8)
    bit, wrong = _read_selectors(data, bit + 18, limit, num_tables, selectors)
    if wrong != OK:
        return -1, wrong
    lengths = np.empty(258, dtype=np.int64)
    looks = np.empty((6, 1 << LOOK_BITS), dtype=np.uint16)
    limits = np.empty((6, MAX_CODE_BITS + 1), dtype=np.int64)
    offsets = np.empty((6, MAX_CODE_BITS + 1), dtype=np.int64)
    orders = np.empty((6, 258), dtype=np.int64)
    for table in range(num_tables):
        bit = read_lengths(data, bit, num_symbols, lengths)
        if bit < 0:
            return -1, BROKEN
        make_table(lengths, num_symbols, looks[table], limits[table], offsets[table], orders[table])
    return _read_pairs(data, bit, selectors, looks, limits, offsets, orders, num_symbols - 1, pairs)


@kernel
def read_column(data, bit, links, pairs, result):
    """Decode the block at `bit` into `links`: entry by entry (place of the next entry * 256 + the byte it stands for).

    Fills `result` with (number of bytes, first place, bit behind the block, CRC). Return `OK` or what is wrong. `pairs`
    is room of `MAX_PAIRS` to work in.
    """
    limit = 8 * (len(data) - PADDING)
    if bit + 48 + 32 + 25 + 16 > limit:
        return CUT_OFF
    result[3] = peek(data, bit + 48, 32)
    bit += 80
    if peek(data, bit, 1):
        return RANDOMISED
    origin = peek(data, bit + 1, 24)
    front = np.zeros(256, dtype=np.uint8)
    num_used, bit, wrong = _read_used_bytes(data, bit + 25, limit, front)
    if wrong != OK:
        return wrong
    num_pairs, end = _decode_pairs(data, bit, limit, num_used + 2, pairs)
    if num_pairs < 0:
        return end
    if end > limit:
        return CUT_OFF
    words = np.zeros(32, dtype=np.uint64)
    for rank in range(num_used):
        words[rank >> 3] |= np.uint64(front[rank]) << np.uint64(8 * (rank & 7))
    counts = np.zeros(256, dtype=np.uint64)
    count = _move_to_front(pairs, num_pairs, words, counts)
    if count < 0 or origin >= count:
        return BROKEN
    _link(pairs, num_pairs, counts, links)
    result[0], result[1], result[2] = count, origin, end
    return OK
