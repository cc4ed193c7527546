"""The options of ``trainer import``. Imports nothing that is slow."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import OptionGroup
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class ImportConfig(OptionGroup):
    """Make weights of transformers, open_clip or OpenAI a model of this project, with its tokenizer.

    Other commands take such weights as they lie; imported they are one folder, in one form, checked before each use. No
    code in a file is ever run.
    """

    source: NotIdentity[Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]]
    """A folder of transformers (config.json) or open_clip (open_clip_config.json), or a file of tensors (safetensors;
    .pt, .bin without code), by path or URL."""
    output: NotIdentity[Annotated[str, tyro.conf.arg(metavar="DIR")]]
    """Where the model goes; every --checkpoint and --init-from takes this folder."""
    model: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="NAME|FILE.json")]] = None
    """For a file of tensors alone: a preset or a file that tells their geometry. OpenAI's need none."""
    tokenizer: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="openai|PATH")]] = None
    """OpenAI's vocabulary, a folder (vocab.json and merges.txt, tokenizer.json) or a file
    (bpe_simple_vocab_16e6.txt.gz). By default the one beside the weights, else OpenAI's where they have its 49,408
    tokens."""
