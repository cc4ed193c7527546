"""The one list of image formats is what Pillow opens by these names."""

from PIL import Image

from schemas.image_files import IMAGE_FORMATS, IMAGE_SUFFIXES, SUFFIXES_OF_FORMAT


def test_every_suffix_is_its_formats_in_pillow() -> None:
    Image.init()
    known = Image.registered_extensions() | {".mpo": "JPEG"}  # a JPEG with further pictures
    assert {suffix: name for name, suffixes in SUFFIXES_OF_FORMAT.items() for suffix in suffixes} == {
        suffix: known[suffix] for suffix in IMAGE_SUFFIXES
    }
    assert set(IMAGE_FORMATS) <= set(Image.OPEN)


def test_suffixes_are_lower_case_and_stand_once() -> None:
    assert len(set(IMAGE_SUFFIXES)) == len(IMAGE_SUFFIXES)
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in IMAGE_SUFFIXES)
