"""The end of a run: the trained model, its speeds, and last the manifest over what is deterministic."""

from typing import Any

from schemas.manifest import write_manifest
from schemas.storage import FileRecord
from trainer.assembly import Run
from trainer.saving.checkpoint import write_model
from trainer.saving.written_files import FINAL, FINAL_EMA
from trainer.telling.metrics import TRAINING_FILE


def write_final_model(run: Run, last_row: dict[str, Any] | None, samples: int, seconds: float) -> None:
    """Write model, speeds, manifest (no clocks in it), by the first worker; of a sharded model all workers call it.

    `samples` and `seconds` are those of this invocation, `last_row` the latest of the metrics.
    """
    is_first = run.world.first
    try:
        records = _write_models(run)
    except OSError:
        if is_first:  # the disk may be full of them
            for name in (FINAL, FINAL_EMA):
                run.folder.delete(name)
        raise
    if not is_first:
        return
    if last_row is not None and samples:
        told = {name: last_row[name] for name in ("step", "samples", "loss", "logit_scale", "replaced", "skipped")}
        told |= {"num_samples": run.data.num_samples, "num_workers": run.world.size, "seconds": seconds}
        told |= {"samples_per_s": samples / seconds, "samples_per_s_per_worker": samples / seconds / run.world.size}
        run.folder.write_json(TRAINING_FILE, told)
    summary: dict[str, Any] = {
        "steps": run.plan.total_steps,
        "samples_seen": run.plan.total_samples,
        "parameters": sum(parameter.numel() for parameter in run.model.parameters()),
    }
    if run.config.cap is not None:
        places = run.data.mixture.places_before(run.plan.total_samples)
        orders = run.data.mixture.orders
        summary["balance"] = {
            "cap": run.config.cap,
            "expected": [order.epoch_samples for order in orders],
            "drawn": [order.epoch_sizes(place) for order, place in zip(orders, places, strict=True)],
        }
    write_manifest(run.folder, "checkpoint", records, rows=run.data.num_samples, identity=run.identity, summary=summary)


def _write_models(run: Run) -> list[FileRecord]:
    is_first = run.world.first
    records = write_model(run.folder, FINAL, run.model, run.tokenizer, is_first=is_first)
    if run.ema is not None:
        with run.ema.applied_to(run.model):
            records += write_model(run.folder, FINAL_EMA, run.model, run.tokenizer, is_first=is_first)
    return records
