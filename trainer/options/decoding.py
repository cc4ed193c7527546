"""What decodes images: pixels of both are not equal to the bit, so a run goes on with what it began with."""

from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup


@dataclass(frozen=True, kw_only=True)
class DecodingOptions(OptionGroup):
    """What decodes images: pixels of both are not equal to the bit, so a run goes on with what it began with."""

    decode: Literal["cpu", "gpu"] = "cpu"
    """gpu: the usual JPEGs are decoded, cropped and resized on the GPU (nvJPEG; extra decode-gpu), all else, and large
    ones, which are decoded at a fraction of their size, on the processor. For machines with few cores a GPU."""
