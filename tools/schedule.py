"""The one decision of this addon: which steps a subject owes, on which day, and why.

Pure: values in, values out. No Odoo, no clock, no write. The run, the preview, the "next follow-up" fields and the
sentence that explains them all call :func:`decide`; nothing else knows what happens next.

Days are calendar days, amounts are in company currency. The numbers of the rules are those of the README ("How it
decides").
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

IsFree = Callable[[date], bool]
"""Tells whether the company does not work on that day (weekend, public holiday)."""

UNTIL_LIFTED = date.max
"""The last day of a hold that only a person ends."""

_DAY = timedelta(days=1)
_LONGEST_CLOSURE = 366  # days; past that the calendar has no working day at all and is not believed


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

    def trigger(self, issue: date, due: date) -> date:
        """Rule 2, before any move: the day from which the step may be taken."""
        base = issue if self.anchor == "issue" else due
        return base + timedelta(days=-self.days if self.direction == "before" else self.days)

    def is_late(self, issue: date, due: date, day: date) -> bool:
        """Rule 3: whether the step has lost its sense on ``day``."""
        trigger = self.trigger(issue, due)
        if self.direction == "before" and trigger < issue:
            return True
        return day > due and (trigger < due or self.tone == "reminder")


@dataclass(frozen=True, eq=False)
class Plan:
    """The policy that decisions follow. Compared by identity, so that it is cheap in a memo's key."""

    steps: tuple[Step, ...]
    logic: str = "standard"  # standard | contextual
    min_contact_days: int = 0
    delay_in_workdays: bool = False
    workdays_only: bool = True
    min_amount: float = 0.0


class Taken(NamedTuple):
    """A step that a receivable has taken: it was listed in a follow-up that counts."""

    step_id: int
    occurrence: int  # 1, then 2, 3... for the repeating step
    date: date  # done or skipped on, else recorded on
    is_open: bool = False  # still waits for the machine or a person


class Item(NamedTuple):
    """One open receivable: an instalment of an invoice."""

    key: Hashable
    issue: date
    due: date
    amount: float
    taken: tuple[Taken, ...] = ()


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


class Decision(NamedTuple):
    """The steps to take together on ``date``, and why then. No steps: nothing more, or nothing until someone acts."""

    steps: tuple[Step, ...]
    date: date | None
    reason: str
    occurrence: int = 1


class Planned(NamedTuple):
    """One entry of a simulation: the subject's index in the input, and what it would take on that day."""

    date: date
    index: int
    decision: Decision


class _Candidate(NamedTuple):
    trigger: date
    send: date | None
    reason: str
    step: Step
    occurrence: int


# --- calendar ---------------------------------------------------------------------------------------------------------


def _shift(day: date, is_free: IsFree, by: timedelta) -> date:
    moved = day
    for _i in range(_LONGEST_CLOSURE):
        if not is_free(moved):
            return moved
        moved += by
    return day


def next_workday(day: date, is_free: IsFree) -> date:
    """The first working day on or after ``day`` (rule 4)."""
    return _shift(day, is_free, _DAY)


def add_workdays(day: date, count: int, is_free: IsFree) -> date:
    """The ``count``-th working day after ``day``."""
    for _i in range(count):
        day = next_workday(day + _DAY, is_free)
    return day


def _never_free(_day: date) -> bool:
    return False


# --- the decision of one dated receivable -----------------------------------------------------------------------------


def _earliest(step: Step, trigger: date, is_free: IsFree) -> date:
    """Rule 2: only a step *before* moves back, so that a courtesy does not come too late."""
    return _shift(trigger, is_free, -_DAY) if step.direction == "before" else trigger


def _contact_floor(plan: Plan, last_contact: date | None, is_free: IsFree) -> date:
    """Rule 6: the first day on which the minimum delay since the last contact is over."""
    if not last_contact:
        return date.min
    delay = max(1, plan.min_contact_days)
    if plan.delay_in_workdays:
        return add_workdays(last_contact, delay, is_free)
    return last_contact + timedelta(days=delay)


def _block_end(plan: Plan, item: Item, trigger: date) -> date | None:
    """Rule 7: the first day on which no open follow-up blocks a step of this trigger date; None: a person must act."""
    steps = {step.id: step for step in plan.steps}
    end = date.min
    for taken in item.taken:
        step = steps.get(taken.step_id) if taken.is_open else None
        if not step or step.trigger(item.issue, item.due) >= trigger:
            continue
        ends = []
        if step.auto_skip_days:
            ends.append(taken.date + timedelta(days=step.auto_skip_days))
        if step.is_late(item.issue, item.due, item.due + _DAY):
            ends.append(item.due + _DAY)
        if not ends:
            return None
        end = max(end, min(ends))
    return end


def _untaken(plan: Plan, item: Item) -> list[tuple[date, Step, int]]:
    """Rules 5 and 8: (trigger date, step, occurrence) of all steps that may still come, in time order."""
    timeline = sorted(
        ((step.trigger(item.issue, item.due), step) for step in plan.steps), key=lambda x: (x[0], x[1].sequence, x[1].id)
    )
    taken_ids = {taken.step_id for taken in item.taken}
    position = max((trigger for trigger, step in timeline if step.id in taken_ids), default=date.min)
    owed = [
        (trigger, step, 1)
        for trigger, step in timeline
        if step.active and trigger >= position and step.id not in taken_ids
    ]
    return owed or _repetition(timeline, item)


def _repetition(timeline: list[tuple[date, Step]], item: Item) -> list[tuple[date, Step, int]]:
    last = next((step for _trigger, step in reversed(timeline) if step.active), None)
    if not last or not last.repeat_days:
        return []
    times = [taken for taken in item.taken if taken.step_id == last.id]
    if not times:
        return []
    since = max(taken.date for taken in times)
    occurrence = max(taken.occurrence for taken in times) + 1
    return [(since + timedelta(days=last.repeat_days), last, occurrence)]


def _send(earliest: date, block_end: date | None, floors: dict[str, date], is_free: IsFree) -> tuple[date | None, str]:
    """Rule 6: the send date of one step, with the constraint that decided it."""
    if block_end is None:
        return None, "open"
    floors = {**floors, "open": block_end, "scheduled": earliest}
    if floors["hold"] == UNTIL_LIFTED:
        return None, "hold"
    reason, floor = max(floors.items(), key=lambda entry: entry[1])
    day = next_workday(floor, is_free)
    if day == floors["today"]:
        return day, "due"
    return day, "workday" if reason == "today" else reason


def _candidates(plan: Plan, item: Item, floors: dict[str, date], is_free: IsFree) -> Iterator[_Candidate]:
    """The steps still owed, each with its send date, without those that rule 3 passes over on that date."""
    for trigger, step, occurrence in _untaken(plan, item):
        earliest = _earliest(step, trigger, is_free)
        send, reason = _send(earliest, _block_end(plan, item, trigger), floors, is_free)
        if not step.is_late(item.issue, item.due, send or floors["today"]):
            yield _Candidate(trigger, send, reason, step, occurrence)


def _decide_item(
    plan: Plan, item: Item, last_contact: date | None, hold_until: date | None, today: date, is_free: IsFree
) -> Decision:
    """Rules 2 to 9 for one receivable."""
    floors = {
        "today": today,
        "min_contact": _contact_floor(plan, last_contact, is_free),
        "hold": hold_until if hold_until == UNTIL_LIFTED else (hold_until + _DAY if hold_until else date.min),
    }
    candidates = list(_candidates(plan, item, floors, is_free if plan.workdays_only else _never_free))
    if not candidates:
        return Decision((), None, "passed" if _untaken(plan, item) else "finished")
    dated = [candidate for candidate in candidates if candidate.send]
    if plan.logic == "contextual" and dated:
        # the latest trigger date that is reached on the earliest possible day; its own send date is that day too
        day = min(candidate.send for candidate in dated)
        trigger = max(candidate.trigger for candidate in dated if candidate.send == day)
    else:
        trigger = candidates[0].trigger
    chosen = [candidate for candidate in candidates if candidate.trigger == trigger]
    if not chosen[0].send:
        return Decision((), None, chosen[0].reason)
    first = min(chosen, key=lambda candidate: candidate.send)
    steps = tuple(candidate.step for candidate in chosen if candidate.send == first.send)
    return Decision(steps, first.send, first.reason, first.occurrence)


# --- subjects ---------------------------------------------------------------------------------------------------------


def reference(subject: Subject) -> Item | None:
    """The receivable that dates the subject: the earliest due whose open amount exceeds the plan's minimum (rule 1)."""
    worth = [item for item in subject.items if item.amount > subject.plan.min_amount]
    return min(worth, key=lambda item: (item.due, -item.amount), default=None)


def listed(subject: Subject, day: date) -> list[Item]:
    """The receivables that a follow-up of ``day`` lists: the reference, and all that are overdue by then."""
    dated_by = reference(subject)
    return [item for item in subject.items if item is dated_by or item.due < day]


def objection(subject: Subject, item: Item | None, step: Step | None, day: date) -> str:
    """Why what was decided for a receivable must not go out on ``day`` any more: a reason key, empty if it may.

    :param item: the receivable as it is now; None if it is no longer open
    :param step: the step that it triggered; None if it is only listed beside others
    """
    if subject.out:
        return subject.out
    if subject.hold_until and subject.hold_until >= day:
        return "hold"
    if item is None:
        return "paid"
    if step and step.is_late(item.issue, item.due, day):
        return "passed"
    if step and item.amount <= subject.plan.min_amount:
        return "below_min"
    return ""


def decide(
    subjects: Iterable[Subject], today: date, is_free: IsFree, memo: dict[Hashable, Decision] | None = None
) -> list[Decision]:
    """What each subject of one customer owes next, seen on ``today``.

    A decision dated ``today`` is to be carried out now; a later one is what would happen if nothing changed.

    :param subjects: all subjects of one customer, together, since rules of the company may couple them
    :param is_free: the company's days off
    :param memo: kept by the caller for one day and one company, so that equal facts are decided once
    """
    memo = {} if memo is None else memo
    return [_decide(subject, today, is_free, memo) for subject in subjects]


def _decide(subject: Subject, today: date, is_free: IsFree, memo: dict[Hashable, Decision]) -> Decision:
    if subject.out:
        return Decision((), None, subject.out)
    plan, items, last_contact, hold_until, _out = subject
    item = items[0] if len(items) == 1 and items[0].amount > plan.min_amount else reference(subject)
    if item is None:
        return Decision((), None, "below_min" if items else "paid")
    key = (plan, item.issue, item.due, item.taken, last_contact, hold_until)
    decision = memo.get(key)
    if decision is None:
        decision = memo[key] = _decide_item(plan, item, last_contact, hold_until, today, is_free)
    return decision


def simulate(subjects: Sequence[Subject], today: date, until: date, is_free: IsFree) -> Iterator[Planned]:
    """Roll :func:`decide` forward from ``today`` to ``until``, as if each step were done on its day."""
    subjects = list(subjects)
    day = today
    while day <= until:
        decisions = decide(subjects, day, is_free)
        for index, decision in enumerate(decisions):
            if decision.date == day:
                yield Planned(day, index, decision)
                subjects[index] = _after(subjects[index], decision, day)
        upcoming = (decision.date for decision in decide(subjects, day + _DAY, is_free) if decision.date)
        day = min(upcoming, default=UNTIL_LIFTED)


def _after(subject: Subject, decision: Decision, day: date) -> Subject:
    done = tuple(Taken(step.id, decision.occurrence, day) for step in decision.steps)
    told = listed(subject, day)
    items = tuple(item._replace(taken=item.taken + done) if item in told else item for item in subject.items)
    return subject._replace(items=items, last_contact=day)
