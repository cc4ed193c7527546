"""The training loop: shards in, checkpoints and a trained model out. The same under Ray, torchrun, one process."""

import math
import time
from collections import deque
from contextlib import ExitStack, closing

import torch
from torch.profiler import record_function

from trainer.assembly import Run, assemble
from trainer.config import TrainConfig
from trainer.data.batch import Batch
from trainer.evaluate.evaluator import Evaluator
from trainer.model.flops import StepFlops, peak_flops, utilization
from trainer.optim.schedule import find_cooldown, learning_rate
from trainer.options.telling import profiled_steps
from trainer.record.claim import Claim
from trainer.record.reached import find_expected_loss
from trainer.record.run_environment import write_environment
from trainer.record.run_title import run_remarks, run_title
from trainer.saving.background import Background
from trainer.saving.final_model import write_final_model
from trainer.saving.saver import Saver
from trainer.saving.train_state import Best, TrainState
from trainer.saving.trained import Trained
from trainer.saving.write_failure import telling_write_failures
from trainer.step.device_batches import device_batches
from trainer.step.garbage import steady_collections
from trainer.step.precision import autocast_dtype
from trainer.step.sharding import is_sharded
from trainer.step.step import train_step
from trainer.step.update import Updater
from trainer.telling.metrics import Metrics
from trainer.telling.profiling import StepProfiler
from trainer.telling.reporter import Reporter
from trainer.telling.stopwatch import Lap, Stopwatch
from trainer.telling.tally import Row, Tally
from trainer.telling.teller import Teller
from trainer.workers.distributed import World
from trainer.workers.interruption import Interruption, NoInterruption, Notice
from trainer.workers.looks import Looks
from trainer.workers.pulse import NoPulse, Pulse
from trainer.workers.stalls import WAITS


class RunStopped(ValueError):
    """The run went wrong by itself and was saved; starting its workers again would only go on with it."""


def train(
    config: TrainConfig,
    world: World,
    reporter: Reporter,
    pulse: Pulse | None = None,
    interruption: Interruption | None = None,
    claim: Claim | None = None,
) -> Metrics | None:
    """Train, or go on training, until the plan is done; return the last metrics (None when no step was left).

    Every worker calls it with the same config, and with the claim of its output where one was made. The order of
    samples, and the learning rate of each, depend on the config and the shards only.
    """
    run = assemble(config, world, reporter, claim)
    reporter.start(
        done_samples=run.state.samples,
        total_samples=run.plan.total_samples,
        title=run_title(run),
    )
    for line in run_remarks(run):
        reporter.message(line)
    trained = Trained(run.model, run.optimizer, run.ema)
    with closing(run.loader), telling_write_failures(run.folder, trained):
        write_environment(run.folder, config, world, run.state.step)
        training = _Training(run, reporter, pulse or NoPulse(), interruption or NoInterruption())
        training.go_on()
    world.barrier()
    if training.metrics is not None and training.metrics.step < run.plan.total_steps:
        reporter.message(
            f"saved after step {training.metrics.step} of {run.plan.total_steps}; the same command goes on"
        )
    return training.metrics


class _Training:
    """The steps of one invocation, on one worker."""

    def __init__(self, run: Run, reporter: Reporter, pulse: Pulse, interruption: Interruption) -> None:
        self._run = run
        self._pulse = pulse
        self._interruption = interruption
        self._looks = Looks()
        self._stopped = False
        self._background = Background("writer")
        self._teller = Teller(run, reporter, self._background)
        self._saver = Saver(run, self._background, self._teller.flush)
        self._updater = Updater(
            run.model, run.optimizer, max_norm=run.config.clip_gradient_norm, scaler=run.scaler, ema=run.ema,
            before=self._saver.copied,
        )  # fmt: skip
        self._tally = Tally(run.world)
        self._watch = Stopwatch()
        self._rows: deque[tuple[int, Lap, Row]] = deque()
        """Rows that are closed and not read: at most one while the steps go on."""
        self._saved_s = time.monotonic()
        self._save_is_due = False
        """By the first worker's clock; all learn it from the same row."""
        self._replaced, self._total_replaced, self._total_skipped = 0, run.state.replaced, run.state.skipped
        self._autocast = autocast_dtype(run.config.precision, run.world.device)
        self._step_flops, self._flops = StepFlops(run.model.config), 0
        self._peak_flops = peak_flops(run.world.device) if self._autocast else None
        self._cooldown_samples = find_cooldown(
            run.config, num_samples=run.plan.num_samples, total_samples=run.plan.total_samples
        )
        self._evaluator = Evaluator(run.config, run.folder, run.world)
        self._best = run.state.best if run.state.best and run.state.best.measure == run.config.keep_best else None
        self._expected = find_expected_loss(run.config, run.plan)
        self._told_step = run.state.step
        steps = profiled_steps(run.config.profile) if run.config.profile is not None else range(0)
        self._profiler = StepProfiler(run.folder, run.world.rank, steps)
        self._fault: str | None = None
        """Why the run is to stop, saved."""
        self.metrics: Metrics | None = None

    def go_on(self) -> None:
        """Take the steps that are left, or as many as are asked for."""
        run = self._run
        first, last = run.state.step, run.plan.total_steps
        if run.config.stop_after_steps is not None:
            last = min(last, first + run.config.stop_after_steps)
        rows = run.world.rows(run.plan.global_batch_size)
        run.model.train()
        with ExitStack() as stack:
            stack.enter_context(closing(self._teller))
            stack.enter_context(self._background)
            loaded = stack.enter_context(
                closing(run.loader.batches(range(first, last), run.plan.global_batch_size, *rows))
            )
            batches = stack.enter_context(closing(device_batches(loaded, run.world.device)))
            collections = stack.enter_context(steady_collections())
            profiler = stack.enter_context(closing(self._profiler))
            for step in range(first + 1, last + 1):
                self._background.check()
                self._pulse.at(step - 1, "waits for data")
                profiler.before(step)
                with record_function("data"), self._watch.waiting():
                    batch = next(batches)
                self._pulse.at(step - 1, WAITS)
                self._step(step, batch)
                self._end_step(step, is_last=step == last)
                if self._stopped:
                    break
                collections.after(step)
                profiler.after(step)
        is_writer = run.world.first or is_sharded(run.model)
        if is_writer and last == run.plan.total_steps and not self._stopped:
            write_final_model(
                run, self._teller.last(), (last - first) * run.plan.global_batch_size, self._watch.total_s
            )

    def _step(self, step: int, batch: Batch) -> None:
        run = self._run
        loss, applied = train_step(
            run.wrapped, self._updater, batch, run.world, step=step, global_batch_size=run.plan.global_batch_size,
            learning_rate=self._rate(step), autocast=self._autocast, micro_batch=run.rows_at_once.micro_batch,
        )  # fmt: skip
        self._tally.add(loss, applied)
        self._replaced += batch.replaced
        self._flops += self._step_flops.of(batch.texts.lengths)
        self._watch.steps += 1

    def _rate(self, step: int) -> float:
        return learning_rate(
            step * self._run.plan.global_batch_size,
            peak=self._run.config.recipe.learning_rate,
            warmup_samples=self._run.plan.warmup_samples,
            total_samples=self._run.plan.total_samples,
            schedule=self._run.config.schedule,
            cooldown_samples=self._cooldown_samples,
            final=self._run.config.final_learning_rate,
        )

    def _end_step(self, step: int, *, is_last: bool) -> None:
        config = self._run.config
        ends_row = step % config.log_every_steps == 0
        notice = self._interruption.asked() if ends_row or self._looks.is_due(step) else Notice.NONE
        saves = is_last or notice is not Notice.NONE or step % config.checkpoint_every_steps == 0
        evaluates = self._evaluator.is_due(step, is_last=is_last)
        if not saves and not evaluates and not ends_row:
            return
        with record_function("metrics"):
            self._close_row(step)
            self._read_rows(leave=0 if saves or evaluates else 1)
        if evaluates and self._is_best(step, self._evaluate(step)):
            saves = True
        if saves or self._save_is_due or self._fault:
            self._pulse.at(step, "saves" if self._run.world.first or is_sharded(self._run.model) else WAITS)
            with record_function("save"):
                self._read_rows(leave=0)
                self._save(step)
        if notice is not Notice.NONE:
            self._background.wait()  # until it is written: this machine may be gone soon
            self._stopped = notice is Notice.STOP and not is_last
        if self._fault:
            self._background.wait()
            self._run.world.barrier()  # until the first worker has saved
            raise RunStopped(self._fault)

    def _close_row(self, step: int) -> None:
        """End a row of metrics; a resumed run begins one where this one was saved."""
        every = self._run.config.checkpoint_every_minutes
        is_due = every is not None and time.monotonic() - self._saved_s >= 60 * every
        lap = self._watch.lap()
        row = self._tally.close(
            sums={
                "replaced": self._replaced,
                "flops": self._flops,
                "save_is_due": self._run.world.first and is_due,
                "step_s": 1 / lap.steps_per_s / self._run.world.size,
            },
            same={"logit_scale": self._run.model.logit_scale.exp()},
        )
        self._replaced, self._flops = 0, 0
        self._rows.append((step, lap, row))

    def _read_rows(self, *, leave: int) -> None:
        """Tell the rows that are closed but for the last `leave` ones, for which the device may still be at work."""
        while len(self._rows) > leave:
            self._read_row(*self._rows.popleft())

    def _read_row(self, step: int, lap: Lap, row: Row) -> None:
        run = self._run
        found = row.read()
        self._total_replaced += round(found["replaced"])
        self._total_skipped += round(found["skipped"])
        self._looks.learn(found["step_s"])
        self._save_is_due = self._save_is_due or found["save_is_due"] > 0
        samples = step * run.plan.global_batch_size
        self.metrics = Metrics(
            step=step,
            epoch=samples / run.plan.num_samples,
            samples=samples,
            loss=found["loss"],
            logit_scale=found["logit_scale"],
            learning_rate=self._rate(step),
            samples_per_s=lap.steps_per_s * run.plan.global_batch_size,
            data_wait_share=lap.wait_share,
            replaced=self._total_replaced,
            gradient_norm=found["norm"],
            skipped=self._total_skipped,
            mfu=utilization(found["flops"], lap.seconds * run.world.size, self._peak_flops),
            memory_gb=self._memory_gb(),
        )
        self._teller.row(self.metrics)
        if not (math.isnan(self.metrics.loss) and found["skipped"]):  # a row of steps that were left out has no loss
            if self._expected is not None:
                self._fault = self._fault or self._expected.fault(self._told_step, step, self.metrics.loss)
            self._told_step = step
        if found["in_a_row"] >= run.config.max_skipped_steps:
            self._fault = self._fault or (
                f"{round(found['in_a_row'])} steps in a row until step {step} had a gradient that is not finite; the "
                "weights from before them are saved: a lower --learning-rate, or --precision float32, in another "
                "--output may help"
            )

    def _evaluate(self, step: int) -> dict[str, float]:
        began_s = time.monotonic()
        self._pulse.at(step, "evaluates")
        measures = self._evaluator.measure(self._run.model, self._run.tokenizer)
        self._watch.leave_out(time.monotonic() - began_s)
        self._teller.evaluated(step, measures)
        return measures

    def _is_best(self, step: int, measures: dict[str, float]) -> bool:
        """Tell whether this is the best so far by `keep_best`, and remember it."""
        name = self._run.config.keep_best
        if name is None or (self._best is not None and measures[name] <= self._best.value):
            return False
        self._best = Best(step=step, measure=name, value=measures[name])
        return True

    def _memory_gb(self) -> float | None:
        device = self._run.world.device
        return torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else None

    def _save(self, step: int) -> None:
        state = TrainState(
            step=step,
            samples=step * self._run.plan.global_batch_size,
            replaced=self._total_replaced,
            skipped=self._total_skipped,
            best=self._best,
            loss_scale=self._run.scaler.state_dict() if self._run.scaler is not None else None,
        )
        self._saver.save(state)
        self._saved_s, self._save_is_due = time.monotonic(), False
