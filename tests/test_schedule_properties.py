"""What holds for every plan, calendar and history: random stories, rolled day by day by the smallest possible loop."""

from datetime import date, timedelta
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from odoo.addons.account_escalation.tests.test_schedule import weekend
from odoo.addons.account_escalation.tools.schedule import Item, Plan, Step, Subject, Taken, decide, reference, simulate

START = date(2026, 11, 2)
DAY = timedelta(days=1)
LONG = 420  # days in which all that is owed has come, whatever the delays
SHORT = 90

quick = settings(deadline=None, derandomize=True, database=None, max_examples=100)
slow = settings(quick, max_examples=70)


# --- random facts -----------------------------------------------------------------------------------------------------


class Story(NamedTuple):
    subject: Subject
    holidays: frozenset

    @property
    def plan(self):
        return self.subject.plan

    @property
    def item(self):
        return reference(self.subject)

    def is_free(self, day):
        return weekend(day) or day in self.holidays

    def trigger(self, step):
        return step.trigger(self.item.issue, self.item.due)

    def moved_trigger(self, step):
        day = self.trigger(step)
        while self.plan.workdays_only and step.direction == "before" and self.is_free(day):
            day -= DAY
        return day

    def is_rule_3(self, step):
        """Whether the step belongs before the due date, and is lost after it."""
        return step.tone == "reminder" or self.trigger(step) < self.item.due

    def position(self):
        """The latest trigger date in the history."""
        taken = {taken.step_id for taken in self.item.taken}
        return max((self.trigger(step) for step in self.plan.steps if step.id in taken), default=date.min)

    def decide(self, day):
        [decision] = decide([self.subject], day, self.is_free)
        return decision

    def after(self, decision, day, is_open=False):
        """The facts once ``decision`` is carried out (or only recorded), for all that it listed."""
        new = tuple(Taken(step.id, decision.occurrence, day, is_open) for step in decision.steps)
        items = tuple(
            item._replace(taken=item.taken + new) if item is self.item or item.due < day else item
            for item in self.subject.items
        )
        last_contact = self.subject.last_contact if is_open else day
        return self._replace(subject=self.subject._replace(items=items, last_contact=last_contact))

    def rolled(self, length, skipped=frozenset()):
        """All (facts before, day, decision) of ``length`` days, but for the days on which nothing runs."""
        story = self
        for offset in range(length):
            day = START + offset * DAY
            if offset not in skipped and (decision := story.decide(day)).date == day:
                yield story, day, decision
                story = story.after(decision, day)


@st.composite
def plans(draw, **fixed):
    """Up to six steps; only the after-due step with the most days (then the highest sequence) may repeat."""
    kinds = st.sampled_from([("due", "before"), ("due", "after"), ("issue", "after")])
    tones = st.sampled_from(["first", "statement", "second", "final", "first", "reminder"])
    days = st.sampled_from([0, 1, 3, 5, 7, 10]) | st.integers(0, 40)
    skips, actives = st.sampled_from([0, 0, 1, 5]), st.sampled_from([True, True, True, False])
    parts = draw(st.lists(st.tuples(kinds, days, tones, st.integers(1, 3), skips, actives), max_size=6))
    steps = [
        Step(number, days, *kind, tone, sequence, auto_skip_days=skip, active=active)
        for number, (kind, days, tone, sequence, skip, active) in enumerate(parts, 1)
    ]
    after_due = [step for step in steps if step.active and (step.anchor, step.direction) == ("due", "after")]
    last = max(after_due, key=lambda step: (step.days, step.sequence, step.id), default=None)
    repeat = draw(st.sampled_from([0, 1, 30]))
    repeating = [Step(s.id, s.days, tone=s.tone, sequence=s.sequence, repeat_days=repeat) for s in steps if s is last]
    policy = {
        "logic": st.sampled_from(["standard", "contextual"]),
        "min_contact_days": st.integers(0, 8),
        "delay_in_workdays": st.booleans(),
        "workdays_only": st.booleans(),
        "min_amount": st.sampled_from([0.0, 50.0]),
    }
    policy = {name: fixed[name] if name in fixed else draw(strategy) for name, strategy in policy.items()}
    return Plan(tuple(s for s in steps if s is not last) + tuple(repeating), **policy)


@st.composite
def histories(draw, plan, issue, due, opens):
    """Some of the steps whose day has come, as a rule the first ones, each taken a while after its trigger date."""
    steps = sorted(plan.steps, key=lambda step: (step.trigger(issue, due), step.sequence, step.id))
    steps = [step for step in steps if step.trigger(issue, due) < START]
    taken = []
    for step in steps[: draw(st.integers(0, len(steps)))]:
        if draw(st.sampled_from([True, True, True, False])):
            on = min(max(step.trigger(issue, due), issue) + draw(st.integers(0, 9)) * DAY, START - DAY)
            taken.append(Taken(step.id, 1, on, opens and draw(st.integers(0, 5)) == 0))
    return tuple(taken)


@st.composite
def stories(draw, opens=True, **policy):
    """A plan, up to three instalments (the first large enough), and a history, after which the due date may move."""
    plan = draw(plans(**policy))
    issue = START - draw(st.integers(0, 60)) * DAY
    due = issue + draw(st.integers(0, 45)) * DAY
    taken = draw(histories(plan, issue, due, opens))
    due = max(issue, due + draw(st.sampled_from([0, 0, 0, -9, 9, 40])) * DAY)
    rest = draw(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 99)), max_size=2))
    items = (Item("first", issue, due, 100.0, taken), *(Item(n, issue, due + n * DAY, float(a)) for n, a in rest))
    last_contact = draw(st.none() | st.integers(-10, 0).map(lambda days: START + days * DAY))
    hold_until = draw(st.none() | st.integers(-5, 40).map(lambda days: START + days * DAY))
    holidays = frozenset(START + offset * DAY for offset in draw(st.sets(st.integers(-5, SHORT), max_size=12)))
    return Story(Subject(plan, items, last_contact, hold_until), holidays)


skipped_days = st.sets(st.integers(0, SHORT), max_size=SHORT)


@tagged("post_install", "-at_install")
class TestScheduleProperties(BaseCase):
    @quick
    @given(stories(), skipped_days)
    def test_contacts_keep_their_distance(self, story, skipped):
        delay = max(1, story.plan.min_contact_days)
        for before, day, _decision in story.rolled(SHORT, skipped):
            if last := before.subject.last_contact:
                between = [last + n * DAY for n in range(1, (day - last).days + 1)]
                counted = [d for d in between if not (story.plan.delay_in_workdays and story.is_free(d))]
                self.assertGreaterEqual(len(counted), delay)

    @quick
    @given(stories(), skipped_days)
    def test_each_step_on_a_day_that_is_right_for_it(self, story, skipped):
        item, hold = story.item, story.subject.hold_until
        for before, day, decision in story.rolled(SHORT, skipped):
            self.assertFalse(story.plan.workdays_only and story.is_free(day), "a free day")
            self.assertFalse(hold and day <= hold, "held")
            for step in decision.steps:
                self.assertTrue(step.active)
                self.assertGreaterEqual(day, story.moved_trigger(step), "before its time")
                self.assertFalse(day > item.due and story.is_rule_3(step), "late")
                self.assertFalse(step.direction == "before" and story.trigger(step) < item.issue, "before issue")
                last_done = max((taken.date for taken in before.item.taken if taken.step_id == step.id), default=None)
                if last_done:
                    self.assertTrue(step.repeat_days, "twice")
                    self.assertGreaterEqual(day, last_done + step.repeat_days * DAY, "again too early")

    @quick
    @given(stories(), skipped_days)
    def test_time_order_never_goes_backwards(self, story, skipped):
        for before, _day, decision in story.rolled(SHORT, skipped):
            triggers = {story.trigger(step) for step in decision.steps}
            self.assertEqual(len(triggers), 1, "one trigger date at a time")
            self.assertGreaterEqual(min(triggers), before.position())

    @quick
    @given(stories(), st.booleans())
    def test_no_second_trigger_date_on_the_same_day(self, story, is_open):
        for before, day, decision in story.rolled(SHORT):
            again = before.after(decision, day, is_open).decide(day)
            self.assertNotEqual(again.date, day, "done or only recorded, nothing more today")

    @quick
    @given(stories())
    def test_an_open_follow_up_blocks_what_is_later(self, story):
        steps = {step.id: step for step in story.plan.steps}
        for before, day, decision in story.rolled(SHORT):
            for taken in before.item.taken:
                step = steps[taken.step_id]
                if taken.is_open and story.trigger(step) < story.trigger(decision.steps[0]):
                    skipped = step.auto_skip_days and day >= taken.date + step.auto_skip_days * DAY
                    withdrawn = story.is_rule_3(step) and day > story.item.due
                    never = step.direction == "before" and story.trigger(step) < story.item.issue
                    self.assertTrue(skipped or withdrawn or never)

    @slow
    @given(stories(opens=False, logic="standard"), skipped_days)
    def test_no_step_is_lost(self, story, skipped):
        owed = {step.id for step in story.plan.steps if step.active and not story.is_rule_3(step)
                and story.trigger(step) >= story.position()}  # fmt: skip
        owed -= {taken.step_id for taken in story.item.taken}
        late = {step.id for step in story.plan.steps if story.is_rule_3(step)}
        for run in (frozenset(), skipped):
            first = [step.id for _s, _day, decision in story.rolled(LONG, run) for step in decision.steps]
            already = {taken.step_id for taken in story.item.taken}
            self.assertEqual(set(first) - late - already, owed)

    @slow
    @given(stories(opens=False), skipped_days)
    def test_the_last_step_repeats_for_ever(self, story, skipped):
        live = [step for step in story.plan.steps if step.active]
        last = max(live, key=lambda step: (story.trigger(step), step.sequence, step.id), default=None)
        if not last or not last.repeat_days or story.is_rule_3(last) or story.trigger(last) < story.position():
            return
        *_earlier, (_story, day, decision) = story.rolled(LONG, skipped)
        self.assertEqual([step.id for step in decision.steps], [last.id])
        self.assertGreater(day, START + (LONG - last.repeat_days - 20) * DAY)

    @quick
    @given(stories())
    def test_the_announced_date_is_kept(self, story):
        announced = story.decide(START)
        for offset in range(SHORT):
            day = START + offset * DAY
            decision = story.decide(day)
            self.assertEqual((decision.steps, decision.date, decision.occurrence),
                             (announced.steps, announced.date, announced.occurrence), day)  # fmt: skip
            if day == announced.date:
                self.assertEqual(decision.reason, "due")
                break

    @quick
    @given(st.lists(stories(), max_size=4))
    def test_each_alone_as_all_together(self, many):
        subjects, is_free = [story.subject for story in many], Story(None, frozenset()).is_free
        alone = [decide([subject], START, is_free, {})[0] for subject in subjects]
        memo = {}
        for given_subjects, expected in ((subjects, alone), (subjects[::-1], alone[::-1]), (subjects * 2, alone * 2)):
            self.assertEqual(decide(given_subjects, START, is_free), expected)
            self.assertEqual(decide(given_subjects, START, is_free, memo), expected)
        planned = list(simulate(subjects, START, START + 30 * DAY, is_free))
        self.assertEqual(planned, sorted(planned, key=lambda entry: (entry.date, entry.index)))

    @slow
    @given(stories())
    def test_simulation_is_the_daily_run(self, story):
        planned = simulate([story.subject], START, START + (LONG - 1) * DAY, story.is_free)
        daily = [(day, 0, decision) for _story, day, decision in story.rolled(LONG)]
        self.assertEqual([tuple(entry) for entry in planned], daily)
