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
        day = next_workday(plus_days(day, 1), is_free)
    return day


def plus_days(day: date, days: int) -> date:
    """The date so many days later, or the end of time: a due date of the year 9999 is somebody's way to say never."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min


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
    return plus_days(last_contact, delay)


class _Case(NamedTuple):
    """One receivable under its plan, and what bounds the day of its next step."""

    plan: Plan
    item: Item
    others: tuple[Item, ...]  # of the same subject, with open follow-ups
    floors: dict[str, date]  # {reason: first day that it allows}
    is_free: IsFree

    def timeline(self) -> list[tuple[date, Step]]:
        dated = ((step.trigger(self.item.issue, self.item.due), step) for step in self.plan.steps)
        return sorted(dated, key=lambda entry: (entry[0], entry[1].sequence, entry[1].id))

    def position(self) -> date:
        """The trigger date of the last step taken in time order; archived steps tell it too."""
        taken_ids = {taken.step_id for taken in self.item.taken}
        return max((trigger for trigger, step in self.timeline() if step.id in taken_ids), default=date.min)

    def owed(self) -> list[tuple[date, Step, int]]:
        """Rule 5: (trigger date, step, occurrence) of the steps not yet taken nor passed, in time order."""
        taken_ids = {taken.step_id for taken in self.item.taken}
        position = self.position()
        return [
            (trigger, step, 1)
            for trigger, step in self.timeline()
            if step.active and trigger >= position and step.id not in taken_ids
        ]

    def repetition(self) -> list[tuple[date, Step, int]]:
        """Rule 8: the last step once more, if it is the last for this receivable too."""
        active = [entry for entry in self.timeline() if entry[1].active]
        trigger, last = active[-1] if active else (date.min, None)
        times = [taken for taken in self.item.taken if last and taken.step_id == last.id]
        if not times or not last.repeat_days or trigger < self.position():
            return []
        again = plus_days(max(taken.date for taken in times), last.repeat_days)
        return [(max(trigger, again), last, 1 + max(taken.occurrence for taken in times))]

    def block_end(self, trigger: date, step: Step) -> date | None:
        """Rule 7: the first day on which no open follow-up blocks the step; None: a person must act first."""
        steps = {step.id: step for step in self.plan.steps}
        ends = [date.min]
        for item in (self.item, *self.others):
            for taken in item.taken:
                earlier = steps.get(taken.step_id) if taken.is_open else None
                if earlier and (earlier.id == step.id or earlier.trigger(item.issue, item.due) < trigger):
                    ends.append(_open_until(taken, earlier, item))
        return None if None in ends else max(ends)

    def candidates(self, owed: list[tuple[date, Step, int]]) -> list[_Candidate]:
        """Each step with its send date, without those that rule 3 passes over on that date."""
        result = []
        for trigger, step, occurrence in owed:
            earliest = _earliest(step, trigger, self.is_free)
            send, reason = self.send_date(earliest, self.block_end(trigger, step))
            if not step.is_late(self.item.issue, self.item.due, send or self.floors["today"]):
                result.append(_Candidate(trigger, send, reason, step, occurrence))
        return result

    def send_date(self, earliest: date, block_end: date | None) -> tuple[date | None, str]:
        """Rule 6: the send date of one step, with the constraint that decided it."""
        if block_end is None:
            return None, "open"
        if self.floors["hold"] == UNTIL_LIFTED:
            return None, "hold"
        floors = {**self.floors, "open": block_end, "scheduled": earliest}
        reason, floor = max(floors.items(), key=lambda entry: entry[1])
        day = next_workday(floor, self.is_free)
        if day == floors["today"]:
            return day, "due"
        return day, "workday" if reason == "today" else reason

    def decide(self) -> Decision:
        owed = self.owed()
        candidates = self.candidates(owed) or self.candidates(self.repetition())
        if not candidates:
            return Decision((), None, self.why_nothing(owed))
        trigger = self.next_trigger(candidates)
        chosen = [candidate for candidate in candidates if candidate.trigger == trigger]
        dated = [candidate for candidate in chosen if candidate.send]
        if not dated:
            return Decision((), None, chosen[0].reason)
        first = min(dated, key=lambda candidate: candidate.send)
        steps = tuple(candidate.step for candidate in dated if candidate.send == first.send)
        return Decision(steps, first.send, first.reason, first.occurrence)

    def why_nothing(self, owed: list[tuple[date, Step, int]]) -> str:
        if any(taken.is_open for item in (self.item, *self.others) for taken in item.taken):
            return "open"
        return "passed" if owed else "finished"

    def next_trigger(self, candidates: list[_Candidate]) -> date:
        """Rule 5. Contextual: the latest trigger date that is reached on the earliest possible day."""
        dated = [candidate for candidate in candidates if candidate.send]
        if self.plan.logic == "standard" or not dated:
            return candidates[0].trigger
        day = min(candidate.send for candidate in dated)
        return max(candidate.trigger for candidate in dated if candidate.send == day)


def _open_until(taken: Taken, step: Step, item: Item) -> date | None:
    """When an open follow-up ends by itself, skipped (rule 7) or withdrawn (rule 3); None: it does not."""
    if step.is_late(item.issue, item.due, date.min):
        return date.min
    after = plus_days(item.due, 1)
    ends = [step.given_up_on(taken.date), after if step.is_late(item.issue, item.due, after) else None]
    return min(filter(None, ends), default=None)


def _get_floors(subject: Subject, today: date, is_free: IsFree) -> dict[str, date]:
    hold_until = subject.hold_until or date.min
    return {
        "today": today,
        "min_contact": _contact_floor(subject.plan, subject.last_contact, is_free),
        "hold": hold_until if hold_until in (date.min, UNTIL_LIFTED) else hold_until + _DAY,
    }


# --- subjects ---------------------------------------------------------------------------------------------------------


def reference(subject: Subject) -> Item | None:
    """The receivable that dates the subject: the earliest due whose open amount exceeds the plan's minimum (rule 1)."""
    minimum = subject.plan.min_amount
    worth = [item for item in subject.items if item.amount > minimum]
    if len(worth) == 1:
        return worth[0]
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
    item = reference(subject)
    if item is None:
        return Decision((), None, "below_min" if items else "paid")
    others = ()
    if len(items) > 1:
        others = tuple(other for other in items if other is not item and any(taken.is_open for taken in other.taken))
    key = (plan, item.issue, item.due, item.taken, last_contact, hold_until, others)
    decision = memo.get(key)
    if decision is None:
        floors = _get_floors(subject, today, is_free)
        workdays = is_free if plan.workdays_only else _never_free
        decision = memo[key] = _Case(plan, item, others, floors, workdays).decide()
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
