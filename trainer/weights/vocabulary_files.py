"""Vocabularies that other projects wrote, read from their files as a tokenizer.

bpe_simple_vocab_16e6.txt.gz    OpenAI's: a line that says what it is, then a merge a line, of which CLIP takes 48,894
vocab.json + merges.txt         transformers': ids by token, and the merges
tokenizer.json                  transformers', with both in it; or our own
"""

import gzip
import json
from typing import Any

from schemas.json_object import JsonObject, parse_object
from schemas.storage import Folder
from trainer.presets import MIN_VOCAB_SIZE, VOCAB_SIZE
from trainer.saving.checkpoint import TOKENIZER_FILE
from trainer.tokenizer import CaptionTokenizer, given_tokenizer
from trainer.tokenizing.tokenizer_file import find_cleaning
from trainer.tokenizing.words import END_OF_WORD, EOS, SOS, byte_alphabet

NUM_MERGES = VOCAB_SIZE - MIN_VOCAB_SIZE
"""Of OpenAI's file CLIP takes so many; the rest was left out."""

VOCABULARY_FILE, MERGES_FILE = "vocab.json", "merges.txt"
LIST_SUFFIXES = (".txt.gz", ".txt")


def tokenizer_of_list(data: bytes, where: str, context_length: int) -> CaptionTokenizer:
    """Return the tokenizer of a file of OpenAI's form, gzipped or plain. Raises ValueError that names `where`."""
    try:
        lines = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode().split("\n")
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(f"{where}: expected a list of merges, gzipped or plain text, {error}") from None
    merges = _merges(lines[1 : 1 + NUM_MERGES], where)
    tokens = [*byte_alphabet(), *("".join(merge) for merge in merges), SOS, EOS]
    if len(set(tokens)) != len(tokens):
        raise ValueError(f"{where}: some merges give the same token; the file is damaged or of another tokenizer")
    return _given({token: number for number, token in enumerate(tokens)}, merges, where, context_length)


def tokenizer_of_folder(folder: Folder, context_length: int) -> CaptionTokenizer | None:
    """Return the tokenizer in a folder of transformers, open_clip or ours; None when it holds none.

    A ``tokenizer.json`` of ours comes first: how it cleans captions stands in it alone. Raises ValueError that
    names the file when it is of another kind than CLIP's, or cuts elsewhere (ours).
    """
    if folder.exists(VOCABULARY_FILE) and folder.exists(MERGES_FILE) and not _holds_ours(folder):
        vocabulary = folder.read_json(VOCABULARY_FILE)
        lines = folder.read(MERGES_FILE).decode("utf-8", "replace").split("\n")
        merges = _merges(lines[1:] if lines[0].startswith("#version") else lines, folder.path(MERGES_FILE))
        return _given(vocabulary, merges, folder.path(VOCABULARY_FILE), context_length)
    if folder.exists(TOKENIZER_FILE):
        return tokenizer_of_json(folder.read(TOKENIZER_FILE), folder.path(TOKENIZER_FILE), context_length)
    return None


def _holds_ours(folder: Folder) -> bool:
    """Tell whether the folder has a ``tokenizer.json`` of this project, beside whatever else."""
    if not folder.exists(TOKENIZER_FILE):
        return False
    body = folder.read_json(TOKENIZER_FILE)
    model = body.get("model")
    is_whole = isinstance(model, JsonObject) and isinstance(model.get("vocab"), JsonObject)
    return "tokenizer" in body or (is_whole and find_cleaning(body) is not None)


def vocabulary_files(tokenizer: CaptionTokenizer) -> dict[str, bytes]:
    """Return ``vocab.json`` and ``merges.txt`` as transformers writes them, by their names."""
    model = json.loads(tokenizer.to_json())["model"]
    lines = ["#version: 0.2", *(" ".join(merge) for merge in model["merges"])]
    vocabulary = json.dumps(model["vocab"], ensure_ascii=False) + "\n"
    return {VOCABULARY_FILE: vocabulary.encode(), MERGES_FILE: ("\n".join(lines) + "\n").encode()}


def tokenizer_of_json(data: bytes, where: str, context_length: int) -> CaptionTokenizer:
    """Return the tokenizer of a ``tokenizer.json`` of ours or of transformers' CLIP. Raises ValueError for others."""
    body = parse_object(data, where)
    if "tokenizer" in body:  # as early versions wrote it
        return _ours(data, where, context_length)
    model = body.get("model")
    if (
        not isinstance(model, JsonObject)
        or model.get("type") != "BPE"
        or model.get("end_of_word_suffix") != END_OF_WORD
    ):
        kind = model.get("type") if isinstance(model, JsonObject) else None
        raise ValueError(
            f"{where}: expected CLIP's tokenizer (type BPE, end_of_word_suffix {END_OF_WORD!r}), found {kind!r}; only "
            "vocabularies of that kind can be taken"
        )
    if find_cleaning(body) is not None:
        return _ours(data, where, context_length)
    merges = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
    return _given(model["vocab"], _pairs(merges, where), where, context_length)


def _ours(data: bytes, where: str, context_length: int) -> CaptionTokenizer:
    try:
        ours = CaptionTokenizer.from_json(data, context_length)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if ours.context_length != context_length:
        raise ValueError(f"{where}: cuts to {ours.context_length} tokens, the model takes {context_length}")
    return ours


def _merges(lines: list[str], where: str) -> list[tuple[str, str]]:
    return _pairs([line.split() for line in lines if line.strip()], where)


def _pairs(merges: list[Any], where: str) -> list[tuple[str, str]]:
    for merge in merges:
        if not isinstance(merge, list) or len(merge) != 2 or not all(isinstance(part, str) for part in merge):
            raise ValueError(f"{where}: expected two tokens a merge, found {json.dumps(merge)[:60]}")
    return [(left, right) for left, right in merges]


def _given(vocabulary: Any, merges: list[tuple[str, str]], where: str, context_length: int) -> CaptionTokenizer:
    if not isinstance(vocabulary, dict) or not all(type(number) is int for number in vocabulary.values()):
        raise ValueError(f"{where}: expected a number for each token")
    try:
        return given_tokenizer(vocabulary, merges, context_length=context_length)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
