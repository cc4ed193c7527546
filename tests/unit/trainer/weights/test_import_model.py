"""``trainer import``: folders and files of others become runs of ours, to the bit; what does not fit is one line."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from schemas.storage import Folder
from tests.support.exported import ODD, RESNET, VIT, read_drawn
from tests.support.folder_bytes import folder_bytes
from tests.support.foreign_models import transformers_clip, write_transformers_folder, write_vocabulary
from tests.support.small_model import TOKENIZER
from tests.unit.trainer.weights.test_read_model import released
from trainer.__main__ import main, parse
from trainer.export.write_folder import write_for_open_clip, write_for_transformers
from trainer.presets import VOCAB_SIZE, ModelConfig
from trainer.use.load import load
from trainer.weights.import_config import ImportConfig
from trainer.weights.import_model import described, import_model
from trainer.weights.read_model import read_model


@pytest.mark.parametrize(
    ("write", "config"),
    [(write_for_transformers, ODD), (write_for_open_clip, RESNET)],
    ids=["transformers", "open_clip"],
)
def test_exported_and_imported_is_the_same(
    tmp_path: Path, write: object, config: ModelConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    read = read_drawn(tmp_path, config)
    write(Folder(str(tmp_path / "theirs")), read)  # type: ignore[operator]
    for name in ("a", "b"):
        main(["import", str(tmp_path / "theirs"), "--output", str(tmp_path / name)])
    told = capsys.readouterr().out
    assert "weights from " in told
    assert described(config, 521) in told
    assert f"{tmp_path / 'a'}/final" in told
    same = {name: data for name, data in folder_bytes(tmp_path / "a").items() if name != "run.json"}
    assert same == {name: data for name, data in folder_bytes(tmp_path / "b").items() if name != "run.json"}
    found = load_file(tmp_path / "a" / "final" / "model.safetensors")
    assert all(torch.equal(found[name], tensor) for name, tensor in read.tensors.items())
    model, _, tokenizer = load(str(tmp_path / "a"))
    assert model.config == config
    assert tokenizer.sha256 == TOKENIZER.sha256
    main(["import", str(tmp_path / "theirs"), "--output", str(tmp_path / "a")])
    assert "is finished already: nothing to do" in capsys.readouterr().out


def test_a_model_that_transformers_wrote(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed: pip install transformers")
    theirs = transformers_clip(VIT)
    write_transformers_folder(tmp_path / "theirs", theirs, TOKENIZER)
    import_model(ImportConfig(source=str(tmp_path / "theirs"), output=str(tmp_path / "ours")))
    model, _, tokenizer = load(str(tmp_path / "ours"), device="cpu")
    tokens, _ = tokenizer(["a red picture"]).padded()
    with torch.no_grad():
        found = theirs(input_ids=tokens, pixel_values=torch.zeros(1, 3, 32, 32)).text_embeds
    torch.testing.assert_close(model.encode_text(tokenizer(["a red picture"])), found)


def test_openais_tensors_with_a_tokenizer_from_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.unit.trainer.weights.test_read_model import VIT as RELEASED

    (tmp_path / "tokens").mkdir()
    torch.save(released(RELEASED), tmp_path / "clip.pt")
    with pytest.raises(SystemExit):
        main(["import", str(tmp_path / "clip.pt"), "--output", str(tmp_path / "ours")])
    assert "holds no tokenizer, and the model's" in capsys.readouterr().err
    from tests.unit.trainer.weights.test_begin import TOKENIZER as OF_RELEASED

    write_vocabulary(tmp_path / "tokens", OF_RELEASED)
    main(
        ["import", str(tmp_path / "clip.pt"), "--tokenizer", str(tmp_path / "tokens"), "--output", str(tmp_path / "o")]
    )
    assert "of open_clip or OpenAI" in capsys.readouterr().out
    assert read_model(str(tmp_path / "o"), "--checkpoint").geometry == RELEASED


class Unpickled:
    """Leaves a file behind where a pickle of it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_no_code_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": Unpickled(tmp_path / "ran")}, tmp_path / "x.pt")
    with pytest.raises(SystemExit):
        main(["import", str(tmp_path / "x.pt"), "--output", str(tmp_path / "ours")])
    assert "expected tensors as torch.save writes them, and nothing to be unpickled as code" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()


def without(path: Path, name: str) -> None:
    tensors = load_file(path)
    del tensors[name]
    save_file(tensors, path)


def test_what_does_not_fit_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read = read_drawn(tmp_path, VIT)
    lacking, foreign, named = (tmp_path / name for name in ("lacking", "foreign", "named"))
    for folder in (lacking, foreign):
        write_for_transformers(Folder(str(folder)), read)
    without(lacking / "model.safetensors", "text_projection.weight")
    body = json.loads((foreign / "tokenizer.json").read_text())
    body["model"]["vocab"] |= {f"more{number}": 1_000 + number for number in range(40)}
    (foreign / "tokenizer.json").write_text(json.dumps(body))
    write_for_open_clip(Folder(str(named)), read)
    (named / "tokenizer.json").unlink()
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    good = str(tmp_path / "model")
    for source, output, message in (
        (str(tmp_path / "none"), "o", "SOURCE: no such folder"),
        (str(tmp_path / "empty"), "o", "empty holds no model; expected"),
        (str(lacking), "o", "no tensor 'text_projection.weight', which the model has by the names of transformers'"),
        (str(foreign), "o", "has 561 tokens, the text encoder 521; they are not of one model"),
        (str(named), "o", "names the tokenizer '.' and holds none; put its tokenizer.json, or vocab.json"),
        (good, "full", "found files without run.json"),
        (good, "model", "--output: SOURCE "),
        (good, ".", "lies in"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["import", source, "--output", str(tmp_path / output)])
        assert ended.value.code == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_what_they_lack_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = read_drawn(tmp_path, replace(RESNET, text=replace(RESNET.text, vocab_size=VOCAB_SIZE)))
    theirs = tmp_path / "theirs"
    write_for_open_clip(Folder(str(theirs)), read)
    tensors = load_file(theirs / "open_clip_model.safetensors")
    counts = [name for name in tensors if name.endswith("num_batches_tracked")]
    save_file({name: tensors[name] for name in tensors.keys() - {*counts}} | {"odd": torch.ones(1)},
              theirs / "open_clip_model.safetensors")  # fmt: skip
    (theirs / "tokenizer.json").unlink()
    body = json.loads((theirs / "open_clip_config.json").read_text())
    del body["model_cfg"]["text_cfg"]["hf_tokenizer_name"]
    (theirs / "open_clip_config.json").write_text(json.dumps(body))
    monkeypatch.setattr("trainer.weights.begin.openai_vocabulary", lambda: b"#version\na b\nab c</w>\n")
    main(["import", str(theirs), "--output", str(tmp_path / "ours")])
    told = capsys.readouterr().out
    assert f"{len(counts)} counts of BatchNorm are not there: 0, which no feature depends on\n" in told
    assert "no tokenizer lies beside them: OpenAI's\n" in told
    assert "open_clip_model.safetensors: odd\n" in told
    assert len(counts) > 10


def test_options() -> None:
    config = parse(["import", "theirs", "--output", "o", "--model", "vit-b-32"])
    assert (config.source, config.output, config.model, config.tokenizer) == ("theirs", "o", "vit-b-32", None)
