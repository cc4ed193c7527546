"""The data loop by files: shards embedded, filtered, removed; what is trained on then."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from pipeline.__main__ import main as pipeline
from schemas.storage import Folder
from tests.support.opened_shards import blocks_of, keys, make_loader, one_batch, open_shards
from tests.support.small_model import TOKENIZER, write_small_model
from tests.support.small_shards import captions, write_tar
from trainer import load
from trainer.__main__ import main as trainer

COPIED = {"copies/000100": 3, "copies/000101": 3, "copies/000102": 20}
"""Keys of which the picture is that of another number."""
SHOWN = (5, 12)
"""Numbers whose picture is in the evaluation set."""


def picture(number: int) -> bytes:
    """Return a picture of 16 coloured squares; no two are alike."""
    squares = np.random.default_rng(number).integers(0, 256, size=(4, 4, 3), dtype=np.uint8)
    sink = io.BytesIO()
    Image.fromarray(squares.repeat(16, axis=0).repeat(16, axis=1)).save(sink, "PNG")
    return sink.getvalue()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, shards of 24 samples, of one that does not decode, of three copies; an evaluation of four pictures."""
    found = tmp_path_factory.mktemp("loop")
    write_small_model(found)
    (found / "shards").mkdir()
    numbers = {f"{number:06d}": number for number in range(24)}
    for name, samples in (("0.tar", numbers), ("1.tar", COPIED)):
        members = []
        for key, number in samples.items():
            members += [(f"./{key}.png", picture(number)), (f"./{key}.txt", captions(number)[0].encode())]
        members += [(f"{name[0]}broken.png", b"broken"), (f"{name[0]}broken.txt", b"a broken one")]
        write_tar(found / "shards" / name, members)
    evaluation = found / "evaluation" / "deep"
    evaluation.mkdir(parents=True)
    for number in (*SHOWN, 900, 901):
        (evaluation / f"{number}.png").write_bytes(picture(number))
    return found


def test_embedded_filtered_removed_trained(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shards = root / "shards"
    embed = ["embed", "--checkpoint", str(root / "model"), "--threads", "1", "--part-rows", "10"]
    trainer([*embed, "--shards", str(shards), "--output", str(root / "features")])
    trainer([*embed, "--images", str(root / "evaluation"), "--output", str(root / "evaluated")])
    options = ["--near-duplicate-similarity", "0.9999", "--without-features", "drop"]
    evaluation = ["--evaluation", str(root / "evaluated"), "--evaluation-similarity", "0.9999"]
    pipeline(["filter", "--embeddings", str(root / "features"), "--output", str(root / "out"), *options, *evaluation])
    found = {row["key"]: row["reason"] for row in pq.read_table(root / "out" / "removed.parquet").to_pylist()}
    # of two that are the same image the one whose text fits better stays, of two with one text the first
    expected = dict.fromkeys(COPIED, "near_duplicate") | {f"{number:06d}": "evaluation_image" for number in SHOWN}
    assert found == expected | {"0broken": "without_features", "1broken": "without_features"}
    near = pq.read_table(root / "out" / "near_duplicates.parquet").to_pylist()
    assert {row["key"]: row["like"] for row in near} == {key: f"{number:06d}" for key, number in COPIED.items()}
    matches = pq.read_table(root / "out" / "evaluation_matches.parquet").to_pylist()
    assert {row["key"]: row["evaluation_id"] for row in matches} == {f"{n:06d}": f"deep/{n}.png" for n in SHOWN}
    before = {path.name: path.read_bytes() for path in shards.iterdir()}
    pipeline(["remove", "--shards", str(shards), "--filtered", str(root / "out")])
    after = {path.name: path.read_bytes() for path in shards.iterdir()}
    assert set(after) - set(before) == {"removals.parquet"}
    assert all(after[name] == data for name, data in before.items())
    data = open_shards(shards)
    assert len(keys(data)) == 29
    used = {block.whole_key(n) for block in blocks_of(data) for n in range(len(block)) if n not in block.faults}
    assert used == {f"{number:06d}" for number in range(24)} - set(found)
    batch = one_batch(make_loader(data, TOKENIZER), 0, 29)
    assert batch.replaced == len(found)
    trainer([*embed, "--shards", str(shards), "--output", str(root / "again")])
    assert "22 rows of 16 numbers" in capsys.readouterr().out


def test_the_most_fitting_texts_as_the_model_itself_has_them(root: Path) -> None:
    features, output = root / "fit_features", root / "fit"
    shards = root / "fit_shards"
    shards.mkdir()
    members = []
    for number in range(16):
        text = captions((number + number // 8) % 4)[0]  # of the second half another colour
        members += [(f"{number}.png", picture(number)), (f"{number}.txt", text.encode())]
    write_tar(shards / "0.tar", members)
    trainer(["embed", "--checkpoint", str(root / "model"), "--shards", str(shards), "--output", str(features)])
    pipeline(["filter", "--embeddings", str(features), "--output", str(output), "--keep-fraction", "0.5"])
    model, preprocess, tokenizer = load(str(root / "model"), device="cpu")
    images = torch.stack([preprocess(Image.open(io.BytesIO(picture(number)))) for number in range(16)])
    texts = tokenizer([captions((number + number // 8) % 4)[0] for number in range(16)])
    similarity = (model.encode_image(images) * model.encode_text(texts)).sum(dim=1).numpy()
    gone = {int(key) for key in pq.read_table(output / "removed.parquet")["key"].to_pylist()}
    assert len(gone) == 8
    assert max(similarity[list(gone)]) <= min(similarity[sorted(set(range(16)) - gone)]) + 1e-3  # float16 in files
    least = json.loads(Folder(str(output)).read("manifest.json"))["summary"]["least_similarity"]
    assert least == pytest.approx(np.sort(similarity)[8], abs=1e-3)
