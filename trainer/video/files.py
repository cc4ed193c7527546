"""Paths of videos and folders in, the list of video files out. Which kinds of files are read stands here."""

from collections.abc import Sequence

from schemas.listed_files import list_files

SUFFIXES_OF_FORMAT = {
    "mov": (".mp4", ".m4v", ".mov", ".3gp", ".3g2"),
    "matroska": (".mkv", ".webm"),
    "avi": (".avi",),
    "mpegts": (".ts", ".mts", ".m2ts"),
    "mpeg": (".mpg", ".mpeg", ".vob"),
    "asf": (".wmv", ".asf"),
    "flv": (".flv",),
    "ogg": (".ogv",),
    "mxf": (".mxf",),
    "gif": (".gif",),
}
"""By FFmpeg's name of the demuxer. Lists of other files (HLS, DASH, concat, SDP) are none of them."""

VIDEO_SUFFIXES = tuple(suffix for suffixes in SUFFIXES_OF_FORMAT.values() for suffix in suffixes)
"""Suffixes, in lower case, of the files of a folder that are taken for videos; the bytes decide what they are."""


def list_videos(paths: Sequence[str]) -> list[str]:
    """Return the files that are named, and the videos below the folders that are, sorted, each once.

    Raises FileNotFoundError for a path that is not there, and where no file is found.
    """
    return list_files(
        paths, lambda name: name.lower().endswith(VIDEO_SUFFIXES), option="VIDEO", none_found="none",
        suffixes=VIDEO_SUFFIXES,
    )  # fmt: skip
