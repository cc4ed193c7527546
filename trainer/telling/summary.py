"""What a finished run prints at its end."""

from schemas.json_object import JsonObject
from schemas.run_record import MANIFEST_FILE
from schemas.storage import Folder
from trainer.telling.metrics import TRAINING_FILE


def summary(folder: Folder) -> str | None:
    """Return steps, speeds, the last loss and where things lie; None where the run is not finished."""
    if not (folder.exists(MANIFEST_FILE) and folder.exists(TRAINING_FILE)):
        return None
    told = folder.read_json(TRAINING_FILE)
    return (
        f"{told['step']:,} steps, {told['samples']:,} samples in {told['seconds']:.0f} s: "
        f"{told['samples_per_s']:,.0f} samples/s ({told['samples_per_s_per_worker']:,.0f} per worker), "
        f"loss {told['loss']:.3f}, logit scale {told['logit_scale']:.1f}, {told['replaced']} samples replaced\n"
        f"{_drawn(folder.read_json(MANIFEST_FILE))}"
        f"model {folder.url}/final, curves {folder.url}/metrics.csv, checkpoints {folder.url}/checkpoints"
    )


def _drawn(manifest: JsonObject) -> str:
    """Return a line on the sizes of the epochs where samples were drawn for each."""
    told = manifest["summary"].get("balance")
    if told is None:
        return ""
    expected, drawn = sum(told["expected"]), told["drawn"]
    sources = "; ".join(f"{min(sizes):,} to {max(sizes):,} in {len(sizes)} epochs" for sizes in drawn if sizes)
    return f"online balancing with cap {told['cap']:,}: {expected:,} samples expected an epoch, {sources}\n"
