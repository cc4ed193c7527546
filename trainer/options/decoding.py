"""What decodes images: in the identity of a run, since the pixels are not equal to the bit."""

from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup


@dataclass(frozen=True, kw_only=True)
class DecodingOptions(OptionGroup):
    """What decodes images: in the identity of a run, since the pixels are not equal to the bit."""

    decode: Literal["cpu", "gpu"] = "cpu"
    """gpu: the usual JPEGs are decoded, cropped and resized on the GPU (nvJPEG; extra decode-gpu), all else, and large
    ones, which are decoded at a fraction of their size, on the processor. For machines with few cores a GPU."""
