"""No member of a tar and no file of a folder goes uncounted."""

import itertools
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.image_files import IMAGE_SUFFIXES
from tests.support.local_images import Read
from tests.support.small_shards import write_tar

NAMES = st.lists(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "cat/", "big.dog/", "__MACOSX/", ".ipynb_checkpoints/"]),
        st.sampled_from(["a", "b", "._a", "a.b", "_c"]),
        st.sampled_from([*IMAGE_SUFFIXES, ".JPG", ".Png", ".txt", ".json", ".heic", ".cls", ""]),
    ),
    max_size=14,
    unique_by=str.lower,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(NAMES)
def test_every_member_of_a_tar_is_read_rejected_or_dropped(tmp_path: Path, names: list[str]) -> None:
    path = tmp_path / "0.tar"
    write_tar(path, [(name, b"{}" if name.endswith(".json") else b"text") for name in names])
    read = Read(path, "webdataset")
    with tarfile.open(path) as tar:  # counted without any code of the source
        listed = [member.name for member in tar]
    data = [name for name in listed if not name.startswith(("__MACOSX/", ".ipynb")) and "._" not in name]
    keyed = [name for name in data if "." in name.rpartition("/")[2]]
    expected = 0
    lacking: dict[str, bool] = {}
    for key, members in itertools.groupby(keyed, lambda name: name[: name.index(".", name.rfind("/") + 1)]):
        suffixes = {name[len(key) :].lower() for name in members}
        lacks = not (".txt" in suffixes and suffixes & set(IMAGE_SUFFIXES))
        if lacks and lacking.get(key):
            lacking[key] = False  # the rest of a sample that stands apart: told as one
        else:
            expected += 1
            lacking.setdefault(key, lacks)
    assert read.num_records == expected
    assert read.dropped.total() == len(listed) - len(keyed)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(NAMES)
def test_every_file_of_a_folder_is_read_rejected_dropped_or_the_text_of_an_image(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    root = tmp_path_factory.mktemp("images")
    for name in names:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("{}" if name.endswith(".json") else "text")
    images = {path for path in root.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES and "._" not in path.name
              and not path.parent.name.startswith((".", "__"))}  # fmt: skip
    if not images:
        if names:
            with pytest.raises(ValueError, match="no image in"):
                Read(root, "folder")
        return
    stems = {path.with_suffix("") for path in images}
    texts = [path for path in root.rglob("*") if path.suffix in (".txt", ".json") and path.with_suffix("") in stems]
    read = Read(root, "folder")
    assert read.num_records == len(images)
    assert read.dropped.total() == len(names) - len(images) - len(texts)
