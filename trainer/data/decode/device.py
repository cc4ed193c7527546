"""JPEGs to squares on a device: decoded by one call for all, then the squares alone resized, as products of matrices.

In: files, and where of each its square is cut (`Crop`). Out: the squares on the device, and which files it refused.
Shapes: n files, P pixels per side, S of the part of an image that a square is made of.

    files -> decoded [3, H, W] -> parts, padded [n, 3, S, S] -> columns weighted, rounded -> rows weighted, rounded

Pillow's weights (bicubic, antialiased, a = -0.5) and its order, in float32: within one level of `resample`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from trainer.data.decode.crop import Crop
from trainer.model.precision import float32_products

_REACH = 2.0
"""Of the bicubic filter, in pixels of the coarser image."""
MAX_PADDED_PIXELS = 1 << 24
"""Of the parts that are resized at a time: 200 MB as float32, and less for what is made of them."""

Ints = npt.NDArray[np.int64]


def check_decodes(device_type: str) -> None:
    """Raise ValueError that says what is missing where no device of this kind can decode JPEGs."""
    if device_type != "cuda":
        raise ValueError(
            f"decode gpu takes workers with a GPU, found the device {device_type}; use --device cuda or --decode cpu"
        )
    torchcodecs_decoder()


def torchcodecs_decoder() -> Callable[..., Any]:
    """Return torchcodec's ``decode_jpeg``. Raises ValueError where it is not installed, or does not load."""
    try:
        from torchcodec.decoders import decode_jpeg
    except ModuleNotFoundError as error:
        raise ValueError(
            "decode gpu takes torchcodec, which is not installed: pip install 'webimagetext[decode-gpu]', or use "
            "--decode cpu"
        ) from error
    except (ImportError, OSError, RuntimeError) as error:  # whatever its libraries lack
        cause = f"{error.__cause__ or error}".splitlines()[0]
        raise ValueError(
            f"decode gpu takes torchcodec, which does not load beside torch {torch.__version__} ({cause}): install the "
            "one of the extra decode-gpu beside a CUDA build of torch, or use --decode cpu"
        ) from error
    found: Callable[..., Any] = decode_jpeg
    return found


class DeviceDecoder:
    """Decodes files to squares; one thread uses it."""

    def __init__(self, device: torch.device, image_px: int, decode_jpeg: Callable[..., Any] | None = None) -> None:
        """`decode_jpeg` is called as torchcodec's, which it is by default. Raises ValueError without it."""
        self._decode_jpeg = decode_jpeg or torchcodecs_decoder()
        self._device = device
        self._image_px = image_px

    def squares(self, files: Sequence[torch.Tensor], crops: Ints) -> tuple[torch.Tensor, list[int]]:
        """Return uint8 ``[n, 3, P, P]`` on the device, and which of the n files it refused: their squares hold nothing.

        `files` are bytes in the processor's memory, `crops` ``[n, 8]`` the fields of their `Crop`.
        """
        shape = (len(files), 3, self._image_px, self._image_px)
        found = torch.empty(shape, dtype=torch.uint8, device=self._device)
        decoded = self._decoded(files)
        images = {n: image for n, image in enumerate(decoded) if image is not None and _fits(image, crops[n])}
        spans = np.stack([_spans(crops, axis, self._image_px) for axis in (0, 1)], axis=1)
        for chunk in _chunks(sorted(images, key=lambda number: _side(spans[number])), spans):
            parts = self._padded([images[number] for number in chunk], crops[chunk], spans[chunk])
            found[torch.from_numpy(chunk).to(self._device)] = self._resized(parts, crops[chunk], spans[chunk])
        return found, [number for number in range(len(files)) if number not in images]

    def _decoded(self, files: Sequence[torch.Tensor]) -> list[torch.Tensor | None]:
        """Return the images, None for those that the decoder refuses: all of a call end with one, so it is halved."""
        if not files:
            return []
        try:
            return list(self._decode_jpeg(list(files), mode="RGB", device=self._device))
        except (torch.OutOfMemoryError, torch.AcceleratorError):  # of the device: no file is at fault
            raise
        except RuntimeError:
            if len(files) == 1:
                return [None]
        half = len(files) // 2
        return self._decoded(files[:half]) + self._decoded(files[half:])

    def _padded(self, images: Sequence[torch.Tensor], crops: Ints, spans: Ints) -> torch.Tensor:
        """Return the parts of images that the squares are made of, as ``[n, 3, S, S]``."""
        height, width = (int((spans[:, axis, 1] - spans[:, axis, 0]).max()) for axis in (0, 1))
        parts = torch.zeros((len(images), 3, height, width), dtype=torch.uint8, device=self._device)
        for part, image, crop, span in zip(parts, images, crops, spans, strict=True):
            (top, bottom), (left, right) = span + crop[:2, None]
            part[:, : bottom - top, : right - left] = image[:, top:bottom, left:right]
        return parts

    def _resized(self, parts_n3SS: torch.Tensor, crops: Ints, spans: Ints) -> torch.Tensor:
        rows, columns = (
            _weights(crops, axis, spans[:, axis, 0], self._image_px, parts_n3SS.shape[2 + axis], self._device)
            for axis in (0, 1)
        )
        with float32_products(self._device):  # the loss of the step that runs beside it takes TF32
            narrow_n3SP = _rounded(parts_n3SS.float() @ columns[:, None].transpose(2, 3))
            return _rounded(rows[:, None] @ narrow_n3SP).to(torch.uint8)


def _fits(image: torch.Tensor, crop: Ints) -> bool:
    """Tell whether an image has the size that its header said."""
    told = Crop(*crop.tolist())
    height, width = image.shape[1:]
    return bool(height - 2 * told.top - told.height in (0, 1) and width - 2 * told.left - told.width in (0, 1))


def _axis(crops: Ints, axis: int) -> tuple[Ints, Ints, Ints]:
    """Return of rows (0) or columns (1): size of the part that is used, the size it gets, where the square begins."""
    return crops[:, 2 + axis], crops[:, 4 + axis], crops[:, 6 + axis]


def _spans(crops: Ints, axis: int, image_px: int) -> Ints:
    """Return ``[n, 2]``: begin and end of what the squares are made of."""
    size, new_size, first = _axis(crops, axis)
    scale = size / new_size
    reach = _REACH * np.maximum(scale, 1.0)
    begin = np.maximum((first + 0.5) * scale - reach + 0.5, 0).astype(np.int64)
    end = np.minimum(((first + image_px - 0.5) * scale + reach + 0.5).astype(np.int64), size)
    return np.stack([begin, end], axis=1)


def _side(span: Ints) -> int:
    return int((span[:, 1] - span[:, 0]).max())


def _chunks(numbers: Sequence[int], spans: Ints) -> Iterator[Ints]:
    """Yield `numbers`, which are in the order of their parts' sides, cut so that padded parts take bounded memory."""
    begin = 0
    for end in range(1, len(numbers) + 1):
        is_last = end == len(numbers)
        if is_last or (end + 1 - begin) * _side(spans[numbers[end]]) ** 2 > MAX_PADDED_PIXELS:
            yield np.array(numbers[begin:end])
            begin = end


def _weights(crops: Ints, axis: int, begins: Ints, image_px: int, room: int, device: torch.device) -> torch.Tensor:
    """Return ``[n, P, S]``: how much a pixel of the square has of each of its part's (Pillow's `precompute_coeffs`)."""
    sizes = (torch.from_numpy(np.ascontiguousarray(values)).to(device)[:, None] for values in _axis(crops, axis))
    size_n1, new_size_n1, first_n1 = sizes
    begin_n1 = torch.from_numpy(np.ascontiguousarray(begins)).to(device)[:, None]
    scale_n1 = size_n1.double() / new_size_n1
    spread_n1 = scale_n1.clamp(min=1.0)
    centre_nP = (first_n1 + torch.arange(image_px, device=device) + 0.5) * scale_n1
    low_nP = (centre_nP - _REACH * spread_n1 + 0.5).clamp(min=0).long()
    high_nP = torch.minimum((centre_nP + _REACH * spread_n1 + 0.5).long(), size_n1)
    spread = max(1.0, float((crops[:, 2 + axis] / crops[:, 4 + axis]).max()))
    at_nPK = low_nP[..., None] + torch.arange(int(2 * _REACH * spread) + 2, device=device)
    distance_nPK = ((at_nPK - centre_nP[..., None] + 0.5) / spread_n1[..., None]).abs()
    weight_nPK = _bicubic(distance_nPK) * (at_nPK < high_nP[..., None])
    weight_nPK /= weight_nPK.sum(-1, keepdim=True)
    found_nPS = torch.zeros((len(crops), image_px, room), device=device)
    place_nPK = (at_nPK - begin_n1[..., None]).clamp(max=room - 1)  # beyond the part's end all weights are 0
    return found_nPS.scatter_add_(2, place_nPK, weight_nPK.float())


def _bicubic(distance: torch.Tensor) -> torch.Tensor:
    near = (1.5 * distance - 2.5) * distance * distance + 1.0
    far = (((distance - 5.0) * distance + 8.0) * distance - 4.0) * -0.5
    return torch.where(distance < 1.0, near, torch.where(distance < 2.0, far, 0.0))


def _rounded(values: torch.Tensor) -> torch.Tensor:
    return (values + 0.5).floor_().clamp_(0, 255)
