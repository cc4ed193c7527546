"""Options of the evaluation: ranges, and that help is fast."""

import subprocess
import sys

import pytest

from trainer.evaluate.config import ZeroShotConfig

PATHS = {"checkpoint": "c", "dataset": "d", "classes": "k", "templates": "t"}


def test_what_is_not_given_has_a_value_in_its_range() -> None:
    config = ZeroShotConfig(**PATHS)
    assert config.output is None
    assert config.batch_size >= 1
    assert config.threads >= 1


@pytest.mark.parametrize("name", ["batch_size", "threads"])
@pytest.mark.parametrize("value", [0, -1])
def test_less_than_one_is_refused_with_field_and_value(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1, found {value}"):
        ZeroShotConfig(**PATHS, **{name: value})
    assert getattr(ZeroShotConfig(**PATHS, **{name: 1}), name) == 1


def test_options_import_nothing_slow() -> None:
    code = "import sys, trainer.evaluate.config; print({'torch', 'numpy', 'pyarrow'} & sys.modules.keys())"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert shown.strip() == "set()"
