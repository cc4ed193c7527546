"""A detector as files: read again it finds the same; its CLIP alone is read by what reads CLIPs."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from schemas.storage import Folder
from tests.support.foreign_models import small_tokenizer
from tests.support.small_towers import VIT, images, small_clip, texts
from trainer.detect.model.detector import Detector, make_detector
from trainer.detect.model.detector_files import HEADS_FILE, load_detector, write_detector
from trainer.saving.checkpoint import write_model
from trainer.use.load import load
from trainer.weights.digest import weights_sha256

TOKENIZER = small_tokenizer(12)
GEOMETRY = replace(VIT, text=replace(VIT.text, vocab_size=TOKENIZER.vocab_size))


def written(path: Path) -> Detector:
    torch.manual_seed(3)
    detector = make_detector(small_clip(GEOMETRY).float(), 48).eval()
    torch.nn.init.normal_(detector.box_head.dense2.weight)
    write_detector(Folder(str(path)), "final", detector, TOKENIZER)
    return detector


def test_what_is_read_finds_the_same(tmp_path: Path) -> None:
    detector = written(tmp_path)
    again, tokenizer = load_detector(str(tmp_path))
    assert weights_sha256(again.state_dict()) == weights_sha256(detector.state_dict())
    assert tokenizer.to_json() == TOKENIZER.to_json()
    pixels = torch.randint(0, 256, (2, 3, 48, 48), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.equal(again.find_objects(pixels).boxes_NL4, detector.find_objects(pixels).boxes_NL4)
    clip = load(tmp_path, device="cpu").model
    with torch.no_grad():
        assert torch.equal(clip.encode_texts(texts(3)), detector.encode_texts(texts(3)))
    assert clip.config.image.image_px == 48


def test_a_clip_and_heads_of_another_geometry_are_refused(tmp_path: Path) -> None:
    write_model(Folder(str(tmp_path / "clip")), "final", small_clip(GEOMETRY).float(), TOKENIZER)
    with pytest.raises(FileNotFoundError, match=r"has no detector.safetensors, so it is no detector"):
        load_detector(str(tmp_path / "clip"))
    written(tmp_path / "a")
    heads = tmp_path / "a" / "final" / HEADS_FILE
    data = bytearray(heads.read_bytes())
    heads.write_bytes(data.replace(b"class_head.dense0.bias", b"class_head.dense9.bias"))
    with pytest.raises(ValueError, match=r"the weights do not fit config\.json"):
        load_detector(str(tmp_path / "a"))
    heads.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="expected a safetensors file"):
        load_detector(str(tmp_path / "a"))


def test_images_of_the_clip_are_those_before(tmp_path: Path) -> None:
    torch.manual_seed(0)
    clip = small_clip(GEOMETRY).float().eval()
    write_detector(Folder(str(tmp_path)), "final", make_detector(clip, 32), TOKENIZER)
    again = load(tmp_path, device="cpu").model
    with torch.no_grad():
        assert torch.equal(again.encode_images(images(2)), clip.encode_images(images(2)))
