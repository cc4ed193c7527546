"""What a decode process is told of `ContentOptions`, once at its start."""

from dataclasses import asdict, dataclass

from pipeline.download.content.near import Words, packed
from pipeline.download.content.options import ContentOptions


@dataclass(frozen=True, kw_only=True)
class ContentSettings:
    """The fields of `ContentOptions` of the same names, as far as a decoder needs them."""

    min_image_size: int = 0
    max_aspect_ratio: float | None = None
    verify_hash: str | None = None
    """The type of the hash; what it must be comes with each image."""
    further_hash: str | None = None
    extract_exif: bool = False
    colour_profile: str = "ignore"
    jpeg_xl: bool = False
    evaluation_hashes: str = ""
    """Hashes of the evaluation set (`content.near.packed`)."""
    decontaminate_bits: int = 0


def content_settings(options: ContentOptions, evaluation_hashes: Words | None = None) -> dict[str, object]:
    """Return the fields of `ContentSettings` as JSON has them."""
    return asdict(
        ContentSettings(
            min_image_size=options.min_image_size,
            max_aspect_ratio=options.max_aspect_ratio,
            verify_hash=options.verify_hash and options.verify_hash[1],
            further_hash=options.further_hash,
            extract_exif=options.extract_exif,
            colour_profile=options.colour_profile,
            jpeg_xl=options.jpeg_xl,
            evaluation_hashes="" if evaluation_hashes is None else packed(evaluation_hashes),
            decontaminate_bits=options.decontaminate_bits,
        )
    )
