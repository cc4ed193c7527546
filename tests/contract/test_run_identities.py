"""What leaves the identity of a run: pinned, since another set of options is another identity of every folder."""

from dataclasses import fields
from typing import Any

import pytest

from pipeline.balance.config import BalanceConfig
from pipeline.collect.config import CollectConfig
from pipeline.download.config import DownloadConfig
from pipeline.listing.config import ListedDownloadConfig
from pipeline.run.config import RunConfig
from pipeline.similarity.config import FilterConfig
from querygen.config import BuildConfig, CountConfig, MergeConfig
from schemas.run_options import identity_options
from trainer.config import TrainConfig
from trainer.evaluate.labels.config import LabelsConfig
from trainer.evaluate.probe.config import FewShotConfig, ProbeConfig
from trainer.evaluate.prompting.config import PromptsConfig
from trainer.evaluate.robustness.config import RobustnessConfig
from trainer.video.config import VideoConfig

DUMP = {"dump": "a.xml", "output": "o"}
IN_AND_OUT = {"input": "i", "queries": "q", "output": "o"}

NAMES = {"classes": "c", "templates": "t"}

LEFT_OUT = [
    (
        BuildConfig(**DUMP),
        "cache_dir contact counts dump memory_gb num_processes output pageviews requests_per_s wiki_refresh "
        "wordnet_dir",
    ),
    (CountConfig(**DUMP), "dump memory_gb num_processes output"),
    (MergeConfig(inputs=("a",), output="o"), "inputs memory_gb num_processes output"),
    (
        CollectConfig(**IN_AND_OUT),
        "domain_block_lists force input max_rejected_fraction output paths_prefix queries uids url_block_lists "
        "word_block_lists",
    ),
    (BalanceConfig(candidates="c", output="o"), "candidates failed force output queries rank_key_file"),
    (
        DownloadConfig(selection="s", output="o"),
        "concurrency decontaminate image_root max_connections_per_host max_crawl_delay_s max_failed_fraction "
        "max_requests_per_host_s max_slow_requests num_decode_processes output policy_file preflight "
        "recheck recheck_heads_only recheck_sample recheck_seed retry_failed selection since user_agent",
    ),
    (
        ListedDownloadConfig(input="i", output="o"),
        "concurrency decontaminate force image_root input max_connections_per_host max_crawl_delay_s "
        "max_failed_fraction max_rejected_fraction max_requests_per_host_s max_slow_requests num_decode_processes "
        "output paths_prefix policy_file preflight recheck recheck_heads_only recheck_sample recheck_seed retry_failed "
        "selection since uids user_agent",
    ),
    (
        RunConfig(**IN_AND_OUT),
        "concurrency decontaminate domain_block_lists force image_root input max_connections_per_host "
        "max_crawl_delay_s max_failed_fraction max_rejected_fraction max_requests_per_host_s max_slow_requests "
        "num_decode_processes output paths_prefix policy_file queries rank_key_file uids url_block_lists "
        "user_agent word_block_lists",
    ),
    (FilterConfig(embeddings="f", output="o", min_similarity=0.3), "embeddings evaluation force output"),
    (ProbeConfig(train="a", test="b"), "batch_size checkpoint output test threads train validation"),
    (
        FewShotConfig(**NAMES, train="a", test="b"),
        "batch_size checkpoint classes output templates test threads train",
    ),
    (
        RobustnessConfig(**NAMES, reference="a", shifted=("b",)),
        "baseline batch_size checkpoint classes output reference shifted templates threads",
    ),
    (PromptsConfig(**NAMES, dataset="a"), "batch_size checkpoint classes dataset output templates threads"),
    (
        LabelsConfig(images="i", group="age", labels="l", added="a", templates="t"),
        "added batch_size checkpoint images labels output templates threads watched",
    ),
    (
        VideoConfig(asked=("a dog", "clip.mp4"), checkpoint="m"),
        "asked batch_size cache_dir checkpoint image json output text threads",
    ),
    (
        TrainConfig(shards=("s",), output="o"),
        "activation_checkpointing activation_gb cache_bytes cache_dir checkpoint_every_minutes checkpoint_every_steps "
        "collective_timeout_s compile cpus_per_worker "
        "decode_threads device evaluate_batch_size evaluate_classes evaluate_dataset evaluate_every_steps "
        "evaluate_samples evaluate_shards evaluate_templates expect_loss keep_best keep_checkpoints launcher "
        "loader_processes log_every_steps max_failures max_skipped_steps micro_batch num_workers output parallel "
        "profile read_ahead_bytes "
        "resize_every_s shards stall_s start_timeout_s stop_after_steps tensorboard tuning verify_checksums wandb",
    ),
]


@pytest.mark.parametrize(("config", "names"), LEFT_OUT, ids=lambda value: type(value).__name__.replace("str", "names"))
def test_options_that_are_no_part_of_the_identity(config: Any, names: str) -> None:
    options = identity_options(config)
    assert [field.name for field in sorted(fields(config), key=lambda f: f.name) if field.name not in options] == (
        names.split()
    )
    assert all(options[name] == getattr(config, name) for name in options)
