"""Which rule removes a row, near-duplicates aside: rows as they were measured in; a reason or none out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.filtered import EVALUATION, LOW, NO_FEATURES, REASONS

KEPT = -1


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What is removed of what was measured."""

    least: float | None
    """The lowest similarity of image and text that stays; None: any."""
    drop_without_text: bool

    def reasons(self, measured: pa.Table) -> npt.NDArray[np.int64]:
        """Return of each row of `MEASURED` the place in `REASONS` of why it is removed, `KEPT` where it stays."""
        found = np.full(len(measured), KEPT, dtype=np.int64)
        if self.least is not None:
            values = pc.fill_null(measured["similarity"], 2.0).to_numpy()
            found[values < self.least] = REASONS.index(LOW)
        if self.drop_without_text:
            found[_is_null(measured["similarity"])] = REASONS.index(NO_FEATURES)
        found[~_is_null(measured["evaluation_row"])] = REASONS.index(EVALUATION)
        return found


def _is_null(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(column.is_null().to_numpy())
