"""Find the files of WordNet without a manual step.

In order: the folder or zip file given by the user (WordNet 3.0 or 3.1), the cache of an earlier run, nltk's data if
installed, nltk's download, the Debian package ``wordnet-base`` if installed: each of these WordNet 3.0, so that all
users have the same. Out: what `querygen.synsets.synsets` opens. Nothing is installed here; where nltk's server is out
of reach, ``make setup`` unpacks the Debian package.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from schemas.cache_home import cache_home

PARTS_OF_SPEECH = ("adj", "adv", "noun", "verb")
DATA_FILES = tuple(f"{kind}.{part}" for part in PARTS_OF_SPEECH for kind in ("data", "index"))
NEEDED_FILES = DATA_FILES
TAG_FILES = ("cntlist.rev", "index.sense")
"""How often a word is tagged with a synset: the same counts in both; one is needed. Debian's WordNet 3.0 and nltk's
have the first, Princeton's and npm's WordNet 3.1 the second."""

MAX_ZIPPED_BYTES = 1 << 28
"""The largest file in a zip file that is opened; WordNet's largest has 15 MB."""

Root = Path | zipfile.Path
"""The folder that holds WordNet's files, or its place in a zip file."""

_LEXNAME_LINES = (
    "adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body noun.cognition "
    "noun.communication noun.event noun.feeling noun.food noun.group noun.location noun.motive noun.object "
    "noun.person noun.phenomenon noun.plant noun.possession noun.process noun.quantity noun.relation noun.shape "
    "noun.state noun.substance noun.time verb.body verb.change verb.cognition verb.communication verb.competition "
    "verb.consumption verb.contact verb.creation verb.emotion verb.motion verb.perception verb.possession "
    "verb.social verb.stative verb.weather adj.ppl"
)
_LEXNAMES = _LEXNAME_LINES.split()
"""Names of the 45 lexicographer files in their order (WordNet manual, lexnames(5WN)); Debian leaves the file out."""

_LEXNAME_NUMBERS = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}

DEBIAN_FOLDER = Path("/usr/share/wordnet")
"""Where the Debian package puts the files when it is installed."""


def lexnames_file() -> str:
    """Return the contents of WordNet's ``lexnames``: number, name and part of speech of each lexicographer file."""
    lines = [f"{i:02d}\t{name}\t{_LEXNAME_NUMBERS[name.split('.')[0]]}\n" for i, name in enumerate(_LEXNAMES)]
    return "".join(lines)


def cache_dir() -> Path:
    """Return where WordNet is kept between runs: ``$XDG_CACHE_HOME/webimagetext/wordnet``."""
    return cache_home() / "wordnet"


def find_wordnet(wordnet_dir: str | None) -> Root:
    """Return where WordNet's files are.

    `wordnet_dir` is a folder with them, one whose folder ``dict`` has them (Princeton's archive), or a zip file (nltk's
    wordnet31.zip). Raises FileNotFoundError with what to do when no way works, ValueError for a bad zip file.
    """
    if wordnet_dir is not None:
        root: Root = Path(wordnet_dir)
        if root.is_file():
            root = _in_zip(wordnet_dir)
        elif (root / "dict" / DATA_FILES[0]).is_file():
            root = root / "dict"
        check_complete(root)
        return root
    cached = cache_dir()
    if is_complete(cached):
        return cached
    return _nltk_data() or prepare(cached)


def _in_zip(path: str) -> zipfile.Path:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise ValueError(f"{path}: expected a folder or a zip file that holds data.noun, ... ({error})") from error
    too_long = [entry.filename for entry in archive.infolist() if entry.file_size > MAX_ZIPPED_BYTES]
    if too_long:
        raise ValueError(f"{path}: {too_long[0]!r} is longer than {MAX_ZIPPED_BYTES:,} bytes; this is no WordNet")
    folders = sorted(name.removesuffix(DATA_FILES[0]) for name in archive.namelist() if name.endswith(DATA_FILES[0]))
    return zipfile.Path(archive, next((name for name in folders if name == "" or name.endswith("/")), ""))


def prepare(target: Path, wordnet_dir: str | None = None) -> Path:
    """Make `target` a complete WordNet folder, of `wordnet_dir` or by download; nothing to do when it is one.

    Safe against other processes doing the same: the folder appears whole by a rename. Raises ValueError when `target`
    is another WordNet than `wordnet_dir`.
    """
    given = None if wordnet_dir is None else find_wordnet(wordnet_dir)
    if is_complete(target):
        if given is not None and digest(given) != digest(target):
            raise ValueError(f"{target}: holds another WordNet than {wordnet_dir}; delete it")
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tmp-wordnet-", dir=target.parent) as work:
        whole = Path(work) / "whole"
        _copy(given or _download(Path(work)), whole)
        try:
            whole.rename(target)
        except OSError as error:
            if not is_complete(target):  # else another process was faster
                raise FileNotFoundError(f"{target}: holds something else than WordNet; delete it ({error})") from error
    return target


def _download(work: Path) -> Path:
    """Return a folder of WordNet's files, below `work` or where the system has them."""
    failures = []
    for way in (_from_nltk, _from_debian):
        try:
            return way(work)
        except (OSError, LookupError, ValueError) as error:
            failures.append(f"{way.__name__.removeprefix('_from_')}: {' '.join(str(error).split())[:200]}")
    raise FileNotFoundError(
        f"WordNet was not found and could not be downloaded ({'; '.join(failures)}). Install the Debian package "
        f"wordnet-base or nltk's 'wordnet' data (python -m nltk.downloader wordnet), or give a folder that holds "
        f"data.noun, index.noun, ... with --wordnet-dir"
    )


def _copy(files: Root, folder: Path) -> None:
    """Make `folder` of WordNet's `files`, checked."""
    folder.mkdir(mode=0o755)
    for name in (*NEEDED_FILES, *TAG_FILES):
        if (files / name).is_file():
            with open_file(files, name) as source, (folder / name).open("wb") as sink:
                shutil.copyfileobj(source, sink)
    check_complete(folder)


def missing_files(root: Root) -> list[str]:
    """Return the files of WordNet that are needed and not under `root`."""
    missing = [name for name in NEEDED_FILES if not (root / name).is_file()]
    if not any((root / name).is_file() for name in TAG_FILES):
        missing.append(" or ".join(TAG_FILES))
    return missing


def is_complete(root: Root) -> bool:
    return not missing_files(root)


def check_complete(root: Root) -> None:
    """Raise FileNotFoundError when files lack, with their names."""
    missing = missing_files(root)
    if missing:
        raise FileNotFoundError(
            f"{root}: expected a WordNet folder (or zip file), missing {', '.join(missing[:4])}"
            f"{', ...' if len(missing) > 4 else ''}; `querygen wordnet --output FOLDER` makes a folder of them"
        )


def tag_file(root: Root) -> str:
    """Return which of `TAG_FILES` is there, the first of both."""
    return next(name for name in TAG_FILES if (root / name).is_file())


def digest(root: Root) -> dict[str, Any]:
    """Return name, bytes and SHA-256 over all files of WordNet that are read: its place in the run's inputs."""
    total, whole = 0, hashlib.sha256()
    for name in (*DATA_FILES, tag_file(root)):
        with open_file(root, name) as source:
            while block := source.read(1 << 20):
                total += len(block)
                whole.update(block)
    return {"name": "wordnet", "bytes": total, "sha256": whole.hexdigest()}


@contextlib.contextmanager
def open_file(root: Root, name: str) -> Iterator[IO[bytes]]:
    """Open one file of WordNet for reading bytes."""
    with (root / name).open("rb") as source:
        yield source


def _nltk_data() -> Root | None:
    import nltk

    for name in ("corpora/wordnet", "corpora/wordnet.zip/wordnet/"):
        try:
            found = nltk.data.find(name)
        except (LookupError, OSError):
            continue
        root = zipfile.Path(found.zipfile.filename, found.entry) if hasattr(found, "zipfile") else Path(str(found))
        if is_complete(root):
            return root
    return None


def _from_nltk(work: Path) -> Path:
    import nltk

    folder = work / "nltk_data"
    folder.mkdir(mode=0o700)
    nltk.data.path.append(str(folder))
    try:
        with open(os.devnull, "w") as silent, contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
            if not nltk.download("wordnet", download_dir=str(folder), quiet=True, print_error_to=silent):
                raise LookupError("nltk's server could not be reached")
        shutil.unpack_archive(folder / "corpora" / "wordnet.zip", work / "nltk_unpacked")
    finally:
        nltk.data.path.remove(str(folder))
    return work / "nltk_unpacked" / "wordnet"


def _from_debian(work: Path) -> Path:
    if not is_complete(DEBIAN_FOLDER):
        raise FileNotFoundError("wordnet-base is not installed")
    return DEBIAN_FOLDER
