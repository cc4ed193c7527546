"""What a finished run prints: figures of training.json, and where things lie."""

from pathlib import Path

from schemas.run_record import MANIFEST_FILE
from schemas.storage import Folder
from trainer.telling.metrics import TRAINING_FILE
from trainer.telling.summary import summary

TOLD = {
    "step": 1200, "samples": 9600, "seconds": 20.4, "samples_per_s": 470.6, "samples_per_s_per_worker": 235.3,
    "loss": 1.2345, "logit_scale": 14.26, "replaced": 2,
}  # fmt: skip


def test_figures_and_places(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    folder.write_json(TRAINING_FILE, TOLD)
    assert summary(folder) is None, "no manifest: not finished"
    folder.write_json(MANIFEST_FILE, {"summary": {}})
    told = summary(folder)
    assert told == (
        "1,200 steps, 9,600 samples in 20 s: 471 samples/s (235 per worker), loss 1.234, logit scale 14.3, 2 samples "
        f"replaced\nmodel {tmp_path}/final, curves {tmp_path}/metrics.csv, checkpoints {tmp_path}/checkpoints"
    )


def test_the_sizes_of_drawn_epochs(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    balance = {"cap": 2000, "expected": [900, 90], "drawn": [[880, 910], []]}
    folder.write_json(TRAINING_FILE, TOLD)
    folder.write_json(MANIFEST_FILE, {"summary": {"balance": balance}})
    line = str(summary(folder)).splitlines()[1]
    assert line == "online balancing with cap 2,000: 990 samples expected an epoch, 880 to 910 in 2 epochs"
