"""An agent with a contact must be given above 10,000 rows."""

import pytest

from pipeline.download.fetch.contact import MAX_WITHOUT_CONTACT, check_contact, has_contact
from pipeline.download.fetch.options import DEFAULT_USER_AGENT


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (DEFAULT_USER_AGENT, False), ("Mozilla/5.0", False), ("MyBot/1.0", False),
        ("MyBot/1.0 (http://localhost/)", False),
        ("MyBot/1.0 (me@home)", False), ("MyBot/1.0 (+https://example.org/bot)", True),
        ("MyBot/1.0 (crawl@example.org)", True), (f"{DEFAULT_USER_AGENT} for crawl@example.org", True),
    ],
)  # fmt: skip
def test_a_url_or_an_address_of_your_own(agent: str, expected: bool) -> None:
    assert has_contact(agent) is expected


def test_it_must_be_given_for_many_and_the_line_says_how() -> None:
    check_contact(DEFAULT_USER_AGENT, MAX_WITHOUT_CONTACT, "selection")
    check_contact("MyBot/1.0 (+https://example.org/bot)", 10 * MAX_WITHOUT_CONTACT, "selection")
    with pytest.raises(ValueError, match=r"selection has 10,001 rows.*--user-agent 'WebImageText") as error:
        check_contact(DEFAULT_USER_AGENT, MAX_WITHOUT_CONTACT + 1, "selection")
    assert "\n" not in str(error.value)
