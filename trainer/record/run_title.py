"""What is told of a run before its first step, in a line."""

from trainer.assembly import Run
from trainer.data.data_set import DataSet


def run_title(run: Run) -> str:
    """Return the model, the samples and what is left out of them, tokens, workers, steps."""
    size = run.world.size
    return (
        f"{run.config.model_title} on {run.data.num_samples:,} samples ({_left_out(run.data)}), {_balance(run)}"
        f"{run.tokenizer.vocab_size:,} tokens, {size} worker{'s'[: size != 1]}, steps {run.state.step} "
        f"to {run.plan.total_steps} of {run.plan.global_batch_size} samples each"
    )


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


def run_remarks(run: Run) -> list[str]:
    """Return what else is to be known before the first step, a line each."""
    remarks = [run.plan.remark] if run.plan.remark is not None else []
    if run.cache_room is not None:
        remarks.append(f"reading over the network: {run.cache_room}")
    if run.rows_at_once.told is not None:
        remarks.append(f"memory of a worker's device: {run.rows_at_once.told}")
    return remarks
