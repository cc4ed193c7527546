"""The training loop: shards in, checkpoints and a trained model out. The same under Ray, torchrun, one process."""

import math
from contextlib import closing

import torch

from schemas.manifest import write_manifest
from trainer.assembly import Run, assemble
from trainer.checkpoint import TrainState, write_checkpoint, write_model
from trainer.config import TrainConfig
from trainer.data.data_set import DataSet
from trainer.distributed import World, local_rows
from trainer.interruption import Interruption, NoInterruption, Notice
from trainer.metrics import TRAINING_FILE, Metrics, MetricsTable
from trainer.optim.schedule import learning_rate
from trainer.pulse import NoPulse, Pulse
from trainer.reporter import Reporter
from trainer.stalls import WAITS
from trainer.step import train_step
from trainer.stopwatch import Stopwatch
from trainer.written_files import FINAL

WRITE_METRICS_EVERY_S = 10.0


def train(
    config: TrainConfig,
    world: World,
    reporter: Reporter,
    pulse: Pulse | None = None,
    interruption: Interruption | None = None,
) -> Metrics | None:
    """Train, or go on training, until the plan is done; return the last metrics (None when no step was left).

    Every worker calls it with the same config. The order of samples, and the learning rate of each, depend on
    the config and the shards only.
    """
    run = assemble(config, world, reporter)
    reporter.start(
        done_samples=run.state.samples,
        total_samples=run.plan.total_samples,
        title=f"{config.model} on {run.data.num_samples:,} samples ({_left_out(run.data)}), {_balance(run)}"
        f"{run.tokenizer.vocab_size:,} tokens, {world.size} worker{'s'[: world.size != 1]}, steps {run.state.step} "
        f"to {run.plan.total_steps} of {run.plan.global_batch_size} samples each",
    )
    if run.cache_room is not None:
        reporter.message(f"reading over the network: {run.cache_room}")
    with closing(run.loader):
        metrics = _take_steps(run, reporter, pulse or NoPulse(), interruption or NoInterruption())
    world.barrier()
    return metrics


def _left_out(data: DataSet) -> str:
    told = f"{sum(source.left_out for source in data.sources)} without a usable image"
    passed_over = sum(source.passed_over for source in data.sources)
    told += f", {passed_over} members passed over" if passed_over else ""
    examples = [source.example for source in data.sources if source.example]
    return told + (f", such as {examples[0]}" if examples else "")


def _balance(run: Run) -> str:
    """Return what is told of online balancing before the first step."""
    if run.config.cap is None:
        return ""
    return f"{run.data.epoch_samples:,} of them expected an epoch by online balancing, cap {run.config.cap:,}, "


def _take_steps(run: Run, reporter: Reporter, pulse: Pulse, interruption: Interruption) -> Metrics | None:
    config, world, plan = run.config, run.world, run.plan
    batch_size = plan.global_batch_size
    start_row, stop_row = local_rows(batch_size, world.rank, world.size)
    first_step, last_step = run.state.step, plan.total_steps
    if config.stop_after_steps is not None:
        last_step = min(last_step, first_step + config.stop_after_steps)
    autocast = config.precision == "bfloat16" or (config.precision == "auto" and world.device.type == "cuda")
    table = MetricsTable(run.folder, first_step)
    watch = Stopwatch()
    losses = torch.zeros((), device=world.device)
    replaced = 0
    metrics: Metrics | None = None
    run.model.train()
    steps = range(first_step, last_step)
    with closing(run.loader.batches(steps, batch_size, start_row, stop_row)) as batches:
        for step in range(first_step + 1, last_step + 1):
            pulse.at(step - 1, "waits for data")
            watch.wait()
            batch = next(batches)
            watch.go_on()
            pulse.at(step - 1, WAITS)
            samples = step * batch_size
            rate = learning_rate(
                samples,
                peak=config.recipe.learning_rate,
                warmup_samples=plan.warmup_samples,
                total_samples=plan.total_samples,
            )
            losses += train_step(
                run.wrapped, run.model, run.optimizer, batch, world,
                global_batch_size=batch_size, learning_rate=rate, autocast=autocast,
            )  # fmt: skip
            watch.steps += 1
            replaced += batch.replaced
            notice = Notice.NONE
            if step % config.log_every_steps == 0:
                notice = interruption.asked()
            if notice is Notice.STOP:
                last_step = step
            saves = notice is not Notice.NONE or step % config.checkpoint_every_steps == 0 or step == last_step
            if step % config.log_every_steps == 0 or saves:  # a resumed run begins a row where this one did
                metrics = Metrics(
                    step=step,
                    epoch=samples / plan.num_samples,
                    samples=samples,
                    loss=world.mean(losses / watch.steps),
                    logit_scale=float(run.model.logit_scale.detach().exp()),
                    learning_rate=rate,
                    samples_per_s=watch.steps_per_s * batch_size,
                    data_wait_share=watch.wait_share,
                    replaced=run.state.replaced + world.sum(replaced),
                )
                if not math.isfinite(metrics.loss):
                    raise ValueError(f"the loss is {metrics.loss} at step {step}; a lower --learning-rate may help")
                reporter.progress(metrics)
                table.add(metrics)
                if world.first and table.age_s > WRITE_METRICS_EVERY_S:
                    table.write()
                losses.zero_()
                watch.lap()
            if saves:
                pulse.at(step, "writes a checkpoint" if world.first else WAITS)
                state = TrainState(step=step, samples=samples, replaced=run.state.replaced + world.sum(replaced))
                if world.first:
                    table.write()
                    write_checkpoint(
                        run.folder, run.model, run.optimizer, run.tokenizer, state, run.identity,
                        config.keep_checkpoints,
                    )  # fmt: skip
                world.barrier()
            if notice is Notice.STOP:
                break
    if world.first and last_step == plan.total_steps:
        _finish(run, table, (last_step - first_step) * batch_size, watch.total_s)
    return metrics


def _finish(run: Run, table: MetricsTable, samples: int, seconds: float) -> None:
    """Write the final model, the speeds, and last the manifest over what is deterministic (no clocks in it).

    `samples` and `seconds` are those of this invocation.
    """
    records = write_model(run.folder, FINAL, run.model, run.tokenizer)
    last = table.last()
    if last is not None and samples:
        told = {name: last[name] for name in ("step", "samples", "loss", "logit_scale", "replaced")}
        told |= {"num_samples": run.data.num_samples, "num_workers": run.world.size, "seconds": seconds}
        told |= {"samples_per_s": samples / seconds, "samples_per_s_per_worker": samples / seconds / run.world.size}
        if run.config.cap is not None:
            places = run.data.mixture.places_before(run.plan.total_samples)
            orders = run.data.mixture.orders
            told["balance"] = {
                "cap": run.config.cap,
                "expected": [order.epoch_samples for order in orders],
                "drawn": [order.epoch_sizes(place) for order, place in zip(orders, places, strict=True)],
            }
        run.folder.write_json(TRAINING_FILE, told)
    summary = {
        "steps": run.plan.total_steps,
        "samples_seen": run.plan.total_samples,
        "parameters": sum(parameter.numel() for parameter in run.model.parameters()),
    }
    write_manifest(run.folder, "checkpoint", records, rows=run.data.num_samples, identity=run.identity, summary=summary)
