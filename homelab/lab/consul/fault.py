"""What Consul answers when it does not do what it is asked."""

from __future__ import annotations

from http import HTTPStatus


class Fault(Exception):
    """A refusal: status and text."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


def bad_request(text: str) -> Fault:
    """What was asked makes no sense."""
    return Fault(HTTPStatus.BAD_REQUEST, text)


def denied(text: str) -> Fault:
    """Whoever asks may not."""
    return Fault(HTTPStatus.FORBIDDEN, text)


def failed(text: str) -> Fault:
    """Consul says so also of what the caller did wrong, where only its store finds out."""
    return Fault(HTTPStatus.INTERNAL_SERVER_ERROR, text)


def missing(text: str) -> Fault:
    """It is not there."""
    return Fault(HTTPStatus.NOT_FOUND, text)


def too_large(text: str) -> Fault:
    """More than Consul takes."""
    return Fault(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
