"""The sheet of moments: places, sizes, what is missing."""

import io

import numpy as np
from PIL import Image

from tests.support.made_videos import plain
from trainer.video.sheet import COLUMNS, MAX_STILLS, STILL_PX, SheetPart, Still, moment_sheet, shrunk

RED, BLUE = (220, 40, 40), (50, 80, 220)


def opened(parts: list[SheetPart]) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(moment_sheet(parts))))


def test_stills_stand_in_rows_below_their_query() -> None:
    stills = [Still(shrunk(plain(colour, 90, 160)), ["1.  0:00:00.000   0.1234"]) for colour in [RED] * 6 + [BLUE]]
    sheet = opened([SheetPart("a red one", stills), SheetPart("another", stills[:1])])
    assert sheet.shape[1] > COLUMNS * STILL_PX
    assert np.count_nonzero((sheet == RED).all(axis=2)) == 7 * 90 * 160
    assert np.count_nonzero((sheet == BLUE).all(axis=2)) == 90 * 160
    row = (sheet == BLUE).all(axis=2).any(axis=1).argmax()
    assert (sheet[row] == RED).all(axis=1).any(), "the seventh stands beside the sixth, in the second row"


def test_one_that_is_gone_leaves_its_place_grey_and_many_are_cut() -> None:
    assert (opened([SheetPart("q", [Still(None, ["1."])])]) == 128).all(axis=2).any()
    many = [Still(plain(RED, 8, 8), ["1."])] * (MAX_STILLS + 5)
    assert np.count_nonzero((opened([SheetPart("q", many)]) == RED).all(axis=2)) == MAX_STILLS * 64


def test_the_same_bytes_and_no_still_larger_than_its_place() -> None:
    parts = [SheetPart("q", [Still(shrunk(plain(RED, 2_000, 900)), ["1."])])]
    assert moment_sheet(parts) == moment_sheet(parts)
    assert shrunk(plain(RED, 2_000, 900)).shape == (STILL_PX, round(STILL_PX * 0.45), 3)
    assert shrunk(plain(RED, 20, 30)).shape == (20, 30, 3)
