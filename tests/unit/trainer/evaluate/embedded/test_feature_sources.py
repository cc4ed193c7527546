"""Features of two models, of two widths, of an embed that was killed: each is refused in one line, before any work."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from tests.support.feature_folders import unit_rows, write_features
from tests.support.small_model import CLASSES, write_names, write_pictures, write_small_model
from trainer.evaluate.embedded.feature_files import is_feature_path, read_features
from trainer.evaluate.embedded.labelled_features import Reader
from trainer.evaluate.embedded.options import FeatureOptions
from trainer.evaluate.probe.config import FewShotConfig, ProbeConfig
from trainer.evaluate.probe.few_shot_curve import few_shot_curve
from trainer.evaluate.probe.linear_probe import linear_probe
from trainer.evaluate.prompting.config import PromptsConfig
from trainer.evaluate.prompting.prompts import measure_prompts
from trainer.evaluate.robustness.config import RobustnessConfig
from trainer.evaluate.robustness.robustness import robustness


def embedded(path: Path, *, width: int = 16, model: str = "a" * 64, seed: int = 0) -> str:
    """Write what `trainer embed` writes of pictures in a folder a class."""
    rows = unit_rows(np.random.default_rng(seed).standard_normal((8, width)))
    ids = [f"{CLASSES[row % len(CLASSES)].replace(' ', '_')}/{row}.png" for row in range(8)]
    return write_features(path, rows, ids=ids, part_rows=4, model=model)


def plain(path: Path, width: int, seed: int = 0) -> str:
    """Write Parquet of others: no manifest beside it."""
    values = np.random.default_rng(seed).standard_normal(8 * width).astype(np.float32)
    labels = [CLASSES[row % len(CLASSES)] for row in range(8)]
    pq.write_table(
        pa.table({"label": labels, "features": pa.FixedSizeListArray.from_arrays(pa.array(values), width)}), path
    )
    return str(path)


def killed(path: Path) -> str:
    """Write what is there of an embed that was killed after its first part of two."""
    embedded(path)
    for name in ("manifest.json", "features/00001.parquet"):
        (path / name).unlink()
    return str(path)


@pytest.mark.parametrize("inside", ["", "features", "features/00000.parquet"])
def test_features_of_two_models_are_refused_wherever_in_the_folder_they_are_taken(tmp_path: Path, inside: str) -> None:
    one, other = embedded(tmp_path / "one"), str(Path(embedded(tmp_path / "other", model="b" * 64, seed=1)) / inside)
    with pytest.raises(ValueError, match=r"--test: .*other.* by the model b{12}, --train: .*one has features of"):
        linear_probe(ProbeConfig(train=one, test=other, threads=1))
    with pytest.raises(ValueError, match="embed both with the same model"):  # below one folder
        Reader(FeatureOptions(threads=1), [("--train", str(tmp_path))])


def test_features_of_others_say_only_their_width(tmp_path: Path) -> None:
    made, wide = embedded(tmp_path / "made"), plain(tmp_path / "wide.parquet", 16, seed=1)
    Reader(FeatureOptions(threads=1), [("--train", made), ("--test", wide)])
    told = "--test: .*narrow.parquet has features of 8 numbers, --train: .*wide.parquet has features of 16 numbers"
    with pytest.raises(ValueError, match=told):
        linear_probe(ProbeConfig(train=wide, test=plain(tmp_path / "narrow.parquet", 8), threads=1))


def test_an_embed_that_was_killed_is_refused(tmp_path: Path) -> None:
    path = killed(tmp_path / "killed")
    told = f"--train: {re.escape(path)} is unfinished .*it resumes what is missing"
    for given in (path, f"{path}/features", f"{path}/features/00000.parquet"):
        with pytest.raises(ValueError, match=told):
            read_features(given, "--train")
    with pytest.raises(ValueError, match=told):
        linear_probe(ProbeConfig(train=path, test=embedded(tmp_path / "test", seed=1), threads=1))
    start_run(Folder(str(tmp_path / "begun")), RunRecord(command="trainer embed", config={}))
    assert is_feature_path(str(tmp_path / "begun"))
    with pytest.raises(ValueError, match=r"--train: .*begun is unfinished"):
        read_features(str(tmp_path / "begun"), "--train")


def test_files_that_are_not_as_they_were_written_are_refused(tmp_path: Path) -> None:
    path = embedded(tmp_path / "made")
    part = tmp_path / "made" / "features" / "00001.parquet"
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"--train: .*00001.parquet: found \d+ bytes, not the"):
        read_features(path, "--train")
    part.unlink()
    with pytest.raises(ValueError, match=r"--train: .*00001.parquet is gone"):
        read_features(path, "--train")
    assert len(read_features(f"{path}/features/00000.parquet", "--train")[1]) == 4


def test_a_folder_of_images_may_hold_a_file_of_that_name(tmp_path: Path) -> None:
    root = Path(write_pictures(tmp_path / "images", range(4)))
    for text in ("[1]", "{", '{"command": "other"}'):
        (root / "run.json").write_text(text)
        assert not is_feature_path(str(root))


@pytest.mark.parametrize("command", ["few-shot", "prompts", "robustness"])
@pytest.mark.parametrize(
    ("made", "message"),
    [
        (embedded, "is of features of another model .aaaaaaaaaaaa..., --checkpoint is"),
        (lambda path: plain(path.with_suffix(".parquet"), 8), r"features of 8 numbers, --checkpoint makes 16"),
        (killed, "is unfinished"),
    ],
    ids=["model", "width", "killed"],
)
def test_features_meet_prompts_of_their_own_model_alone(
    tmp_path: Path, made: Callable[[Path], str], message: str, command: str
) -> None:
    classes, templates = write_names(tmp_path / "names")
    given = {"checkpoint": write_small_model(tmp_path), "classes": classes, "templates": templates, "threads": 1}
    path, test = made(tmp_path / "made"), write_pictures(tmp_path / "test", range(8))
    run = {
        "few-shot": lambda: few_shot_curve(FewShotConfig(**given, train=path, test=test)),
        "prompts": lambda: measure_prompts(PromptsConfig(**given, dataset=path)),
        "robustness": lambda: robustness(RobustnessConfig(**given, reference=test, shifted=(path,))),
    }[command]
    with pytest.raises(ValueError, match=f"--(train|dataset|shifted): .*{message}"):
        run()


def test_features_of_the_checkpoint_meet_its_images(tmp_path: Path) -> None:
    model, test = write_small_model(tmp_path), write_pictures(tmp_path / "test", range(8))
    own = Reader(FeatureOptions(checkpoint=model, threads=1)).loaded.model.fingerprint
    train = embedded(tmp_path / "train", model=own)
    given = {"checkpoint": model, "train": train, "test": test, "threads": 1}
    assert linear_probe(ProbeConfig(**given, layer="embedding", max_iterations=2))["dimensions"] == 16
    with pytest.raises(ValueError, match=r"--train: .* holds embeddings.*give --layer embedding"):
        linear_probe(ProbeConfig(**given))
    wide = plain(tmp_path / "wide.parquet", 64)
    with pytest.raises(ValueError, match=r"--train: .*features of 64 numbers, --checkpoint makes 32 .before"):
        linear_probe(ProbeConfig(**{**given, "train": wide}))
