"""Which names are those of runners on this machine."""

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.runners.runner_name import is_local_runner, runner_name


@pytest.mark.parametrize(
    ("beam_args", "name", "local"),
    [
        ([], "", True),
        (["--runner=DirectRunner"], "DirectRunner", True),
        (["--runner", "FnApiRunner"], "FnApiRunner", True),
        (["--runner=FlinkRunner"], "FlinkRunner", False),
        (["--runner=DataflowRunner"], "DataflowRunner", False),
    ],
)
def test_runners_by_name(beam_args: list[str], name: str, local: bool) -> None:
    options = PipelineOptions(beam_args)
    assert runner_name(options) == name
    assert is_local_runner(options) == local
