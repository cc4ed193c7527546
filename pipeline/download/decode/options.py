"""The options of `pipeline download` that say what is stored of an image."""

from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup, check_between
from schemas.run_options import NotIdentity

ResizeMode = Literal["no", "keep_ratio", "keep_ratio_largest", "center_crop", "border"]
Interpolation = Literal["nearest", "linear", "bilinear", "cubic", "bicubic", "area", "lanczos", "lanczos4"]
EncodeFormat = Literal["jpg", "webp", "png"]
Decode = Literal["exact", "fast"]


@dataclass(frozen=True, kw_only=True)
class ImageOptions(OptionGroup):
    """How images are checked, resized and stored."""

    image_size: int = 256
    """Side in pixels that --resize-mode aims at (img2dataset: 256)."""
    resize_mode: ResizeMode = "keep_ratio"
    """keep_ratio: shorter side to --image-size; keep_ratio_largest: longer side; center_crop: keep_ratio, then a
    square; border: keep_ratio_largest, then white bars; no: as it is. Names and effect are img2dataset's; its default
    is border, ours is keep_ratio because CLIP crops a square from the resized short side (CLIP paper, 2.5)."""
    resize_only_if_bigger: bool = False
    """Do not enlarge small images (img2dataset: off)."""
    decode: Decode = "exact"
    """exact: OpenCV's decoder and its means of areas, byte for byte as img2dataset stores them; fast: a JPEG that is
    reduced 3.5 times or more is reduced in part while it is decoded, and everything is resized by an antialiased
    bicubic filter (torch), above 40 dB on average to Pillow's of the whole image. img2dataset has no such option."""
    upscale_interpolation: Interpolation = "lanczos"
    """OpenCV's way to enlarge, by img2dataset's names (img2dataset: lanczos)."""
    downscale_interpolation: Interpolation = "area"
    """OpenCV's way to shrink (img2dataset: area)."""
    encode_format: EncodeFormat = "jpg"
    """Format of the stored images (img2dataset: jpg)."""
    encode_quality: int | None = None
    """Quality 0-100 of jpg and webp (default 95, as img2dataset's); compression 0-9 of png (default 6, zlib's own)."""
    skip_reencode: bool = False
    """Store the fetched bytes as they are when the image was not resized and has the right format
    (img2dataset: off)."""
    disable_all_reencoding: bool = False
    """Store all bytes as they were fetched, whatever their format, under the suffix of --encode-format: nothing is
    decoded, so no perceptual hash is made (img2dataset: off). Headers, sizes and ends of the files are checked."""
    max_pixels: int = 89_478_485
    """Larger images are rejected before they are decoded (Pillow's bound for decompression bombs: 89,478,485)."""
    num_decode_processes: NotIdentity[int] = 0
    """Processes that decode and resize, per worker process; 0: one per available core."""

    def _check(self) -> None:
        default_quality, quality_end = (6, 9) if self.encode_format == "png" else (95, 100)
        if self.encode_quality is None:
            object.__setattr__(self, "encode_quality", default_quality)
        check_between(
            self,
            image_size=(1, 16_384), encode_quality=(0, quality_end), max_pixels=(1, 1 << 30),
            num_decode_processes=(0, 1024),
        )  # fmt: skip
        for name in ("upscale_interpolation", "downscale_interpolation") if self.decode == "fast" else ():
            if getattr(self, name) != type(self).__dataclass_fields__[name].default:
                raise ValueError(f"decode fast has one filter, antialiased bicubic, so it excludes {name}")
