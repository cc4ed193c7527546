"""An image that is already there: read from its input root, without a request."""

import os
from collections.abc import Mapping

from pipeline.download.outcome import Body, Failure, ImageReference
from schemas.storage import Folder

TAR_SUFFIX = ".tar"


def safe_member(member: str) -> bool:
    """Tell whether `member` is a plain path below a root: relative, no ``..``, no empty part, no NUL."""
    parts = member.split("/")
    return "\0" not in member and "\\" not in member and not {"", ".", ".."} & set(parts)


def read_local_image(reference: ImageReference, roots: Mapping[str, str], max_bytes: int) -> Body | Failure:
    """Return the bytes of a file, or of the byte range of a tar member, below the named root.

    A path that leaves its root (also by a symbolic link) is `image_missing`, as is an unknown root.
    """
    path = roots.get(reference.root)
    if path is None or not safe_member(reference.member):
        return Failure("image_missing")
    folder = Folder(path)
    name = reference.member
    if reference.offset is not None:
        cut = name.lower().find(f"{TAR_SUFFIX}/")
        if cut < 0 or reference.offset < 0 or (reference.length or 0) < 1:
            return Failure("image_missing")
        name = name[: cut + len(TAR_SUFFIX)]
    if folder.local:
        root = os.path.realpath(folder.root)
        if os.path.commonpath([root, os.path.realpath(folder.path(name))]) != root:
            return Failure("image_missing")
    try:
        length = reference.length if reference.offset is not None else folder.size(name)
        assert length is not None
        if length > max_bytes:
            return Failure("body_too_large")
        with folder.open(name) as source:
            source.seek(reference.offset or 0)
            data = source.read(length)
    except OSError:  # not there, a folder, no permission, the store does not answer
        return Failure("image_missing", retryable=not folder.local)
    if len(data) < length:
        return Failure("body_truncated")
    return Body(data, None)
