"""Options: ranges, and presets' recipes."""

import re
from pathlib import Path
from typing import Any

import pytest

from trainer.__main__ import parse
from trainer.config import TrainConfig
from trainer.presets import PRESETS, Recipe


def make(**changes: Any) -> TrainConfig:
    return TrainConfig(**({"shards": ("s",), "output": "o"} | changes))


RETRIEVAL = {"evaluate_every_steps": 5, "evaluate_shards": "d"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "x"}, "model must be one of .*; found 'x'"),
        ({"shards": ()}, "shards must name at least one folder"),
        ({"num_workers": 0}, "num_workers must be at least 1, found 0"),
        ({"epochs": 0.0}, "epochs must be above 0 and finite, found 0.0"),
        ({"learning_rate": float("inf")}, "learning_rate must be above 0 and finite, found inf"),
        ({"weight_decay": -1.0}, "weight_decay must be at least 0, found -1.0"),
        ({"vocab_size": 100}, "vocab_size must be at least 514, found 100"),
        ({"num_workers": 8, "global_batch_size": 12}, "at least 2 per worker, found 12 for 8 workers"),
        ({"num_workers": (2, 8), "global_batch_size": 12}, "at least 2 per worker, found 12 for 8 workers"),
        ({"num_workers": 2, "launcher": "none"}, "with launcher none torchrun --nproc-per-node says how many, found 2"),
        ({"num_workers": (3, 2)}, "num_workers must be the least, then the most, found 3:2"),
        ({"checkpoint_every_steps": 0}, "checkpoint_every_steps must be at least 1, found 0"),
        ({"seed": -1}, "seed must be at least 0, found -1"),
        ({"micro_batch": 0}, "micro_batch must be auto or at least 1, found 0"),
        (
            {"model": "rn50", "micro_batch": 100},
            "must divide the global batch of 32,768, found 100; give --micro-batch 64",
        ),
        (
            {"model": "rn50", "global_batch_size": 512, "num_workers": 8},
            "at most 64, found 128; give --micro-batch 64,",
        ),
        ({"model": "rn50", "global_batch_size": 512, "num_workers": (4, 8)}, "of 8 workers .* at most 64, found 128"),
        ({"cap": 5}, "cap takes balance online, found 'none'"),
        (
            {"decode": "gpu", "device": "cpu"},
            "decode gpu takes a GPU: device cuda, or auto on a machine with one, found",
        ),
        ({"balance": "online"}, "balance online takes a cap, found none"),
        ({"image_px": 0}, "image_px must be at least 1, found 0"),
        ({"init_from": "a", "init_image_from": "b"}, "give init_from or init_image_from, not both"),
        ({"init_from": "a", "tokenizer": "train"}, "tokenizer train does not go with init_from"),
        ({"init_from": "a", "vocab_size": 600}, "vocab_size is of a tokenizer that is trained"),
        ({"tokenizer": "openai", "vocab_size": 600}, "vocab_size is of a tokenizer that is trained"),
        ({"lock_image": True}, "lock_image takes init_from or init_image_from: without, first weights would be kept"),
        ({"lock_text": True, "init_image_from": "a"}, "lock_text takes init_from: without, first weights would be"),
        (
            {"init_from": "a", "lock_image": True, "lock_text": True},
            "lock_image with lock_text leaves nothing to train",
        ),
        ({"keep_best": "zero_shot_top1"}, "keep_best takes evaluate_every_steps and what is measured, found none"),
        ({"lock_image_unlocked": 1}, "lock_image_unlocked takes lock_image, found 1 without it"),
        ({"lock_text": True, "lock_text_unlocked": -1}, "lock_text_unlocked must be at least 0, found -1"),
        ({"balance": "online", "cap": 0}, "cap must be at least 1, found 0"),
        ({"cooldown_samples": 5}, "cooldown_samples takes schedule constant-cooldown, found 'cosine'"),
        ({"schedule": "constant-cooldown", "cooldown_epochs": 0.0}, "cooldown_epochs must be above 0 and finite"),
        (
            {"schedule": "constant-cooldown", "cooldown_epochs": 1.0, "cooldown_samples": 5},
            "give cooldown_samples or cooldown_epochs, not both",
        ),
        ({"final_learning_rate": -1.0}, "final_learning_rate must be at least 0 and finite, found -1.0"),
        ({"schedule": "constant", "final_learning_rate": 1e-5}, "final_learning_rate takes schedule cosine or"),
        ({"image_learning_rate": 0.0}, "image_learning_rate must be above 0 and finite, found 0.0"),
        ({"layer_decay": 0.0}, "layer_decay must be above 0 and at most 1, found 0.0"),
        ({"layer_decay": 1.1}, "layer_decay must be above 0 and at most 1, found 1.1"),
        ({"clip_gradient_norm": 0.0}, "clip_gradient_norm must be above 0 and finite, found 0.0"),
        ({"ema_decay": 1.0}, "ema_decay must be between 0 and 1, found 1.0"),
        ({"profile": "10"}, "profile must be FIRST:LAST, two steps from 1 on, such as 10:12; found '10'"),
        ({"profile": "3:2"}, "found '3:2'"),
        ({"checkpoint_every_minutes": 0.0}, "checkpoint_every_minutes must be above 0, found 0.0"),
        ({"max_skipped_steps": 0}, "max_skipped_steps must be at least 1, found 0"),
        ({"evaluate_every_steps": 5}, "evaluate_every_steps takes evaluate_dataset or evaluate_shards, found neither"),
        ({"evaluate_shards": "d"}, "take evaluate_every_steps, found none"),
        (
            {"evaluate_every_steps": 5, "evaluate_dataset": "d", "evaluate_classes": "c"},
            "zero-shot takes .* together, found no evaluate_templates",
        ),
        (
            {"text_weights": "bfloat16", "precision": "float32"},
            "text_weights bfloat16 takes precision bfloat16, found 'float32'",
        ),
        (
            {"text_weights": "bfloat16", "device": "cpu"},
            "text_weights bfloat16 takes precision bfloat16, found 'auto', which is float32 on a CPU",
        ),
        ({"keep_best": "accuracy"} | RETRIEVAL, "keep_best must be one of image_to_text_r1, .*, found 'accuracy'"),
        ({"keep_best": "zero_shot_top1"} | RETRIEVAL, "keep_best must be one of image_to_text_r1, .*, found 'zero_sho"),
        ({"seed": 2**63}, "seed must be at most 9223372036854775807, found 9223372036854775808"),
        ({"stall_s": float("nan")}, "stall_s must be at least 0, found nan"),
        ({"collective_timeout_s": float("inf")}, "collective_timeout_s must be finite, found inf"),
        ({"image_px": 60, "model": "vit-tiny"}, "image_px of model 'vit-tiny' must be a multiple of 8, found 60; give"),
        (
            {"image_px": 100, "model": "rn50"},
            "image_px of model 'rn50' must be a multiple of 32, found 100; give",
        ),
        ({"model": "rn-tiny", "num_workers": 129}, "at least 2 per worker, found 256 for 129 workers"),
        ({"final_learning_rate": 1e-3}, "final_learning_rate must be at most learning_rate 0.0005, found 0.001"),
        (
            {"schedule": "constant-cooldown", "cooldown_samples": 5_001, "samples": 5_000},
            "cooldown_samples must be at most samples 5000, found 5001",
        ),
        (
            {"schedule": "constant-cooldown", "cooldown_epochs": 33.0},
            "cooldown_epochs must be at most the run's 32 epochs, found 33",
        ),
        ({"tuning": "unmasked"}, "tuning unmasked takes init_from, found none"),
        ({"expect_loss": "fine-tuning"}, "expect_loss fine-tuning takes init_from, found none"),
        (
            {"expect_loss": "locked-image", "init_from": "w"},
            "expect_loss locked-image takes init_image_from, found init",
        ),
        (
            {"expect_loss": "from-scratch", "init_from": "w"},
            "expect_loss from-scratch takes no given weights, found in",
        ),
        ({"expect_loss": "from-scratch", "loss": "sigmoid"}, "expect_loss from-scratch is of loss contrastive, found"),
        (
            {"init_from": "w", "lock_image": True, "image_learning_rate": 1e-5},
            "image_learning_rate is of an encoder that lock_image keeps, found 1e-05; leave it out",
        ),
        ({"patch_dropout": 1.0}, "patch_dropout must be at least 0 and below 1, found 1.0"),
        ({"patch_dropout": 0.5, "model": "rn50"}, "patch_dropout takes a vision transformer, found model 'rn50'"),
        ({"activation_gb": 1.0}, "activation_gb takes activation_checkpointing auto, found 'none'"),
        ({"activation_gb": 0.0, "activation_checkpointing": "auto"}, "activation_gb must be above 0 and finite"),
    ],
)
def test_bad_values_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_the_number_of_workers_may_be_known_later() -> None:
    rows_of_four = make(model="rn50", global_batch_size=512)
    rows_of_four.check_shares(4)
    with pytest.raises(ValueError, match=r"each of 8 workers .* expected at most 64, found 128; give --micro-batch 64"):
        rows_of_four.check_shares(8)
    with pytest.raises(ValueError, match=r"each of 3 workers .* expected at most 2, found 5; give --micro-batch 2,"):
        make(model="rn-tiny", global_batch_size=10, micro_batch=5).check_shares(3)
    even = make(model="vit-tiny", global_batch_size=5)
    even.check_shares(2)
    with pytest.raises(ValueError, match="global_batch_size must be at least 2 per worker, found 5 for 3 workers"):
        even.check_shares(3)


def test_more_groups_than_an_encoder_has_are_refused() -> None:
    config = make(init_from="w", lock_image=True, lock_text=True, lock_image_unlocked=15)
    vit, resnet = PRESETS["vit-b-32"].model, PRESETS["rn50"].model
    with pytest.raises(ValueError, match="lock_image_unlocked must be at most the encoder's 14 groups, found 15"):
        config.check_locks(vit)
    config.check_locks(resnet)
    with pytest.raises(ValueError, match="lock_text_unlocked must be at most the encoder's 14 groups, found 99"):
        make(init_from="w", lock_text=True, lock_text_unlocked=99).check_locks(vit)


def test_half_precision_text_weights_wait_for_the_device() -> None:
    assert make(text_weights="bfloat16").precision == "auto"
    assert make(text_weights="bfloat16", device="cuda").text_weights == "bfloat16"


def test_the_papers_recipe_is_the_default() -> None:
    assert make(model="vit-b-32").recipe == Recipe(learning_rate=5e-4, beta2=0.98, eps=1e-6)
    recipe = make(model="rn50x16").recipe
    assert (recipe.learning_rate, recipe.beta1, recipe.beta2, recipe.eps) == (4e-4, 0.9, 0.999, 1e-8)
    assert (recipe.global_batch_size, recipe.epochs, recipe.warmup_steps, recipe.weight_decay) == (32768, 32, 2000, 0.2)


def test_options_change_the_recipe() -> None:
    config = make(epochs=2.0, global_batch_size=64, weight_decay=0.0, vocab_size=600)
    assert (config.recipe.epochs, config.recipe.global_batch_size, config.recipe.weight_decay) == (2.0, 64, 0.0)
    assert config.model_config.text.vocab_size == 600
    assert make().model_config.text.vocab_size == 49_408


def test_rows_that_batchnorm_sees_are_of_the_recipe_and_of_no_other_model() -> None:
    assert make(model="rn50").recipe.batch_norm_rows == 128
    assert make(model="rn50x64").recipe.batch_norm_rows == 64
    assert make(model="rn50", micro_batch=32).recipe.batch_norm_rows == 32
    assert make(model="rn-tiny").recipe.batch_norm_rows is None
    assert make(model="vit-l-14", micro_batch=32).recipe.batch_norm_rows is None


def test_the_loss_is_of_the_model() -> None:
    assert make().model_config.loss == "contrastive"
    assert make(loss="sigmoid").model_config.loss == "sigmoid"


def test_the_readmes_commands_for_given_weights_are_parsed() -> None:
    readme = (Path(__file__).parents[3] / "trainer" / "README.md").read_text(encoding="utf-8")
    section = readme.split("### Other people's weights")[1].split("\n## ")[0]
    commands = re.findall(r"^    trainer (.+)$", section, re.MULTILINE) + re.findall(r"`trainer ([^`]+)`", section)
    assert len(commands) == 8
    for command in commands:
        words = command.split("#")[0].split()
        if words[0] == "train" and "--shards" not in words:
            words += ["--shards", "s", "--output", "o"]
        assert parse(words).output
