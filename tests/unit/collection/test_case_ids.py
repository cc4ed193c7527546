import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def collect(folder: Path, parametrize: str) -> subprocess.CompletedProcess[str]:
    """Collect one test whose cases are given as the arguments of `parametrize`."""
    (folder / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\npythonpath = [{str(ROOT)!r}]\n")
    (folder / "test_it.py").write_text(
        f"import gzip, re\nimport pytest\n@pytest.mark.parametrize({parametrize})\ndef test_it(data, message): pass\n",
        encoding="utf-8",
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.case_ids", "-p", "no:cacheprovider", "--collect-only", "-q"],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cases", "found"),
    [
        pytest.param('[(gzip.compress(b""), "a")]', "the value of data makes no id", id="packed bytes"),
        pytest.param('[(b"a", "a"), (b"a", "a")]', "the value of data makes no id", id="bytes"),
        pytest.param('[("caf\u00e9", "a")]', "the value of data makes no id", id="not ASCII"),
        pytest.param('[(1, "two\\nlines")]', "the value of message makes no id", id="not printable"),
        pytest.param('[("x" * 101, "y" * 101)]', "the value of data and of message makes no id", id="long"),
        pytest.param('[(re.compile("caf\u00e9"), "a")]', "the value of data makes no id", id="pattern"),
        pytest.param('[("x" * 60, "y" * 60)]', "found 'xxx", id="long together"),
        pytest.param('[pytest.param(1, 2, id="caf\u00e9")]', r"found 'caf\\xe9'", id="given and not ASCII"),
        pytest.param('[pytest.param(1, 2, id="x" * 101)]', "found 'xxx", id="given and long"),
    ],
)
def test_a_test_with_an_unfit_id_is_named_and_not_collected(tmp_path: Path, cases: str, found: str) -> None:
    done = collect(tmp_path, f'("data", "message"), {cases}')
    assert done.returncode == 2
    assert "test_it.py::test_it: expected cases whose ids are at most 100 printable ASCII characters" in done.stdout
    assert found in done.stdout


def test_what_makes_an_id_is_collected(tmp_path: Path) -> None:
    cases = r'[(1, "a b"), ([b"x"], r"\(a\\b\)"), (None, re.compile("x")), pytest.param(b"\0", "\n", id="named")]'
    done = collect(tmp_path, f'("data", "message"), {cases}')
    assert done.returncode == 0, done.stdout
    assert [line for line in done.stdout.splitlines() if "::" in line] == [
        "test_it.py::test_it[1-a b]", r"test_it.py::test_it[data1-\\(a\\\\b\\)]",
        "test_it.py::test_it[None-x]", "test_it.py::test_it[named]",
    ]  # fmt: skip
