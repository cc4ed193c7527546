"""The options of `pipeline download` that say what is checked, hidden and noted of each image."""

from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup, check_between
from schemas.run_options import NotIdentity

HashType = Literal["md5", "sha256", "sha512"]
HASH_TYPES: tuple[HashType, ...] = ("md5", "sha256", "sha512")


@dataclass(frozen=True, kw_only=True)
class ContentOptions(OptionGroup):
    """What is checked, hidden and noted of each image."""

    min_image_size: int = 0
    """Images whose shorter side has fewer pixels are rejected, where the first bytes tell it before the rest is fetched
    (img2dataset: 0, after decoding)."""
    max_aspect_ratio: float | None = None
    """Images whose longer side is more than so many times the shorter one are rejected, as early (img2dataset: no
    limit)."""
    verify_hash: tuple[str, str] | None = None
    """COLUMN TYPE: the fetched bytes must have the md5, sha256 or sha512 (hex) that the carried column COLUMN has for
    the first caption of the image; no value is no match (img2dataset: none)."""
    compute_hash: HashType = "sha256"
    """Hash of the fetched bytes that is noted; sha256 always is, another one in a column of its name (img2dataset:
    sha256)."""
    extract_exif: bool = False
    """Note EXIF as JSON, in the words of img2dataset (its default: on), at most 16 KiB an image."""
    blurring_bbox_col: str | None = None
    """Carried column with the boxes to blur: a list of [x_min, y_min, x_max, y_max], or that as JSON text, in parts of
    the width and height of the image as it is stored by its server, before EXIF turns it (img2dataset's bbox_col:
    none). No value or an empty list: nothing to blur. What is no such list is rejected: it may hide a face."""
    colour_profile: Literal["ignore", "srgb"] = "ignore"
    """srgb: convert images with an ICC profile of other colours (Display P3, Adobe RGB, CMYK) to sRGB; ignore: take
    their numbers as they are, as img2dataset and what CLIP was trained on do. A profile that is broken or over 4 MiB
    is ignored, and counted."""
    jpeg_xl: bool = False
    """Also read JPEG XL, which needs the extra jxl (img2dataset: no). Off by default, so that the same command gives
    the same images wherever it runs."""
    placeholder_urls: int = 100
    """At the end, list the bytes that came from so many URLs or more ("image not available") in
    tables/placeholders.parquet; 0: do not look."""
    remove_placeholders: bool = False
    """Also name them in removals.parquet, by sha256: training passes them over."""
    decontaminate: NotIdentity[str | None] = None
    """Folder with the images of an evaluation set, at any depth: an image that looks like one of them is rejected."""
    decontaminate_bits: int = 4
    """So many of the 64 bits of the perceptual hash may differ. Of 400 photographs 4 bits found all copies that were
    scaled or compressed again and 96 % of those cropped by 2 %; of 1.28 million pairs of different ones none was within
    9 bits."""

    def _check(self) -> None:
        check_between(
            self,
            min_image_size=(0, 16_384), max_aspect_ratio=(1, 1e6), placeholder_urls=(0, 1 << 31),
            decontaminate_bits=(0, 16),
        )  # fmt: skip
        if self.placeholder_urls == 1:
            raise ValueError("placeholder_urls must be 0 or at least 2, found 1: every image has one URL")
        if self.remove_placeholders and not self.placeholder_urls:
            raise ValueError("remove_placeholders needs placeholder_urls, found 0")
        if self.verify_hash is not None and self.verify_hash[1] not in HASH_TYPES:
            raise ValueError(f"verify_hash must be COLUMN and one of {', '.join(HASH_TYPES)}, found {self.verify_hash}")

    @property
    def further_hash(self) -> HashType | None:
        """The hash that has a column beside sha256, None where there is no other."""
        return None if self.compute_hash == "sha256" else self.compute_hash
