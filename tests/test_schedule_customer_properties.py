"""What holds for every customer plan, rhythm and history: random stories, as in test_schedule_properties.py."""

from dataclasses import replace
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from odoo.addons.account_escalation.tests.test_schedule import weekend
from odoo.addons.account_escalation.tests.test_schedule_properties import (
    DAY,
    SHORT,
    START,
    histories,
    plans,
    quick,
    skipped_days,
    slow,
)
from odoo.addons.account_escalation.tools.schedule import (
    Item,
    Limits,
    Rhythm,
    Subject,
    Taken,
    decide,
    listed,
    simulate,
    triggered,
)


class Story(NamedTuple):
    subject: Subject
    holidays: frozenset

    @property
    def rhythm(self):
        return self.subject.plan.rhythm

    def is_free(self, day):
        return self.subject.plan.workdays_only and (weekend(day) or day in self.holidays)

    def decide(self, day):
        [decision] = decide([self.subject], day, lambda day: weekend(day) or day in self.holidays)
        return decision

    def is_look(self, day):
        return self.rhythm.upcoming <= day and not self.is_free(day)

    def after_look(self, day):
        """The facts in the evening: what the plan will look at next, by counting."""
        if not self.is_look(day):
            return self
        index = next(index for index in range(9999) if self.rhythm.nominal(index) > day)
        rhythm = self.rhythm._replace(upcoming=self.rhythm.nominal(index))
        return self._replace(subject=self.subject._replace(plan=replace(self.subject.plan, rhythm=rhythm)))

    def after(self, decision, day):
        """The facts once ``decision`` is carried out, for all that it lists."""
        if self.subject.plan.level == "summary":
            return self
        new = tuple(Taken(step.id, decision.occurrence, day) for step in decision.steps)
        keys = {item.key for item in listed(self.subject, day)}
        items = (item._replace(taken=item.taken + new) if item.key in keys else item for item in self.subject.items)
        return self._replace(subject=self.subject._replace(items=tuple(items), last_contact=day))

    def rolled(self, length, skipped=frozenset()):
        """All (facts before, day, decision) of ``length`` days, but for the days on which nothing runs."""
        story = self
        for offset in range(length):
            day = START + offset * DAY
            if offset not in skipped:
                if (decision := story.decide(day)).date == day:
                    yield story, day, decision
                    story = story.after(decision, day)
                story = story.after_look(day)


@st.composite
def rhythms(draw):
    unit = draw(st.sampled_from(["days", "weeks", "months"]))
    first = START + draw(st.integers(-70, 20)) * DAY
    rhythm = Rhythm(first, draw(st.integers(1, 12 if unit == "days" else 3)), unit, first)
    return rhythm._replace(upcoming=rhythm.nominal(draw(st.integers(0, 3))))


@st.composite
def stories(draw, level="customer", opens=True, has_credits=True):
    """A customer plan or summary, up to four receivables with histories and holds, and perhaps a credit."""
    scope, rule = draw(st.sampled_from(["overdue", "unpaid"])), draw(st.sampled_from(["oldest", "latest"]))
    plan = replace(draw(plans()), level=level, scope=scope, reference_rule=rule, rhythm=draw(rhythms()))
    items = []
    for number in range(draw(st.integers(1, 4))):
        issue = START - draw(st.integers(0, 60)) * DAY
        due = issue + draw(st.integers(0, 60)) * DAY
        taken = draw(histories(plan, issue, due, opens))
        hold_until = draw(st.none() | st.none() | st.integers(-5, 40).map(lambda days: START + days * DAY))
        items.append(Item(number, issue, due, draw(st.sampled_from([100.0, 60.0, 20.0])), taken, hold_until))
    if has_credits and draw(st.booleans()):
        items.append(Item("credit", START, START, -draw(st.sampled_from([10.0, 90.0])), ()))
    last_contact = draw(st.none() | st.integers(-10, 0).map(lambda days: START + days * DAY))
    hold_until = draw(st.none() | st.none() | st.integers(-5, 40).map(lambda days: START + days * DAY))
    holidays = frozenset(START + offset * DAY for offset in draw(st.sets(st.integers(-5, SHORT), max_size=12)))
    return Story(Subject(plan, tuple(items), last_contact, hold_until), holidays)


@tagged("post_install", "-at_install")
class TestScheduleCustomerProperties(BaseCase):
    @quick
    @given(stories() | stories("summary"), skipped_days)
    def test_only_on_the_day_of_a_look(self, story, skipped):
        previous = None
        for before, day, decision in story.rolled(SHORT, skipped):
            self.assertTrue(before.is_look(day))
            self.assertEqual(decision.reason, "due")
            if previous:
                nominal = (story.rhythm.nominal(index) for index in range(9999))
                following = next(look for look in nominal if look > previous)
                self.assertLessEqual(following, day, "never two without a look between")
            previous = day

    @quick
    @given(stories("summary"))
    def test_a_summary_at_every_look(self, story):
        steps = [step for step in story.subject.plan.steps if step.active]
        for offset in range(SHORT):
            day = START + offset * DAY
            held = [item for item in story.subject.items if item.hold_until and item.hold_until >= day]
            is_held = bool(story.subject.hold_until and story.subject.hold_until >= day)
            is_sent = bool(steps) and story.is_look(day) and not is_held and len(held) < len(story.subject.items)
            decision = story.decide(day)
            self.assertEqual(decision.date == day, is_sent)
            self.assertEqual(list(decision.steps), steps)
            story = story.after_look(day)

    @quick
    @given(stories(), skipped_days)
    def test_each_step_on_a_day_that_is_right_for_it(self, story, skipped):
        plan, hold = story.subject.plan, story.subject.hold_until
        for before, day, decision in story.rolled(SHORT, skipped):
            self.assertFalse(hold and day <= hold, "held")
            items = listed(before.subject, day)
            self.assertFalse([item for item in items if item.hold_until and item.hold_until >= day])
            for step in decision.steps:
                own = triggered(before.subject, step, decision.occurrence, day, before.is_free)
                self.assertTrue(own, "somebody's step")
                for item in own:
                    self.assertIn(item, items)
                    self.assertGreater(item.amount, plan.min_amount)
                    self.assertFalse(step.is_late(item.issue, item.due, day))
                    self.assertFalse(plan.scope == "overdue" and item.due >= day, "not in scope")
                    self.assertNotIn((step.id, decision.occurrence), [taken[:2] for taken in item.taken], "twice")
            if last := before.subject.last_contact:
                self.assertGreaterEqual((day - last).days, max(1, plan.min_contact_days))
            overdue = [item.amount for item in items if item.due < day or item.amount < 0]
            total = sum(overdue if max(overdue, default=0) > 0 else (item.amount for item in items))
            self.assertGreater(total, plan.min_amount, "net")

    @quick
    @given(stories())
    def test_the_first_that_owes_a_step_dates_it(self, story):
        """What comes before the reference in its order owes nothing any more, or is out of scope that day."""
        plan = story.subject.plan
        for before, day, decision in story.rolled(SHORT):
            own = triggered(before.subject, decision.steps[0], decision.occurrence, day, before.is_free)
            sign = 1 if plan.reference_rule == "oldest" else -1
            first = min((sign * item.due.toordinal(), -item.amount) for item in own)
            for item in listed(before.subject, day):
                if (sign * item.due.toordinal(), -item.amount) < first and item.amount > plan.min_amount:
                    alone = before._replace(subject=before.subject._replace(items=(item,)))
                    self.assertIsNone(alone.decide(day).date)

    @quick
    @given(stories())
    def test_the_announced_date_is_kept(self, story):
        announced = story.decide(START)
        for offset in range(SHORT if announced.date else 0):
            day = START + offset * DAY
            decision = story.decide(day)
            self.assertEqual((decision.steps, decision.date, decision.occurrence),
                             (announced.steps, announced.date, announced.occurrence), day)  # fmt: skip
            if day == announced.date:
                break
            story = story.after_look(day)

    @quick
    @given(stories(has_credits=False))
    def test_one_receivable_looked_at_daily_is_an_invoice(self, story):
        plan = replace(story.subject.plan, scope="unpaid", rhythm=Rhythm(START, 1, "days", START))
        [item, *_others] = story.subject.items
        subject = story.subject._replace(plan=plan, items=(item,))
        invoice = subject._replace(plan=replace(plan, level="invoice", rhythm=None))
        for offset in range(SHORT):
            day = START + offset * DAY
            today = subject._replace(plan=replace(plan, rhythm=plan.rhythm._replace(upcoming=day)))
            decision, expected = (story._replace(subject=either).decide(day) for either in (today, invoice))
            self.assertEqual(decision[:2] + decision[3:], expected[:2] + expected[3:])

    @slow
    @given(stories() | stories("summary"))
    def test_simulation_is_the_daily_run(self, story):
        until = START + (2 * SHORT - 1) * DAY
        planned = simulate([story.subject], START, until, lambda day: weekend(day) or day in story.holidays)
        daily = [(day, 0, decision) for _story, day, decision in story.rolled(2 * SHORT)]
        self.assertEqual([tuple(entry) for entry in planned], daily)

    @slow
    @given(st.lists(stories() | stories("summary"), min_size=2, max_size=3))
    def test_simulation_of_several(self, many):
        """Each is simulated as if alone, however often others make it look at the calendar."""
        is_free, until = weekend, START + SHORT * DAY
        subjects = [story.subject for story in many]
        together = list(simulate(subjects, START, until, is_free))
        for number, subject in enumerate(subjects):
            alone = [(entry.date, entry.decision) for entry in simulate([subject], START, until, is_free)]
            self.assertEqual([(entry.date, entry.decision) for entry in together if entry.index == number], alone)

    @slow
    @given(st.lists(stories() | stories("summary"), min_size=1, max_size=3), st.integers(2, 9))
    def test_automatic_messages_keep_their_distance(self, many, days):
        last = None
        for entry in simulate([s.subject for s in many], START, START + SHORT * DAY, weekend, Limits(days)):
            if any(step.is_automatic for step in entry.decision.steps):
                leaves = entry.decision.not_before or entry.date
                self.assertGreaterEqual((leaves - (last or START - 9 * DAY)).days, days)
                last = leaves
