"""The one decision of this addon: which steps a subject owes, on which day, and why.

Pure: values in, values out. No Odoo, no clock, no write. The run, the preview, the "next follow-up" fields and the
sentence that explains them all call :func:`decide`; nothing else knows what happens next.

The numbers of the rules are those of the README ("How it decides"). :mod:`.case` decides for one dated receivable,
this module for subjects: an invoice, a customer, a customer's summary.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from .case import Case, get_workdays, hold_floor, limit_floors, scope_floor
from .days import DAY, IsFree, Rhythm, add_workdays, never_free, next_workday, plus_days, shift
from .values import UNTIL_LIFTED, Decision, Item, Limits, Plan, Planned, Step, Subject, Taken

__all__ = [
    "UNTIL_LIFTED",
    "Decision",
    "IsFree",
    "Item",
    "Limits",
    "Plan",
    "Planned",
    "Rhythm",
    "Step",
    "Subject",
    "Taken",
    "add_workdays",
    "decide",
    "is_reached",
    "leave_out_planned",
    "listed",
    "net",
    "next_workday",
    "objection",
    "passed_before",
    "plus_days",
    "reference",
    "simulate",
    "takers",
    "triggered",
]

Memo = dict[Hashable, Decision]
LEVELS = ("customer", "invoice", "summary")  # in which order a customer's subjects are decided
NO_LIMITS = Limits()
AMOUNT_DIGITS = 6  # as many as a currency may have; what is beyond, sums of binary fractions have made
NET_REASONS = ("covered", "below_min")
OWES_NOTHING = ("finished", "passed", "waiting")


# --- what a subject is about ------------------------------------------------------------------------------------------


def reference(subject: Subject) -> Item | None:
    """The instalment that dates an invoice: the earliest due whose open amount exceeds the plan's minimum (rule 1)."""
    minimum = subject.plan.min_amount
    worth = [item for item in subject.items if item.amount > minimum]
    if len(worth) == 1:
        return worth[0]
    return min(worth, key=lambda item: (item.due, -item.amount), default=None)


def listed(subject: Subject, day: date) -> list[Item]:
    """The receivables that a follow-up of ``day`` lists.

    Of an invoice: the reference, and all that are overdue by then. Of a customer: what is in scope and not held, with
    all credits. A summary: everything that is not held.
    """
    plan = subject.plan
    if plan.level == "invoice":
        dated_by = reference(subject)
        return [item for item in subject.items if item is dated_by or item.due < day]
    free = [item for item in subject.items if hold_floor(item.hold_until) <= day]
    if plan.level == "summary" or plan.scope == "unpaid":
        return free
    return [item for item in free if item.due < day or item.amount < 0]


def triggered(subject: Subject, step: Step, occurrence: int, day: date, is_free: IsFree) -> list[Item]:
    """Those of the listed receivables that have by themselves reached a step which the subject takes on ``day``."""
    if subject.plan.level == "summary":
        return []
    if subject.plan.level == "invoice":
        return [reference(subject)]
    cases = (Case.make(subject, item, (), day, is_free, NO_LIMITS) for item in _worth(subject, listed(subject, day)))
    return [case.item for case in cases if case.is_due(step, occurrence)]


def takers(subject: Subject, day: date, reached: Sequence[Item]) -> list[Item]:
    """Those of the listed receivables that take the step by it: all that it asks for.

    What a customer's message only shows, since it is not due yet, is still to be asked for when it is.

    :param reached: those that :func:`triggered` it
    """
    items = listed(subject, day)
    if subject.plan.level == "invoice":
        return items
    ids = set(map(id, reached))
    return [item for item in items if item.due < day or id(item) in ids]


def net(items: Sequence[Item], day: date) -> float:
    """What is to be paid on that day: overdue items less all credits; if nothing is overdue yet, all less credits."""
    asked = [item.amount for item in items if item.due < day or item.amount < 0]
    total = sum(asked if any(amount > 0 for amount in asked) else (item.amount for item in items))
    return round(total, AMOUNT_DIGITS)


def passed_before(subject: Subject, step_id: int) -> list[int]:
    """The steps that must count as taken for another to be the next one: the one before it, with its twins."""
    item = reference(subject)
    if item is None:
        return []
    order = Case.make(subject, item, (), date.min, never_free, NO_LIMITS).timeline()
    ids = [step.id for _trigger, step in order]
    before = order[: ids.index(step_id)] if step_id in ids else []
    return [step.id for trigger, step in before if trigger == before[-1][0]]


def is_reached(subject: Subject, step: Step, day: date) -> bool:
    """Whether the trigger date of a step has come for what dates the subject."""
    item = reference(subject)
    return item is not None and step.trigger(item.issue, item.due) <= day


def objection(subject: Subject, item: Item | None, step: Step | None, day: date) -> str:
    """Why what was decided for a receivable must not go out on ``day`` any more: a reason key, empty if it may.

    :param item: the receivable as it is now; None if it is no longer open
    :param step: the step that it triggered; None if it is only listed beside others
    """
    if subject.out:
        return subject.out
    if hold_floor(subject.hold_until, item and item.hold_until) > day:
        return "hold"
    if item is None:
        return "paid"
    if step and step.is_late(item.issue, item.due, day):
        return "passed"
    if step and item.amount <= subject.plan.min_amount:
        return "below_min"
    return ""


def _worth(subject: Subject, items: Iterable[Item]) -> list[Item]:
    return [item for item in items if item.amount > subject.plan.min_amount]


# --- what all subjects of a customer owe ------------------------------------------------------------------------------


def decide(
    subjects: Iterable[Subject], today: date, is_free: IsFree, memo: Memo | None = None, limits: Limits = NO_LIMITS
) -> list[Decision]:
    """What each subject of one customer owes next, seen on ``today``.

    A decision dated ``today`` is to be carried out now; a later one is what would happen if nothing changed.

    :param subjects: all subjects of one customer, together, since some rules couple them
    :param is_free: the company's days off
    :param memo: kept by the caller for one day and one company, so that equal facts are decided once
    """
    memo = {} if memo is None else memo
    subjects = leave_out_planned(subjects, is_free)
    if limits.min_days_any and len(subjects) > 1:
        return _decide_in_turn(subjects, today, is_free, memo, limits)
    return [_decide(subject, today, is_free, memo, limits) for subject in subjects]


def leave_out_planned(subjects: Iterable[Subject], is_free: IsFree) -> list[Subject]:
    """The subjects, where a customer plan keeps off what an invoice plan has still to say.

    Such a receivable has a step of its own plan before it that makes sense after the due date.
    """
    subjects = list(subjects)
    if not any(subject.plan and subject.plan.level == "customer" for subject in subjects):
        return subjects
    planned = {item.key for subject in subjects for item in _get_planned(subject, is_free)}
    return [_without(subject, planned) for subject in subjects]


def _get_planned(subject: Subject, is_free: IsFree) -> tuple[Item, ...]:
    if subject.out or subject.plan.level != "invoice":
        return ()
    item = reference(subject)
    if item is None:
        return ()
    case = Case.make(subject, item, (), date.min, is_free, NO_LIMITS)
    return subject.items if case.owes_after_due() else ()


def _without(subject: Subject, planned: set[Hashable]) -> Subject:
    plan = subject.plan
    if not planned or not plan or plan.level != "customer" or not plan.leaves_out_planned:
        return subject
    left = tuple(item for item in subject.items if item.key not in planned)
    demands = any(item.amount > 0 for item in left)
    return subject._replace(items=left, out=subject.out or ("" if demands or not subject.items else "planned"))


def _decide_in_turn(
    subjects: list[Subject], today: date, is_free: IsFree, memo: Memo, limits: Limits
) -> list[Decision]:
    """One after the other, so that what the first sends today makes the later ones wait."""
    decisions: list[Decision] = [Decision((), None, "paid")] * len(subjects)
    sent, last = set(), today
    for index in sorted(range(len(subjects)), key=lambda number: _get_rank(subjects[number], number)):
        subject = subjects[index]
        decision = _decide(subject, today, is_free, memo, limits)
        message = _get_message(subject, index, decision)
        if decision.date == today and sent and message not in sent:
            decision = _decide(subject, today, is_free, memo, limits._replace(last_automatic=last))
            message = _get_message(subject, index, decision)
        if decision.date == today and any(step.is_automatic for step in decision.steps):
            sent.add(message)
            last = max(last, decision.not_before or today)
        decisions[index] = decision
    return decisions


def _get_rank(subject: Subject, index: int) -> tuple[int, int, date, int]:
    """Customer plan, invoice plans by sequence, oldest due first."""
    if not subject.plan:
        return len(LEVELS), 0, date.max, index
    oldest = min((item.due for item in subject.items), default=date.max)
    return LEVELS.index(subject.plan.level), subject.plan.sequence, oldest, index


def _get_message(subject: Subject, index: int, decision: Decision) -> Hashable:
    """Decisions of the same message are no two messages."""
    if subject.plan and subject.plan.is_grouped and subject.plan.level == "invoice":
        return subject.plan, tuple(step.id for step in decision.steps), decision.occurrence
    return index


# --- what one subject owes --------------------------------------------------------------------------------------------


def _decide(subject: Subject, today: date, is_free: IsFree, memo: Memo, limits: Limits) -> Decision:
    if subject.out:
        return Decision((), None, subject.out)
    if subject.plan.level == "summary":
        return _decide_summary(subject, today, is_free, limits)
    if subject.plan.level == "customer":
        return _decide_customer(subject, today, is_free, memo, limits)
    item = reference(subject)
    if item is None:
        return Decision((), None, "below_min" if subject.items else "paid")
    decision = _decide_item(subject, item, today, is_free, memo, limits)
    return decision._replace(reason="open") if decision.reason == "waiting" else decision


def _decide_item(subject: Subject, item: Item, today: date, is_free: IsFree, memo: Memo, limits: Limits) -> Decision:
    others = ()
    if len(subject.items) > 1:
        others = tuple(
            other for other in subject.items if other is not item and any(taken.is_open for taken in other.taken)
        )
    _key, issue, due, _amount, taken, hold_until = item
    key = (subject.plan, issue, due, taken, hold_until, subject.last_contact, subject.hold_until, others, limits)
    decision = memo.get(key)
    if decision is None:
        decision = memo[key] = Case.make(subject, item, others, today, is_free, limits).decide()
    return decision


def _decide_customer(subject: Subject, today: date, is_free: IsFree, memo: Memo, limits: Limits) -> Decision:
    """Rule 10: the reference is the first receivable in scope, in the plan's order, that still owes a step.

    Another one can come before it only as long as it is not in scope yet, or held.
    """
    best = blocked = nothing = None
    until = UNTIL_LIFTED
    for item in _in_order(subject):
        decision = _decide_item(subject, item, today, is_free, memo, limits)
        if decision.reason in OWES_NOTHING:
            nothing = decision.reason
            continue
        blocked = blocked or decision
        if decision.date and decision.date < until:
            best = decision
        until = min(until, max(scope_floor(subject.plan, item), hold_floor(item.hold_until)))
        if until <= today:
            break
    if best:
        return _check_net(subject, best, today, is_free, limits)
    if blocked:
        return blocked
    none = "below_min" if any(item.amount > 0 for item in subject.items) else "paid"
    return Decision((), None, {"waiting": "open", None: none}.get(nothing, nothing))


def _in_order(subject: Subject) -> list[Item]:
    """The receivables that may date the customer's next step: oldest or latest due first, then the larger amount."""
    sign = 1 if subject.plan.reference_rule == "oldest" else -1
    return sorted(_worth(subject, subject.items), key=lambda item: (sign * item.due.toordinal(), -item.amount))


def _limit(decision: Decision, plan: Plan, today: date, is_free: IsFree, limits: Limits) -> Decision:
    """What is decided at a look, and when it may leave: at a later look only if that comes first."""
    if not any(step.is_automatic for step in decision.steps):
        return decision
    floors = limit_floors(limits, today)
    reason, floor = max(floors.items(), key=lambda entry: entry[1], default=("", date.min))
    if floor <= decision.date:
        return decision
    leaves = next_workday(floor, get_workdays(plan, is_free))
    if leaves < plan.rhythm.after(decision.date):
        return decision._replace(reason=reason, not_before=leaves)
    return decision._replace(reason=reason, date=plan.rhythm.look(floor, today, get_workdays(plan, is_free)))


def _check_net(subject: Subject, decision: Decision, today: date, is_free: IsFree, limits: Limits) -> Decision:
    """Rule 1: what is asked for on that day, less all credits, must exceed the plan's minimum."""
    items = listed(subject, decision.date)
    amount = net(items, decision.date)
    if amount > subject.plan.min_amount:
        return _limit(decision, subject.plan, today, is_free, limits)
    return Decision((), None, "below_min" if amount > 0 else "covered")


def _decide_summary(subject: Subject, today: date, is_free: IsFree, limits: Limits) -> Decision:
    """One message at each look, as long as anything is open."""
    plan = subject.plan
    held = min((hold_floor(item.hold_until) for item in subject.items), default=date.min)
    steps = tuple(step for step in plan.steps if step.active)
    if not subject.items or not steps:
        return Decision((), None, "paid" if steps else "finished")
    floors = {"look": today, "hold": max(hold_floor(subject.hold_until), held)}
    if floors["hold"] == UNTIL_LIFTED:
        return Decision((), None, "hold")
    reason, floor = max(floors.items(), key=lambda entry: entry[1])
    workdays = get_workdays(plan, is_free)
    day = plan.rhythm.look(floor, today, workdays)
    if day == plan.rhythm.look(today, today, workdays):
        reason = "due" if day == today else "look"
    return _limit(Decision(steps, day, reason), plan, today, is_free, limits)


# --- the future -------------------------------------------------------------------------------------------------------


def simulate(
    subjects: Sequence[Subject], today: date, until: date, is_free: IsFree, limits: Limits = NO_LIMITS
) -> Iterator[Planned]:
    """Roll :func:`decide` forward from ``today`` to ``until``, as if each step were done on its day."""
    subjects = list(subjects)
    day = today
    while day <= until:
        told = leave_out_planned(subjects, is_free)
        decisions = decide(subjects, day, is_free, None, limits)
        for index, decision in enumerate(decisions):
            if decision.date == day:
                yield Planned(day, index, decision)
                subjects[index] = _after(subjects[index], told[index], decision, day, is_free)
                if any(step.is_automatic for step in decision.steps):
                    limits = limits._replace(last_automatic=decision.not_before or day)
        limits = limits._replace(is_capped=False)
        subjects = [_looked(subject, today, day, is_free) for subject in subjects]
        tomorrow = day + DAY
        decisions = decide(subjects, tomorrow, is_free, None, limits)
        days = (_get_next_day(*pair, tomorrow, is_free) for pair in zip(subjects, decisions, strict=True))
        day = min(days, default=UNTIL_LIFTED)
        subjects = [_looked(subject, today, plus_days(day, -1), is_free) for subject in subjects]


def _after(subject: Subject, told: Subject, decision: Decision, day: date, is_free: IsFree) -> Subject:
    """The subject once the decision is carried out.

    :param told: the subject without what another plan takes care of
    """
    if subject.plan.level == "summary":
        return subject
    done = tuple(Taken(step.id, decision.occurrence, day) for step in decision.steps)
    step = decision.steps[0]
    reached = triggered(told, step, decision.occurrence, day, is_free)
    keys = set(map(id, takers(told, day, reached)))
    items = tuple(item._replace(taken=item.taken + done) if id(item) in keys else item for item in subject.items)
    return subject._replace(items=items, last_contact=day)


def _looked(subject: Subject, since: date, day: date, is_free: IsFree) -> Subject:
    """The subject at the end of that day, once its plan has had its looks of the days ``since``."""
    plan = subject.plan
    if not plan or not plan.rhythm:
        return subject
    look = plan.rhythm.look(since, since, get_workdays(plan, is_free))
    if look > day:
        return subject
    last = shift(day, get_workdays(plan, is_free), -DAY)
    return subject._replace(plan=replace(plan, rhythm=plan.rhythm.moved_on(last)))


def _get_next_day(subject: Subject, decision: Decision, today: date, is_free: IsFree) -> date:
    """When the subject must be decided again: what covers it today may not do so at a later look."""
    if decision.reason in NET_REASONS and subject.plan.rhythm:
        return subject.plan.rhythm.look(today, today, get_workdays(subject.plan, is_free))
    return decision.date or UNTIL_LIFTED
