"""`trainer.load`: the three lines of CLIP's README, for models of any project."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

import trainer
from tests.support.foreign_models import transformers_clip, write_transformers_folder, write_vocabulary
from tests.support.small_shards import picture
from tests.unit.trainer.weights.test_begin import CONFIG, TOKENIZER, write_given
from trainer.model.clip import CLIP
from trainer.use.load import find_device


def test_the_three_lines_of_clips_readme(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(picture(0))
    model, preprocess, tokenizer = trainer.load(write_given(tmp_path / "run"))
    image, text = preprocess(Image.open(tmp_path / "cat.png")).unsqueeze(0), tokenizer(["a red star", "été 42"])
    probabilities = (100.0 * model.encode_image(image) @ model.encode_text(text).T).softmax(dim=-1)
    torch.manual_seed(0)
    plain = CLIP(CONFIG).eval()
    images, texts, _ = plain(preprocess(picture(0))[None], TOKENIZER.encode(["a red star", "été 42"]))
    torch.testing.assert_close(probabilities, (100.0 * images @ texts.T).softmax(dim=-1).detach())
    assert not probabilities.requires_grad
    assert not model.training


def test_a_folder_of_transformers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed: pip install transformers")
    theirs = transformers_clip(CONFIG)
    folder = write_transformers_folder(tmp_path / "clip", theirs)
    write_vocabulary(folder, TOKENIZER)
    model, preprocess, tokenizer = trainer.load(folder, device="cpu")
    tokens, eos = tokenizer("a red star").padded()
    with torch.no_grad():
        found = theirs.get_text_features(input_ids=tokens, attention_mask=torch.ones_like(tokens))
    found = getattr(found, "pooler_output", found)  # transformers 5
    wanted = torch.nn.functional.normalize(found, dim=-1)
    torch.testing.assert_close(model.encode_text(tokenizer("a red star")), wanted, rtol=1e-4, atol=1e-5)
    assert preprocess.image_px == CONFIG.image.image_px
    assert (int(eos[0]) + 1, transformers.__name__) == (tokens.shape[1], "transformers")


def test_precision_is_of_products_and_features_are_float32(tmp_path: Path) -> None:
    run = write_given(tmp_path / "run")
    exact, half = (trainer.load(run, device="cpu", precision=name)[0] for name in ("float32", "bfloat16"))
    images = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found, wanted = half.encode_images(images), exact.encode_images(images)
    assert found.dtype == wanted.dtype == torch.float32
    assert not torch.equal(found, wanted)
    torch.testing.assert_close(found, wanted, rtol=0, atol=0.02)
    assert (exact.precision, half.precision) == ("float32", "bfloat16")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"device": "cuda:99"}, "device must be auto, cpu or .*, found 'cuda:99'", id="gpu"),
        pytest.param({"device": "potato"}, "device must be auto, .* found 'potato'", id="no device"),
        pytest.param({"precision": "fp8"}, "precision must be one of auto, .*, found 'fp8'", id="precision"),
        pytest.param({"averaged": True}, "nor final-ema/ nor a finished", id="averages"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, options: dict[str, object], message: str) -> None:
    run = write_given(tmp_path / "run")
    with pytest.raises((ValueError, FileNotFoundError), match=message) as refused:
        trainer.load(run, **options)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)


def test_a_path_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="path: no such folder"):
        trainer.load(tmp_path / "absent")


def test_auto_is_a_device_of_this_machine() -> None:
    assert find_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_trainer_is_imported_without_torch() -> None:
    code = "import sys, trainer; trainer.load; print([n for n in ('torch', 'numpy') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
