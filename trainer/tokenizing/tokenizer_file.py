"""``tokenizer.json``: a file that `tokenizers` and `transformers` open, with the cleaning, [SOS], [EOS] and the cut.

normalizer       what the tokenizer does to a caption, by which its `Cleaning` is known again
pre_tokenizer    the released tokenizer's words
model            the vocabulary and its merges
post_processor   [SOS] before the text, [EOS] after it
truncation       the context length
added_tokens     none: the names of [SOS] and [EOS] in a caption are text
"""

import json
from typing import Any

from tokenizers import Tokenizer, decoders, models, processors

from trainer.tokenizing.cleaning import Cleaning
from trainer.tokenizing.words import END_OF_WORD, EOS, SOS, split_words, wrap

_OF_TEXTS = ("normalizer", "pre_tokenizer", "post_processor")
"""The parts by which a file of ours is told from one of another project."""


def file_of(tokenizer: Tokenizer, cleaning: Cleaning, context_length: int) -> bytes:
    """Return the file of a tokenizer of `words.wrap`."""
    ends = [(name, tokenizer.token_to_id(name)) for name in (SOS, EOS)]
    whole = _assembled(tokenizer.model, cleaning, ends)
    whole.enable_truncation(context_length)
    return (json.dumps(json.loads(whole.to_str()), ensure_ascii=False, indent=1) + "\n").encode()


def _assembled(model: models.Model, cleaning: Cleaning, ends: list[Any]) -> Tokenizer:
    """Return a tokenizer of these parts; `ends` are names and ids of [SOS] and [EOS]."""
    whole = Tokenizer(model)
    whole.normalizer = cleaning.rules()
    whole.pre_tokenizer = split_words()
    whole.post_processor = processors.TemplateProcessing(single=f"{SOS} $A {EOS}", special_tokens=ends)
    whole.decoder = decoders.Sequence(
        [decoders.ByteLevel(), decoders.Replace(END_OF_WORD, " "), decoders.Strip(" ", 0, 1)]
    )
    return whole


def find_cleaning(body: dict[str, Any]) -> Cleaning | None:
    """Return the cleaning of a tokenizer.json of ours, also one that transformers wrote again; None for others."""
    vocabulary = body["model"]["vocab"]
    ends = [(name, vocabulary[name]) for name in (SOS, EOS) if name in vocabulary]
    if len(ends) != 2:
        return None
    parts = {name: body.get(name) for name in _OF_TEXTS}
    empty = json.loads(Tokenizer(models.BPE()).to_str())
    try:
        found = json.loads(Tokenizer.from_str(json.dumps(empty | parts)).to_str())
    except Exception:  # the library raises nothing narrower for parts that it does not know
        return None
    for cleaning in Cleaning:
        ours = json.loads(_assembled(models.BPE(), cleaning, ends).to_str())
        if all(found[name] == ours[name] for name in _OF_TEXTS):
            return cleaning
    return None


def read_file(body: dict[str, Any]) -> tuple[Tokenizer, Cleaning, int | None]:
    """Return the tokenizer of `words.wrap` in a file, its cleaning, and where it cuts (None: the file does not say).

    Raises ValueError for a file of another project, and Exception, as the library does, for what is no tokenizer.
    """
    cleaning = find_cleaning(body)
    if cleaning is None:
        raise ValueError("expected a tokenizer.json of this project, found one that cleans or cuts texts otherwise")
    model = Tokenizer.from_str(json.dumps(body)).model
    cut = body.get("truncation")
    return wrap(model, normalises=cleaning is not Cleaning.RELEASED), cleaning, cut and int(cut["max_length"])


def file_for_transformers(context_length: int) -> dict[str, Any]:
    """Return ``tokenizer_config.json``: what transformers wants to know besides; this project reads none of it.

    transformers itself takes the names of these tokens in a caption for the tokens.
    """
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context_length,
        # without it version 4 gives token types, too, and CLIPModel, so its pipelines, fail on them
        "model_input_names": ["input_ids", "attention_mask"],
        "bos_token": SOS,
        "eos_token": EOS,
        "pad_token": EOS,
    }
