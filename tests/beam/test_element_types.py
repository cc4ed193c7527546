"""The check of element types that all tests here run with finds what a step declares and does not keep."""

from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest

from pipeline.runners.failures import JobFailed, names_element
from pipeline.runners.runner import run_pipeline

TABLE = pa.table({"a": [1]})


class Annotated(beam.DoFn):
    """Says in its annotation what it yields; `number` is a side input."""

    def __init__(self, key: Any, table: Any) -> None:
        self._pair = key, table

    @names_element
    def process(self, element: int, number: int) -> Iterator[tuple[int, pa.Table]]:
        yield self._pair


class Unannotated(beam.DoFn):
    def __init__(self, key: Any, table: Any) -> None:
        self._pair = key, table

    def process(self, element: Any, number: Any) -> Any:
        yield self._pair


def graph(step: beam.DoFn, declared: Any) -> Callable[[beam.Pipeline], None]:
    def build(pipeline: beam.Pipeline) -> None:
        side = pipeline | "CreateNumber" >> beam.Create([1])
        told = beam.ParDo(step, beam.pvalue.AsSingleton(side))
        _ = (
            pipeline
            | "CreateOne" >> beam.Create([1])
            | "Tell" >> (told.with_output_types(declared) if declared is not None else told)
        )

    return build


@pytest.mark.parametrize("step", [Annotated, Unannotated])
def test_what_is_as_declared_passes(step: Callable[..., beam.DoFn]) -> None:
    run_pipeline(graph(step(1, TABLE), tuple[int, pa.Table]), [])


@pytest.mark.parametrize(
    ("step", "declared", "found"),
    [
        (Annotated(1, TABLE.to_batches()[0]), None, "RecordBatch"),
        (Annotated("a", TABLE), None, "str"),
        (Unannotated(1, TABLE.to_batches()[0]), tuple[int, pa.Table], "RecordBatch"),
        (Unannotated(1, None), tuple[int, pa.Table], "NoneType"),
    ],
    ids=["annotated-table", "annotated-key", "declared-table", "declared-none"],
)
def test_what_is_not_as_declared_fails_and_names_the_step(step: beam.DoFn, declared: Any, found: str) -> None:
    with pytest.raises(JobFailed, match=rf"^TypeCheckError: Tuple.*instance of type {found}.*'Tell'"):
        run_pipeline(graph(step, declared), [])
