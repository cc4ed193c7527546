"""The tokenizer and the preprocessing of an export, as transformers and whatever uses its files open them."""

from typing import Any

from schemas.storage import Folder
from trainer.model.clip import IMAGE_MEAN, IMAGE_STD
from trainer.saving.checkpoint import FOR_TRANSFORMERS_FILE, TOKENIZER_FILE
from trainer.tokenizer import CaptionTokenizer
from trainer.tokenizing.tokenizer_file import file_for_transformers
from trainer.tokenizing.words import EOS, SOS
from trainer.weights.find_weights import PREPROCESSOR_CONFIG
from trainer.weights.vocabulary_files import vocabulary_files

SPECIALS_FILE = "special_tokens_map.json"


def write_tokenizer(folder: Folder, tokenizer: CaptionTokenizer, *, with_vocabulary: bool = False) -> None:
    """Write what opens as a tokenizer of transformers; `with_vocabulary` also for its ``CLIPTokenizer``."""
    folder.write(TOKENIZER_FILE, tokenizer.to_json())
    folder.write_json(FOR_TRANSFORMERS_FILE, file_for_transformers(tokenizer.context_length))
    if with_vocabulary:
        for name, data in vocabulary_files(tokenizer).items():
            folder.write(name, data)
        folder.write_json(SPECIALS_FILE, {"bos_token": SOS, "eos_token": EOS, "pad_token": EOS, "unk_token": EOS})


def write_preprocessing(folder: Folder, image_px: int) -> None:
    """Write ``preprocessor_config.json``: short side resized, bicubic; middle square; mean and std of the release."""
    folder.write_json(PREPROCESSOR_CONFIG, preprocessing(image_px))


def preprocessing(image_px: int) -> dict[str, Any]:
    """Return the preprocessing as ``CLIPImageProcessor`` names its steps."""
    return {
        "crop_size": {"height": image_px, "width": image_px},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": list(IMAGE_MEAN),
        "image_processor_type": "CLIPImageProcessor",
        "image_std": list(IMAGE_STD),
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"shortest_edge": image_px},
    }
