"""An index of the images of a folder or the samples of shards, made by the small model."""

from pathlib import Path

from tests.support.small_model import write_small_model
from trainer.embed.config import EmbedConfig
from trainer.embed.job import embed
from trainer.search.config import BuildIndexConfig
from trainer.search.index_files import build_index


def make_index(root: Path, name: str = "index", **embedded: object) -> str:
    """Embed what is named (``images=``, ``texts=``, ``shards=``), index it; return the index's path."""
    model = str(root / "model") if (root / "model").exists() else write_small_model(root)
    features = str(root / f"{name}_features")
    embed(EmbedConfig(checkpoint=model, output=features, threads=1, part_rows=7, **embedded))  # type: ignore[arg-type]
    build_index(BuildIndexConfig(features=features, output=str(root / name), threads=1))
    return str(root / name)
