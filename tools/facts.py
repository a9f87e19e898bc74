"""What READ finds, as plain values: a receivable, its customer, and all that the decision needs of one subject."""

from datetime import date
from typing import NamedTuple

from . import schedule


class Receivable(NamedTuple):
    """What a follow-up line needs to know of an item that the decision has seen."""

    move_line_id: int
    move_id: int
    instalment: int  # rank by maturity among the instalments of the invoice, from 1; of a journal entry, the line's id


class Row(NamedTuple):
    """One receivable as READ finds it: the columns of the query, in their order."""

    partner_id: int
    move_id: int
    move_type: str
    plan_id: int | None
    issue: date
    state: str
    payment_state: str
    last_date: date | None
    hold: str | None
    hold_until: date | None
    is_collected: bool  # by us: direct debit, bill of exchange; until a person says that it came back
    user_id: int | None
    address_id: int | None
    no_followup: bool
    line_id: int
    instalment: int
    due: date
    amount: float
    history: str | None


class Customer(NamedTuple):
    """What a company has decided on a customer."""

    plan_id: int | None = None
    summary_id: int | None = None
    hold: str | None = None
    hold_until: date | None = None
    is_excluded: bool = False
    is_reviewed: bool = False  # by a person, whatever the step says
    user_id: int | None = None
    last_contact: date | None = None
    last_automatic: date | None = None


class Facts(NamedTuple):
    """What READ found on one subject: the values for the decision, and what RECORD writes down."""

    partner_id: int  # the commercial partner
    plan_id: int | None
    subject: schedule.Subject
    user_id: int | None  # the salesperson
    move_id: int | None = None  # the invoice, if it is the subject
    address_id: int | None = None  # the partner named on the invoice
    left_out: dict = {}  # {(move id, instalment): reason key}, of what the subject does not count


NOBODY = Customer()
