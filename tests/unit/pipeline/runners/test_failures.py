"""The cause of a failed job in one line, from what the runners put around it."""

import inspect

import pytest

from pipeline.runners.failures import ElementFailed, cause_of, names_element
from pipeline.sources.source import InputSplit


def test_cause_in_a_wrapped_trace() -> None:
    text = """Error received from SDK harness for instruction 4: Traceback (most recent call last):
  File "x.py", line 3, in process
    write()
OSError: [Errno 28] No space left on device [while running 'ExtractSplit']

During handling of the above exception, another exception occurred:
  File "y.py", line 9, in run
"""
    assert cause_of(RuntimeError(text)) == "OSError: [Errno 28] No space left on device [while running 'ExtractSplit']"


def test_a_message_of_several_lines_keeps_all_of_them_and_the_step_where_it_began() -> None:
    text = """Traceback (most recent call last):
  File "t.py", line 1, in read
OSError: Couldn't deserialize thrift: don't know what type:
Deserializing page header failed.

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "w.py", line 2, in process
OSError: Couldn't deserialize thrift: don't know what type:
Deserializing page header failed.
 [while running 'ReadCandidates'] [while running 'Outer']

"""
    assert cause_of(RuntimeError(text)) == (
        "OSError: Couldn't deserialize thrift: don't know what type: Deserializing page header failed. "
        "[while running 'ReadCandidates']"
    )


def test_python_inside_java_is_the_cause() -> None:
    text = """org.apache.flink.client.program.ProgramInvocationException: The main method caused an error: failed
\tat org.apache.flink.client.ClientUtils.executeProgram(ClientUtils.java:1)
Caused by: java.util.concurrent.ExecutionException: java.lang.RuntimeException: Error received from SDK harness \
for instruction 2: Traceback (most recent call last):
  File "w.py", line 2, in process
pipeline.runners.failures.ElementFailed: 00007.parquet: OSError: data page is damaged [while running 'ReadCandidates']

\tat java.base/java.util.concurrent.CompletableFuture.reportGet(CompletableFuture.java:395)
\t... 7 more
Caused by: java.lang.RuntimeException: Error received from SDK harness
"""
    assert cause_of(RuntimeError(text)) == (
        "00007.parquet: OSError: data page is damaged [while running 'ReadCandidates']"
    )


def test_java_alone_gives_its_innermost_cause() -> None:
    text = """org.apache.flink.runtime.JobException: Recovery is suppressed
\tat org.apache.flink.x(y.java:1)
Caused by: java.lang.OutOfMemoryError: Direct buffer memory
\tat java.nio.z(w.java:2)
"""
    assert cause_of(RuntimeError(text)) == "OutOfMemoryError: Direct buffer memory"


def test_what_the_cluster_itself_says_is_told_without_the_name_of_the_job() -> None:
    text = "Pipeline webimagetext-1_2-3 failed in state FAILED: java.io.IOException: Insufficient number of buffers"
    assert cause_of(RuntimeError(text)) == "java.io.IOException: Insufficient number of buffers"


def test_an_error_without_a_trace_is_named() -> None:
    assert cause_of(RuntimeError("gone")) == "RuntimeError: gone"
    assert cause_of(RuntimeError()) == "RuntimeError:"


class Step:
    @names_element
    def process(self, element: object) -> object:
        yield 1
        raise OSError("gone")


def test_a_step_says_at_which_file_it_failed() -> None:
    found = Step().process(InputSplit(0, "/in/a.parquet", "a.parquet"))
    assert next(found) == 1
    with pytest.raises(ElementFailed, match=r"^/in/a\.parquet: OSError: gone$"):
        next(found)
    with pytest.raises(ElementFailed, match=r"^partition 3: OSError: gone$"):
        list(Step().process((3, [])))


def test_a_decorated_step_shows_its_own_parameters() -> None:
    """Beam looks at them with `inspect.getcallargs`, where it checks the types of elements."""
    assert list(inspect.signature(Step.process).parameters) == ["self", "element"]
    assert inspect.getfullargspec(Step.process).args == ["self", "element"]
