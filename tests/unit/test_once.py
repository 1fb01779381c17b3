"""What has not changed is not read again."""

from __future__ import annotations

from homelab.observe.once import Latest


def test_the_latest_answer_is_given_until_an_argument_is_another() -> None:
    read: list[tuple[object, ...]] = []
    latest = Latest(lambda *objects: read.append(objects) or len(read))  # type: ignore[func-returns-value]
    one, other = {"name": "one"}, {"name": "other"}

    assert [latest((one,), None), latest((one,), None), latest((one, other), None), latest((one,), None)] == [
        1,
        1,
        2,
        3,
    ]
    assert len(read) == 3
