"""A CLIP and annotated images in, a detector out: the run of ``trainer detect train``, in one process.

Shapes: B images, L patches, Q queries, U texts, E embedding.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from schemas.manifest import write_manifest
from schemas.run_options import identity_options
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from trainer.detect.data.annotations import Annotations, read_annotations
from trainer.detect.data.batches import Batches, DetectionBatch
from trainer.detect.data.examples import View
from trainer.detect.data.templates import find_templates
from trainer.detect.loss.detection_loss import Losses, detection_loss
from trainer.detect.model.detector import Detector, make_detector
from trainer.detect.model.detector_files import (
    detector_tensors,
    read_detector_checkpoint,
    write_detector,
)
from trainer.detect.train_config import DetectTrainConfig
from trainer.model.clip import CLIP
from trainer.optim.adamw import make_optimizer, set_learning_rate
from trainer.optim.gradients import apply_gradients
from trainer.optim.schedule import learning_rate
from trainer.options.optim import OptimOptions
from trainer.presets import Recipe
from trainer.saving.checkpoint import write_checkpoint
from trainer.saving.checkpoint_folders import find_checkpoints
from trainer.saving.train_state import TrainState
from trainer.saving.written_files import FINAL
from trainer.step.precision import autocast_dtype
from trainer.telling.csv_table import CsvTable
from trainer.telling.metrics import METRICS_FILE
from trainer.tokenizer import CaptionTokenizer
from trainer.use.frozen_clip import FrozenCLIP
from trainer.use.load import find_device, load

_COLUMNS = ("step", "images", "loss", "classes", "distance", "overlap", "gradient_norm", "learning_rate", "skipped")
_KEEP = 2
"""Checkpoints that stay."""
MAX_SKIPPED_STEPS = 20
"""In a row, whose gradients are not finite: the run ends."""


def train(config: DetectTrainConfig) -> None:
    """Run the training, or go on with it. Raises OSError or ValueError in one line for what is wrong with an option."""
    torch.set_num_threads(config.threads)
    templates = find_templates(config.templates)
    annotations = read_annotations(config.annotations, config.images)
    clip, _, tokenizer = load(
        config.checkpoint, device="cpu", precision="float32", model=config.model, option="--checkpoint"
    )
    folder = Folder(config.output)
    record = _run_record(config, templates, annotations, clip)
    if not start_run(folder, record):
        print(f"{folder.url} is finished already: nothing to do")
        return
    print(annotations.told())
    _Training(config, templates, annotations, clip, tokenizer, folder, record.identity).run()


def _run_record(
    config: DetectTrainConfig, templates: list[str], annotations: Annotations, clip: FrozenCLIP
) -> RunRecord:
    """Return what decides the detector: options, model, annotations, the files of the images by size."""
    listed = [[name, (Path(config.images) / name).stat().st_size] for name in annotations.files]
    hashes = {"model": clip.fingerprint} | {
        name: hashlib.sha256(data).hexdigest()
        for name, data in (
            ("annotations", Path(config.annotations).read_bytes()),
            ("images", json.dumps(listed).encode()),
        )
    }
    return RunRecord(
        command="trainer detect train",
        config=identity_options(config) | {"templates": templates},
        inputs=[{"name": name, "sha256": found} for name, found in hashes.items()],
        paths={name: getattr(config, name) for name in ("checkpoint", "annotations", "images")},
    )


class _Training:
    """One run."""

    def __init__(
        self,
        config: DetectTrainConfig,
        templates: list[str],
        annotations: Annotations,
        clip: CLIP,
        tokenizer: CaptionTokenizer,
        folder: Folder,
        identity: str,
    ) -> None:
        self._config, self._folder, self._identity, self._tokenizer = config, folder, identity, tokenizer
        self._device = find_device(config.device)
        self._autocast = autocast_dtype(config.precision, self._device)
        torch.manual_seed(config.seed)
        self._detector = make_detector(clip, config.image_px or clip.config.image.image_px).to(self._device).train()
        for unused in (self._detector.logit_scale, self._detector.logit_bias, self._detector.image_encoder.proj):
            if isinstance(unused, torch.nn.Parameter):
                unused.requires_grad_(False)
        recipe = Recipe(learning_rate=config.learning_rate, beta2=0.999, eps=1e-8, weight_decay=config.weight_decay)
        rates = OptimOptions(
            image_learning_rate=config.image_learning_rate, text_learning_rate=config.text_learning_rate
        )
        self._optimizer = make_optimizer(self._detector, recipe, rates)
        view = View(
            image_px=self._detector.config.image.image_px,
            num_negatives=config.num_negatives,
            least_part=config.least_part,
            mirrors=config.mirror,
            most_objects=len(self._detector.box_head.bias_L4),
        )
        self._batches = Batches(
            annotations, config.images, view, templates, batch_size=config.batch_size, seed=config.seed
        )
        self._steps = max(1, round(config.epochs * len(annotations.files) / config.batch_size))
        self._num_images = len(annotations.files)
        self._faults: Counter[str] = Counter()
        self._skipped = torch.zeros(2, device=self._device)
        """Skipped steps in all, and in a row."""

    def run(self) -> None:
        """Train from the latest checkpoint on, and write the detector."""
        config, first = self._config, self._resume()
        if first:
            print(f"goes on after step {first} of {self._steps}")
        table = CsvTable(self._folder, METRICS_FILE, _COLUMNS, first)
        began, last = time.monotonic(), first
        for step, batch in enumerate(self._batches.iterate(first, self._steps, config.threads), first + 1):
            losses, norm, rate = self._step(step, batch)
            if step % config.log_every_steps == 0 or step == self._steps:
                row = self._row(step, losses, norm, rate)
                table.add([row])
                speed = (step - last) * config.batch_size / max(1e-9, time.monotonic() - began)
                print(_line(row, self._steps, speed), flush=True)
                began, last = time.monotonic(), step
            if step % config.checkpoint_every_steps == 0 and step < self._steps:
                self._save(step)
        table.close()
        self._finish(step=self._steps)

    def _resume(self) -> int:
        steps = find_checkpoints(self._folder)
        if not steps:
            return 0
        state = read_detector_checkpoint(self._folder, steps[-1], self._detector, self._optimizer, self._identity)
        self._skipped[0] = state.skipped
        return state.step

    def _step(self, step: int, batch: DetectionBatch) -> tuple[Losses, torch.Tensor, float]:
        config, device = self._config, self._device
        rate = learning_rate(
            step * config.batch_size,
            peak=config.learning_rate,
            warmup_samples=min(config.warmup_steps, self._steps // 10) * config.batch_size,
            total_samples=self._steps * config.batch_size,
        )
        set_learning_rate(self._optimizer, rate)
        self._faults.update(batch.faults)
        self._optimizer.zero_grad(set_to_none=True)
        losses = batch_losses(self._detector, self._tokenizer, batch, device, self._autocast)
        losses.total.backward()
        applied = apply_gradients(self._optimizer, max_norm=config.clip_gradient_norm)
        self._skipped[0] += applied.skipped
        self._skipped[1] = (self._skipped[1] + 1) * applied.skipped
        return losses, applied.norm, rate

    def _row(self, step: int, losses: Losses, norm: torch.Tensor, rate: float) -> dict[str, Any]:
        skipped, in_a_row = map(int, self._skipped.tolist())
        if in_a_row >= MAX_SKIPPED_STEPS:
            raise ValueError(
                f"the gradients of {in_a_row} steps in a row, up to step {step}, are not finite; give a lower "
                "--learning-rate"
            )
        parts = {name: float(getattr(losses, name).detach()) for name in ("classes", "distance", "overlap")}
        return {
            "step": step, "images": step * self._config.batch_size, "loss": sum(parts.values()), **parts,
            "gradient_norm": float(norm), "learning_rate": rate, "skipped": skipped,
        }  # fmt: skip

    def _save(self, step: int) -> None:
        state = TrainState(step=step, samples=step * self._config.batch_size, replaced=0, skipped=int(self._skipped[0]))
        tensors = detector_tensors(self._detector, self._optimizer)
        write_checkpoint(
            self._folder, tensors, self._detector.config, self._tokenizer, state, self._identity, keep=_KEEP
        )

    def _finish(self, step: int) -> None:
        records = write_detector(self._folder, FINAL, self._detector, self._tokenizer)
        summary = {
            "steps": step,
            "images_seen": step * self._config.batch_size,
            "parameters": sum(parameter.numel() for parameter in self._detector.parameters()),
        }
        write_manifest(
            self._folder, "checkpoint", records, rows=self._num_images, identity=self._identity, summary=summary
        )
        told = ", ".join(f"{number:,} {reason}" for reason, number in sorted(self._faults.items()) if number)
        left_out = f" (left out, each time that they came: {told})" if told else ""
        print(f"{step:,} steps{left_out}: {self._folder.url}/{FINAL}")


def batch_losses(
    detector: Detector,
    tokenizer: CaptionTokenizer,
    batch: DetectionBatch,
    device: torch.device,
    autocast: torch.dtype | None = None,
) -> Losses:
    """Return the losses of a batch, whose gradients reach both encoders and the heads."""
    with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
        objects = detector.find_objects(batch.images_B3PP.to(device))
        texts_UE = _embed(detector, tokenizer, batch.prompts, device)
    queries_BQE = texts_UE[batch.places_BQ.to(device)]
    return detection_loss(
        objects.logits(queries_BQE),
        objects.boxes_NL4,
        batch.asked_BQ.to(device),
        [labels.to(device) for labels in batch.labels],
        [targets.to(device) for targets in batch.targets],
    )


def _embed(detector: Detector, tokenizer: CaptionTokenizer, texts: list[str], device: torch.device) -> torch.Tensor:
    if not texts:  # images of which nothing can be asked
        return torch.zeros(1, detector.config.embed_dim, device=device)
    return detector.encode_texts(tokenizer.encode(texts).to(device))


def _line(row: Mapping[str, Any], steps: int, speed: float) -> str:
    return (
        f"step {row['step']:,}/{steps:,}  loss {row['loss']:.3f} (classes {row['classes']:.3f}, "
        f"distance {row['distance']:.3f}, overlap {row['overlap']:.3f})  {speed:.0f} images/s"
    )
