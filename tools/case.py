"""The decision of one dated receivable under its plan: what it owes, and on which day."""

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from .days import DAY, IsFree, add_workdays, never_free, next_workday, plus_days, shift
from .values import UNTIL_LIFTED, Decision, Item, Limits, Plan, Step, Subject, Taken

Owed = tuple[date, Step, int]
"""(trigger date, step, occurrence)"""


class Candidate(NamedTuple):
    trigger: date
    send: date | None
    reason: str
    step: Step
    occurrence: int


def contact_floor(plan: Plan, last_contact: date | None, is_free: IsFree) -> date:
    """Rule 6: the first day on which the minimum delay since the last contact is over."""
    if not last_contact:
        return date.min
    delay = max(1, plan.min_contact_days)
    if plan.delay_in_workdays:
        return add_workdays(last_contact, delay, is_free)
    return plus_days(last_contact, delay)


def get_workdays(plan: Plan, is_free: IsFree) -> IsFree:
    """Rule 4: the days off that the plan heeds."""
    return is_free if plan.workdays_only else never_free


def hold_floor(*last_days: date | None) -> date:
    """The first day after these holds; the end of time if a person must lift one."""
    if not any(last_days):  # as nearly always
        return date.min
    last = max(filter(None, last_days))
    return last if last == UNTIL_LIFTED else last + DAY


def scope_floor(plan: Plan, item: Item) -> date:
    """The first day on which a customer's message may be dated by this item."""
    if plan.level == "customer" and plan.scope == "overdue":
        return plus_days(item.due, 1)
    return date.min


def limit_floors(limits: Limits, today: date) -> dict[str, date]:
    """What the company's limits allow automatic messages: {reason: first day}."""
    floors = {}
    if limits.min_days_any and limits.last_automatic:
        floors["min_any"] = plus_days(limits.last_automatic, limits.min_days_any)
    if limits.is_capped:
        floors["cap"] = plus_days(today, 1)
    return floors


@lru_cache(maxsize=4096)
def get_timeline(plan: Plan, issue: date, due: date) -> tuple[tuple[date, Step], ...]:
    """The steps with their trigger dates, in time order. Asked for again and again, and alike for many receivables."""
    dated = ((step.trigger(issue, due), step) for step in plan.steps)
    return tuple(sorted(dated, key=lambda entry: (entry[0], entry[1].sequence, entry[1].id)))


class Case(NamedTuple):
    """One receivable under its plan, and what bounds the day of its next step."""

    plan: Plan
    item: Item
    others: tuple[Item, ...]  # of the same subject, with open follow-ups
    floors: dict[str, date]  # {reason: first day that it allows}
    automatic_floors: dict[str, date]  # the same for steps that no person has a hand in
    is_free: IsFree

    @classmethod
    def make(
        cls, subject: Subject, item: Item, others: tuple[Item, ...], today: date, is_free: IsFree, limits: Limits
    ) -> "Case":
        plan = subject.plan
        floors = {
            "today": today,
            "min_contact": contact_floor(plan, subject.last_contact, is_free),
            "hold": hold_floor(subject.hold_until, item.hold_until),
        }
        return cls(plan, item, others, floors, limit_floors(limits, today), get_workdays(plan, is_free))

    # --- what is owed -------------------------------------------------------------------------------------------------

    def timeline(self) -> tuple[tuple[date, Step], ...]:
        return get_timeline(self.plan, self.item.issue, self.item.due)

    def position(self) -> date:
        """The trigger date of the last step taken in time order; archived steps tell it too."""
        taken_ids = {taken.step_id for taken in self.item.taken}
        return max((trigger for trigger, step in self.timeline() if step.id in taken_ids), default=date.min)

    def owed(self) -> list[Owed]:
        """Rule 5: the steps not yet taken nor passed, in time order."""
        taken_ids = {taken.step_id for taken in self.item.taken}
        position = self.position()
        return [
            (trigger, step, 1)
            for trigger, step in self.timeline()
            if step.active and trigger >= position and step.id not in taken_ids
        ]

    def repetition(self) -> list[Owed]:
        """Rule 8: the last step once more, if it is the last for this receivable too."""
        active = [entry for entry in self.timeline() if entry[1].active]
        trigger, last = active[-1] if active else (date.min, None)
        times = [taken for taken in self.item.taken if last and taken.step_id == last.id]
        if not times or not last.repeat_days or trigger < self.position():
            return []
        # one that waits is skipped by itself on a later day, from which the next is counted
        ends = [(last.given_up_on(taken.date) if taken.is_open else None) or taken.date for taken in times]
        again = plus_days(max(ends), last.repeat_days)
        return [(max(trigger, again), last, 1 + max(taken.occurrence for taken in times))]

    # --- when ---------------------------------------------------------------------------------------------------------

    def earliest(self, step: Step, trigger: date) -> date:
        """Rule 2: only a step *before* moves back, so that a courtesy does not come too late."""
        moved = shift(trigger, self.is_free, -DAY) if step.direction == "before" else trigger
        return max(moved, scope_floor(self.plan, self.item))

    def block_end(self, trigger: date, step: Step) -> date | None:
        """Rule 7: the first day on which no open follow-up blocks the step; None: a person must act first."""
        steps = {step.id: step for step in self.plan.steps}
        ends = [date.min]
        for item in (self.item, *self.others):
            for taken in item.taken:
                earlier = steps.get(taken.step_id) if taken.is_open else None
                if earlier and self.blocks(taken, earlier, item, trigger, step):
                    ends.append(open_until(taken, earlier, item))
        return None if None in ends else max(ends)

    def blocks(self, taken: Taken, earlier: Step, item: Item, trigger: date, step: Step) -> bool:
        if item is not self.item and taken in self.item.taken:
            return False  # both were listed: the dates of this one count
        if earlier.id == step.id or earlier.trigger(item.issue, item.due) < trigger:
            return True
        return self.plan.level == "customer" and item is not self.item  # one thing at a time with a customer

    def day_on_or_after(self, floor: date) -> date:
        if self.plan.rhythm:
            return self.plan.rhythm.look(floor, self.floors["today"], self.is_free)
        return next_workday(floor, self.is_free)

    def send_date(self, step: Step, earliest: date, block_end: date | None) -> tuple[date | None, str]:
        """Rule 6: the send date of one step, with the constraint that decided it."""
        if block_end is None:
            return None, "open"
        if self.floors["hold"] == UNTIL_LIFTED:
            return None, "hold"
        floors = {**self.floors, "open": block_end, "scheduled": earliest}
        if step.is_automatic and not self.plan.rhythm:
            floors |= self.automatic_floors
        reason, floor = max(floors.items(), key=lambda entry: entry[1])
        day = self.day_on_or_after(floor)
        if day == self.floors["today"]:
            return day, "due"
        if day == date.max:
            return None, "scheduled"
        if self.plan.rhythm and next_workday(floor, self.is_free) < day == self.day_on_or_after(self.floors["today"]):
            return day, "look"
        return day, "workday" if reason == "today" else reason

    # --- the decision -------------------------------------------------------------------------------------------------

    def in_time(self, owed: list[Owed]) -> list[Candidate]:
        """Each step with its send date, without those that rule 3 passes over on that date."""
        result = []
        for trigger, step, occurrence in owed:
            send, reason = self.send_date(step, self.earliest(step, trigger), self.block_end(trigger, step))
            if not step.is_late(self.item.issue, self.item.due, send or self.floors["today"]):
                result.append(Candidate(trigger, send, reason, step, occurrence))
        return result

    def candidates(self) -> list[Candidate]:
        return self.in_time(self.owed()) or self.in_time(self.repetition())

    def decide(self) -> Decision:
        candidates = self.candidates()
        if not candidates:
            return Decision((), None, self.why_nothing())
        trigger = self.next_trigger(candidates)
        chosen = [candidate for candidate in candidates if candidate.trigger == trigger]
        dated = [candidate for candidate in chosen if candidate.send]
        if not dated:
            return Decision((), None, chosen[0].reason)
        first = min(dated, key=lambda candidate: candidate.send)
        steps = tuple(candidate.step for candidate in dated if candidate.send == first.send)
        return Decision(steps, first.send, first.reason, first.occurrence)

    def why_nothing(self) -> str:
        """Nothing is owed: ``waiting`` for the open follow-up of the last step, ``passed`` or ``finished``."""
        if any(taken.is_open for item in (self.item, *self.others) for taken in item.taken):
            return "waiting"
        return "passed" if self.owed() else "finished"

    def next_trigger(self, candidates: list[Candidate]) -> date:
        """Rule 5. Contextual: the latest trigger date that is reached on the earliest possible day."""
        dated = [candidate for candidate in candidates if candidate.send]
        if self.plan.logic == "standard" or not dated:
            return candidates[0].trigger
        day = min(candidate.send for candidate in dated)
        return max(candidate.trigger for candidate in dated if candidate.send == day)

    def owes_after_due(self) -> bool:
        """Whether a step is still to be taken, or waits for a person, that makes sense after the due date."""
        item, after = self.item, plus_days(self.item.due, 1)
        open_ids = {taken.step_id for taken in item.taken if taken.is_open}
        steps = [step for step in self.plan.steps if step.id in open_ids]
        steps += [step for _day, step, _number in self.owed() + self.repetition()]
        return any(not step.is_late(item.issue, item.due, after) for step in steps)

    def is_due(self, step: Step, occurrence: int) -> bool:
        """Whether this receivable by itself has reached the step on this day."""
        item, today = self.item, self.floors["today"]
        if step.is_late(item.issue, item.due, today):
            return False
        return any(
            (owed, number) == (step, occurrence) and self.earliest(step, trigger) <= today
            for trigger, owed, number in (self.owed() if occurrence == 1 else self.repetition())
        )


def open_until(taken: Taken, step: Step, item: Item) -> date | None:
    """When an open follow-up ends by itself, skipped (rule 7) or withdrawn (rule 3); None: it does not."""
    if step.is_late(item.issue, item.due, date.min):
        return date.min
    after = plus_days(item.due, 1)
    ends = [step.given_up_on(taken.date), after if step.is_late(item.issue, item.due, after) else None]
    return min(filter(None, ends), default=None)
