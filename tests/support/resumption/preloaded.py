"""What the process has imported that the killed runs are forked from: modules, kernels as machine code. No threads."""

import io
import tarfile

import fsspec.implementations.http
import fsspec.implementations.local  # noqa: F401
import numpy as np
import pandas  # noqa: F401  # pyarrow imports it when it makes arrays
import pyarrow.dataset  # noqa: F401
from PIL import Image

from schemas.tar_contents import read_contents
from tests.support.file_parts import part_of
from tests.support.resumption import processes  # noqa: F401
from trainer.data.order.sample_order import SampleOrder

Image.init()
SampleOrder(np.full(4, 8, dtype=np.int32), seed=0).rows(0, 8, 0, 8)
_sink = io.BytesIO()
tarfile.open(fileobj=_sink, mode="w").close()
read_contents(part_of(_sink.getvalue()))
