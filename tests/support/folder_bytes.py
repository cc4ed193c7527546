"""The bytes of a folder that count in comparisons."""

from pathlib import Path


def folder_bytes(folder: str | Path) -> dict[str, bytes]:
    """Return every file below `folder` by name: not run.json, not the statistics with their clocks."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and path.name != "run.json" and not path.name.endswith("_stats.json")
    }
