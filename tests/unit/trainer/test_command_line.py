"""Commands end with one line: an error of the user's, or Ctrl-C."""

import pytest

from trainer.command_line import INTERRUPTED, expected_errors


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (ValueError("no such thing\nsecond line"), 2, "error: no such thing\n"),
        (FileNotFoundError("no such file"), 2, "error: no such file\n"),
        (
            KeyboardInterrupt(),
            INTERRUPTED,
            "interrupted; where a command keeps what it made, the same command goes on\n",
        ),
    ],
    ids=["value", "file", "ctrl-c"],
)
def test_one_line_and_a_code(raised: BaseException, code: int, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, expected_errors():
        raise raised
    assert ended.value.code == code
    assert capsys.readouterr().err == told


def test_others_keep_their_traceback() -> None:
    with pytest.raises(KeyError), expected_errors():
        raise KeyError("a fault of ours")
