"""Features in a temporary file: a million rows take no memory but what is read of them. Shapes: N rows, E embedding."""

import tempfile
from types import TracebackType

import numpy as np
import torch


class FeatureRows:
    """Rows of float32, written one after another, read by ranges; the file has no name and goes with the object."""

    def __init__(self, embed_dim: int, directory: str | None = None) -> None:
        """`directory`: where there is room, 4 bytes a value; by default the system's for temporary files."""
        self._embed_dim = embed_dim
        self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115  # closed with this object
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def __enter__(self) -> "FeatureRows":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, features_NE: torch.Tensor) -> None:
        """Write rows behind those that are there."""
        self._file.seek(0, 2)
        self._file.write(np.ascontiguousarray(features_NE.detach().float().cpu().numpy()).data)
        self._rows += len(features_NE)

    def read(self, start: int, stop: int) -> torch.Tensor:
        """Return rows `start` .. `stop` - 1, fewer where there are no more."""
        stop = min(stop, self._rows)
        row_bytes = 4 * self._embed_dim
        self._file.seek(start * row_bytes)
        data = bytearray(self._file.read(max(0, stop - start) * row_bytes))
        if not data:
            return torch.empty(0, self._embed_dim)
        return torch.frombuffer(data, dtype=torch.float32).view(-1, self._embed_dim)
