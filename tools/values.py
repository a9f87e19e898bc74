"""What the decision is made of: values in, values out. Days are calendar days, amounts are in company currency."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from .days import Rhythm, plus_days

UNTIL_LIFTED = date.max
"""The last day of a hold that only a person ends."""


@dataclass(frozen=True, slots=True)
class Step:
    """When to contact somebody: ``days`` before or after the due date, or after the issue date."""

    id: int
    days: int = 0
    anchor: str = "due"  # due | issue
    direction: str = "after"  # before | after
    tone: str = "first"  # reminder | statement | first | second | final
    sequence: int = 10
    repeat_days: int = 0
    auto_skip_days: int = 0
    active: bool = True
    is_automatic: bool = True  # an email that nobody reviews

    def trigger(self, issue: date, due: date) -> date:
        """Rule 2, before any move: the day from which the step may be taken."""
        base = issue if self.anchor == "issue" else due
        return plus_days(base, -self.days if self.direction == "before" else self.days)

    def given_up_on(self, since: date) -> date | None:
        """Rule 7: the day on which an open follow-up of ``since`` is skipped by itself; None: never."""
        return plus_days(since, self.auto_skip_days) if self.auto_skip_days else None

    def is_given_up(self, since: date, day: date) -> bool:
        """Whether an open follow-up of ``since`` is skipped on ``day`` for lack of a person who deals with it."""
        end = self.given_up_on(since)
        return end is not None and end <= day

    def is_late(self, issue: date, due: date, day: date) -> bool:
        """Rule 3: whether the step has lost its sense on ``day``."""
        trigger = self.trigger(issue, due)
        if self.direction == "before" and trigger < issue:
            return True
        return day > due and (trigger < due or self.tone == "reminder")


@dataclass(frozen=True, eq=False)
class Plan:
    """The policy that decisions follow. Compared by identity, so that it is cheap in a memo's key.

    ``level`` tells the subject: each invoice, or a customer, or a summary for a customer. The last two look only in
    their ``rhythm``.
    """

    steps: tuple[Step, ...]
    logic: str = "standard"  # standard | contextual
    min_contact_days: int = 0
    delay_in_workdays: bool = False
    workdays_only: bool = True
    min_amount: float = 0.0
    level: str = "invoice"  # invoice | customer | summary
    sequence: int = 10
    is_grouped: bool = True  # invoices of a customer share a message
    scope: str = "overdue"  # overdue | unpaid: what a customer's message lists
    reference_rule: str = "oldest"  # oldest | latest
    leaves_out_planned: bool = True  # what has an invoice plan with steps to come is not the customer plan's
    rhythm: Rhythm | None = None


class Taken(NamedTuple):
    """A step that a receivable has taken: it was listed in a follow-up that counts."""

    step_id: int
    occurrence: int  # 1, then 2, 3... for the repeating step
    date: date  # done or skipped on, else recorded on
    is_open: bool = False  # still waits for the machine or a person


class Item(NamedTuple):
    """One open receivable: an instalment of an invoice, an opening balance, or with a negative amount a credit."""

    key: Hashable
    issue: date
    due: date
    amount: float
    taken: tuple[Taken, ...] = ()
    hold_until: date | None = None  # the last day on which a customer's message leaves it out


class Subject(NamedTuple):
    """What a plan follows, with all that the decision needs to know of it.

    ``out`` is a reason that keeps the whole subject from being followed up (paid, blocked, excluded...), found in the
    facts and not in the schedule. ``hold_until`` is the last day of a pause, promise or dispute.
    """

    plan: Plan
    items: tuple[Item, ...]
    last_contact: date | None = None
    hold_until: date | None = None
    out: str = ""


class Limits(NamedTuple):
    """What a company allows itself with one customer, over all plans. Only automatic messages are bound by it."""

    min_days_any: int = 0  # between two messages; 0: off
    last_automatic: date | None = None
    is_capped: bool = False  # today's number of messages is used up


class Decision(NamedTuple):
    """The steps to take together on ``date``, and why then. No steps: nothing more, or nothing until someone acts.

    ``not_before``: what a plan decides at a look of ``date`` leaves only on this later day, for the company's limits.
    The next look may be a month away.
    """

    steps: tuple[Step, ...]
    date: date | None
    reason: str
    occurrence: int = 1
    not_before: date | None = None


class Planned(NamedTuple):
    """One entry of a simulation: the subject's index in the input, and what it would take on that day."""

    date: date
    index: int
    decision: Decision
