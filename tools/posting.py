"""What a carrier answers: a value, or one of two failures that must never be confused."""

from typing import NamedTuple


class Posting(NamedTuple):
    """A letter as its carrier knows it."""

    reference: str
    status: str  # accepted, sent, delivered or failed
    detail: str = ""  # in the carrier's words: a tracking number, or what went wrong


class CarrierRefusedError(Exception):
    """The carrier has said no: the letter is certainly not posted."""


class CarrierSilentError(Exception):
    """No answer, or none that can be understood: the letter may be posted or not."""
