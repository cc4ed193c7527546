"""Which way an embedding starts: in this process, or by Ray. Imports nothing that is slow before it is known."""

from typing import Any

from trainer.embed.config import EmbedConfig
from trainer.workers.environment import prepare_environment


def start(config: EmbedConfig) -> dict[str, Any]:
    """Embed the way that `--num-workers` says; return the summary."""
    if not config.num_workers:
        from trainer.embed.job import embed

        return embed(config)
    prepare_environment()
    from trainer.embed.by_ray import embed_by_ray

    return embed_by_ray(config)
