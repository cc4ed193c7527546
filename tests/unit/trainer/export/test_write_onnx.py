"""ONNX files as onnxruntime runs them: batches and lengths of any size, our features, no path of this machine."""

from pathlib import Path

import numpy as np
import pytest
import torch

from schemas.storage import Folder
from tests.support.exported import GEOMETRIES, read_drawn
from tests.support.folder_bytes import folder_bytes
from trainer.export import write_onnx as module
from trainer.export.compare import BATCHES, compare
from trainer.export.probes import probe_images, probe_texts
from trainer.export.read_onnx import OnnxReader
from trainer.export.write_onnx import ENCODERS_FILE, IMAGE_FILE, OPSET, TEXT_FILE, write_onnx
from trainer.use.load import frozen
from trainer.weights.read_model import ReadModel

onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install 'webimagetext[export]'")
pytest.importorskip("onnxscript", reason="onnxscript is not installed: pip install 'webimagetext[export]'")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install onnxruntime")


def written(path: Path, read: ReadModel) -> Path:
    path.mkdir()
    assert write_onnx(Folder(str(path)), read) == ()
    return path


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> ReadModel:
    return read_drawn(tmp_path_factory.mktemp("drawn"), GEOMETRIES["vit"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, read: ReadModel) -> Path:
    return written(tmp_path_factory.mktemp("onnx") / "vit", read)


def test_onnxruntime_gives_our_features_in_batches_of_any_size(folder: Path, read: ReadModel) -> None:
    ours, theirs = frozen(read, torch.device("cpu"), None), OnnxReader(str(folder))
    found = compare(ours, theirs)
    assert found.title == f"onnxruntime {onnxruntime.__version__}"
    assert 0 <= max(found.images, found.texts) < 1e-5
    assert BATCHES == (1, 2, 5)
    for size in (3, 7):
        texts = probe_texts()[:size]
        torch.testing.assert_close(theirs.text_features(texts), ours.model.encode_texts(ours.tokenizer(texts)))
    assert len(theirs.image_features(probe_images(32)[:0])) == 0


def test_padding_may_be_anything_and_any_length(folder: Path, read: ReadModel) -> None:
    ours = frozen(read, torch.device("cpu"), None)
    ids = ours.tokenizer(["a red picture"]).to_lists()[0]
    wanted_1E = ours.model.encode_texts(ours.tokenizer(["a red picture"]))
    session = onnxruntime.InferenceSession(folder / TEXT_FILE, providers=["CPUExecutionProvider"])
    for padding in ([], [0], [0, 3, 5], [read.tokenizer.eos] * (read.tokenizer.context_length - len(ids))):
        (found,) = session.run(None, {"input_ids": np.array([[*ids, *padding]])})
        torch.testing.assert_close(torch.from_numpy(found), wanted_1E)


def test_files_are_valid_and_tell_what_the_json_says(folder: Path, read: ReadModel) -> None:
    told = Folder(str(folder)).read_json(ENCODERS_FILE)
    for kind, file in (("image_encoder", IMAGE_FILE), ("text_encoder", TEXT_FILE)):
        model = onnx.load(folder / file)
        onnx.checker.check_model(model, full_check=True)
        assert [one.version for one in model.opset_import if one.domain == ""] == [OPSET] == [told["opset"]]
        (given,), (made,) = model.graph.input, model.graph.output
        assert (told[kind]["file"], told[kind]["input"]["name"], told[kind]["output"]["name"]) == (
            file, given.name, made.name,
        )  # fmt: skip
        sizes = [axis.dim_param or axis.dim_value for axis in given.type.tensor_type.shape.dim]
        assert sizes == told[kind]["input"]["shape"]
    assert told["text_encoder"]["eos_token_id"] == read.tokenizer.eos
    assert told["logit_scale"] == pytest.approx(float(read.tensors["logit_scale"].exp()))
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        ENCODERS_FILE, IMAGE_FILE, "preprocessor_config.json", TEXT_FILE, "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip


def test_nothing_tells_of_this_machine(folder: Path) -> None:
    for data in folder_bytes(folder).values():
        for word in (str(Path(module.__file__).parent), 'File "', "stack_trace", "trainer/export"):
            assert word.encode() not in data


@pytest.mark.slow
@pytest.mark.parametrize("geometry", [name for name in GEOMETRIES if name != "vit"])
def test_each_geometry(tmp_path: Path, geometry: str) -> None:
    read = read_drawn(tmp_path, GEOMETRIES[geometry])
    found = compare(frozen(read, torch.device("cpu"), None), OnnxReader(str(written(tmp_path / "onnx", read))))
    assert 0 <= max(found.images, found.texts) < 1e-5
    told = Folder(str(tmp_path / "onnx")).read_json(ENCODERS_FILE)
    assert ("logit_bias" in told) is (geometry == "sigmoid")


@pytest.mark.slow
def test_equal_bytes_and_weights_beside(
    tmp_path: Path, folder: Path, read: ReadModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert folder_bytes(written(tmp_path / "again", read)) == folder_bytes(folder)
    monkeypatch.setattr(module, "MAX_PROTOBUF_BYTES", 1_000)
    beside = written(tmp_path / "beside", read)
    assert {f"{IMAGE_FILE}.data", f"{TEXT_FILE}.data"} <= {path.name for path in beside.iterdir()}
    moved = beside.rename(tmp_path / "moved")
    found = compare(frozen(read, torch.device("cpu"), None), OnnxReader(str(moved)))
    assert max(found.images, found.texts) < 1e-5
