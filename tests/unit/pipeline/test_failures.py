"""The cause of a failed job in one line, from what the runners put around it."""

from pipeline.failures import cause_of


def test_cause_in_a_wrapped_trace() -> None:
    text = """Error received from SDK harness for instruction 4: Traceback (most recent call last):
  File "x.py", line 3, in process
    write()
OSError: [Errno 28] No space left on device [while running 'ExtractSplit']

During handling of the above exception, another exception occurred:
  File "y.py", line 9, in run
"""
    assert cause_of(RuntimeError(text)) == "OSError: [Errno 28] No space left on device [while running 'ExtractSplit']"


def test_an_error_without_a_trace_is_named() -> None:
    assert cause_of(RuntimeError("gone")) == "RuntimeError: gone"
    assert cause_of(RuntimeError()) == "RuntimeError: "
