"""Domain block lists: pairs in, which image hosts are on no list, nor below a listed one, out.

A host is hashed from its end, so that the state at each dot is the hash of a parent domain: one pass over the bytes
asks for all of them, whatever the size of the list::

    img.cdn.example.com     <- com? example.com? cdn.example.com? img.cdn.example.com?
"""

import functools

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.filter.list_file import ListFile, content_hashes, read_list
from schemas.buffers import string_buffers
from schemas.kernels.compiled import kernel, spliced
from schemas.kernels.folding import HASH_PRIME, HASH_SEED, finish_hash
from schemas.kernels.hash_set import UInt64Array, hash_set, holds


@spliced
def _lower(byte):
    return byte | np.uint8(32) if 65 <= byte <= 90 else byte


@kernel
def _hash_hosts(data, offsets, hashes):
    for row in range(len(offsets) - 1):
        state = HASH_SEED
        for i in range(offsets[row + 1] - 1, offsets[row] - 1, -1):
            state = (state ^ np.uint64(_lower(data[i]))) * HASH_PRIME
        hashes[row] = finish_hash(state)


@kernel
def _listed(data, offsets, slots, found):
    for row in range(len(offsets) - 1):
        begin, end = offsets[row], offsets[row + 1]
        while begin < end and data[begin] != 58:  # behind "http://"
            begin += 1
        begin = min(begin + 3, end)
        stop = begin
        bracket = False
        while stop < end:
            byte = data[stop]
            if byte == 47 or byte == 63 or byte == 35 or (byte == 58 and not bracket):  # / ? # :
                break
            bracket = byte == 91 or (bracket and byte != 93)  # the colons of "[::1]" begin no port
            stop += 1
        if stop > begin and data[stop - 1] == 46:  # "example.com." is example.com
            stop -= 1
        state = HASH_SEED
        hit = False
        for i in range(stop - 1, begin - 1, -1):
            byte = _lower(data[i])
            if byte == 46 and holds(slots, finish_hash(state)):
                hit = True
                break
            state = (state ^ np.uint64(byte)) * HASH_PRIME
        found[row] = hit or (stop > begin and holds(slots, finish_hash(state)))


def load_domains(paths: tuple[str, ...], option: str = "domain_block_lists") -> UInt64Array:
    """Return the set of the hashes of all hosts of the lists; ``*.`` before a host says nothing more."""
    return _load(paths, content_hashes(paths, option), option)


@functools.lru_cache(maxsize=1)  # once per process, unless a list has changed
def _load(paths: tuple[str, ...], _: tuple[str, ...], option: str) -> UInt64Array:
    found = [np.zeros(0, dtype=np.uint64)]
    for path in paths:
        listed = read_list(path, option)
        hosts = pc.utf8_lower(pc.replace_substring_regex(listed.entries, r"^(\*\.|\.)|\.$", ""))
        faulty = pc.match_substring_regex(hosts, r"[\s/?#@*,]|^$|^\.|\.\.")
        wrong = np.flatnonzero(faulty.to_numpy(zero_copy_only=False))
        if len(wrong):
            raise listed.fault(int(wrong[0]), "one host name (example.com)")
        found += [_hashes(hosts), _hashes(_ascii_forms(listed, hosts))]
    return hash_set(np.unique(np.concatenate(found)))


def on_no_domain_list(pairs: pa.Table, blocked: UInt64Array) -> npt.NDArray[np.bool_]:
    """Tell of each pair whether neither its URL's host nor a parent of it is in `blocked` (see `load_domains`)."""
    data, offsets = string_buffers(pairs["url"])
    found = np.zeros(len(pairs), dtype=np.bool_)
    _listed(data, offsets, blocked, found)
    return ~found


def _hashes(hosts: pa.Array) -> UInt64Array:
    data, offsets = string_buffers(hosts)
    hashes = np.zeros(len(hosts), dtype=np.uint64)
    _hash_hosts(data, offsets, hashes)
    return hashes


def _ascii_forms(listed: ListFile, hosts: pa.Array) -> pa.Array:
    """Return the ``xn--`` spelling of the hosts with other letters: URLs carry either spelling."""
    forms = []
    for row in np.flatnonzero(pc.invert(pc.string_is_ascii(hosts)).to_numpy(zero_copy_only=False)):
        try:
            forms.append(hosts[int(row)].as_py().encode("idna").decode())
        except UnicodeError as error:
            raise listed.fault(int(row), f"a host name ({error})") from error
    return pa.array(forms, pa.string())
