"""Beam's check of the types of elements, while a job runs: what steps declare and annotate is what they yield."""

from collections.abc import Sequence
from typing import Any

import pytest
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions, TypeOptions
from apache_beam.typehints.typecheck import TypeCheckWrapperDoFn
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.runners import runner
from pipeline.runners.runner_name import LOCAL_RUNNERS


def check_element_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the jobs of this process run as with ``--runtime_type_check``: all that a step takes or gives is looked at.

    Elements are tables, so it costs next to nothing. Jobs with worker processes are left out: what is mended here of
    Beam's check does not reach them.
    """
    of_arguments, check = runner.check_beam_options, TypeCheckWrapperDoFn.type_check

    def options(arguments: Sequence[str]) -> PipelineOptions:
        found = of_arguments(arguments)
        is_local = (found.view_as(StandardOptions).runner or "") in LOCAL_RUNNERS
        if is_local and found.view_as(DirectOptions).direct_running_mode != "multi_processing":
            found.view_as(TypeOptions).runtime_type_check = True
        return found

    def type_check(constraint: Any, datum: Any, is_input: bool) -> None:
        # Of a tagged output at a bundle's end Beam takes off the tag, but not the window (in findings/ as a script),
        # and holds it against the type of the main output: such ones are not looked at.
        if not isinstance(datum, WindowedValue):
            check(constraint, datum, is_input)

    monkeypatch.setattr(runner, "check_beam_options", options)
    monkeypatch.setattr(TypeCheckWrapperDoFn, "type_check", staticmethod(type_check))
