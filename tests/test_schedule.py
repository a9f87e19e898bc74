"""The rules of the decision, as a manual: the worked examples, then one table for each rule of the README.

The rules that look back (5, 7, 8, 10) are in test_schedule_history.py.

Dates are of 2026, in which 2 November is a Monday. A plan is written like ``"due-5, due+3 repeat 30"``: its steps are
numbered from 1 as written. An answer reads ``"11-23 due+3: scheduled"``: day, steps and reason, or ``"never: hold"``.
"""

import re
from datetime import date, timedelta

from odoo.tests import BaseCase, tagged

from odoo.addons.account_escalation.tools.schedule import (
    UNTIL_LIFTED,
    Item,
    Plan,
    Step,
    Subject,
    Taken,
    add_workdays,
    decide,
    next_workday,
    simulate,
)

# --- writing facts ----------------------------------------------------------------------------------------------------


def day(text):
    return date.fromisoformat(text if len(text) > 5 else f"2026-{text}")


def weekend(date_):
    return date_.weekday() >= 5


def closed(*days):
    """Weekends and these public holidays."""
    holidays = {day(text) for text in days}
    return lambda date_: weekend(date_) or date_ in holidays


def never_works(_date):
    return True


def step(number, text):
    anchor, sign, days, options = re.fullmatch(r"(due|issue)([+-])(\d+)((?: \w+)*)", text).groups()
    values = {"sequence": number * 10}
    words = iter(options.split())
    for word in words:
        if word in ("repeat", "skip", "sequence"):
            values[{"repeat": "repeat_days", "skip": "auto_skip_days"}.get(word, word)] = int(next(words))
        else:
            flags = {"archived": {"active": False}, "reviewed": {"is_automatic": False}}
            values.update(flags.get(word, {"tone": word}))
    return Step(number, int(days), anchor, "before" if sign == "-" else "after", **values)


def plan(text, **policy):
    return Plan(tuple(step(number, part) for number, part in enumerate(text.split(", ") if text else (), 1)), **policy)


def item(due, issue=None, amount=100.0, taken=(), hold=None):
    due, hold = day(due), day(hold) if isinstance(hold, str) else hold
    return Item(object(), day(issue) if issue else due - timedelta(days=40), due, amount, tuple(taken), hold)


def invoice(plan_, *items, last=None, hold=None, out="", **one_item):
    """A subject under ``plan_`` (or its text), of these instalments or of a single one."""
    plan_ = plan(plan_) if isinstance(plan_, str) else plan_
    hold = day(hold) if isinstance(hold, str) else hold
    return Subject(plan_, items or (item(**one_item),), day(last) if last else None, hold, out)


def done(number, on, occurrence=1):
    return Taken(number, occurrence, day(on))


def waiting(number, on, occurrence=1):
    return Taken(number, occurrence, day(on), is_open=True)


# --- reading answers --------------------------------------------------------------------------------------------------


def told(decision):
    if not decision.date:
        return "never"
    steps = [f"{s.anchor}{'-' if s.direction == 'before' else '+'}{s.days}" for s in decision.steps]
    repeated = f" #{decision.occurrence}" if decision.occurrence > 1 else ""
    later = f" leaves {decision.not_before.isoformat().removeprefix('2026-')}" if decision.not_before else ""
    return f"{decision.date.isoformat().removeprefix('2026-')} {' & '.join(steps)}{repeated}{later}"


def rolled(subject, today, until="2027-02-15", is_free=weekend):
    return ", ".join(told(planned.decision) for planned in simulate([subject], day(today), day(until), is_free))


class ScheduleCase(BaseCase):
    def check(self, rows, is_free=weekend):
        """Each row: name, today, subject, the answer to it."""
        for name, today, subject, expected in rows:
            with self.subTest(name):
                [decision] = decide([subject], day(today), is_free)
                self.assertEqual(f"{told(decision)}: {decision.reason}", expected)
                self.assertEqual(bool(decision.steps), bool(decision.date))

    def check_rolled(self, rows):
        """Each row: name, today, subject, all its follow-ups from then on."""
        for name, today, subject, expected in rows:
            with self.subTest(name):
                self.assertEqual(rolled(subject, today), expected)


@tagged("post_install", "-at_install")
class TestScheduleExamples(ScheduleCase):
    def test_worked_examples(self):
        four = "due+1, due+7, due+10, due+15"
        three = "issue+3 statement, issue+5 statement, due+10 statement"
        twins = plan("due+10, due+10", min_contact_days=7)
        self.check_rolled([
            ("standard, 17 days late", "11-02", invoice(plan(four, min_contact_days=5), due="10-16"),
             "11-02 due+1, 11-09 due+7, 11-16 due+10, 11-23 due+15"),
            ("standard, assigned on a Tuesday", "11-03", invoice(plan(four, min_contact_days=5), due="10-17"),
             "11-03 due+1, 11-09 due+7, 11-16 due+10, 11-23 due+15"),
            ("delay in working days", "11-03",
             invoice(plan(four, min_contact_days=5, delay_in_workdays=True), due="10-17"),
             "11-03 due+1, 11-10 due+7, 11-17 due+10, 11-24 due+15"),
            ("contextual, 17 days late", "11-02",
             invoice(plan(four, min_contact_days=5, logic="contextual"), due="10-16"), "11-02 due+15"),
            ("before due moves back, the last step repeats", "11-02", invoice("due-5, due+3 repeat 30", due="11-20"),
             "11-13 due-5, 11-23 due+3, 12-23 due+3 #2, 2027-01-22 due+3 #3"),
            ("moved back, then delayed over a weekend", "11-12",
             invoice(plan("due-5", min_contact_days=3), due="11-20", last="11-12"), "11-16 due-5"),
            ("due on Sunday, courtesy too late on Monday", "11-14", invoice("due-1", due="11-15"), ""),
            ("steps after issue", "11-06", invoice(three, issue="11-02", due="11-06"),
             "11-06 issue+3, 11-09 issue+5, 11-16 due+10"),
            ("steps after issue, assigned after due", "11-10", invoice(three, issue="11-02", due="11-06"),
             "11-10 issue+5, 11-16 due+10"),
            ("reminder falls behind the due date", "11-06",
             invoice("issue+1 reminder", issue="11-06", due="11-08"), ""),
            ("email and letter of one day", "11-02", invoice(twins, due="11-02"), "11-12 due+10 & due+10"),
            ("the letter goes though the email failed", "11-12",
             invoice(twins, due="11-02", taken=[waiting(1, "11-12")]), "11-12 due+10"),
            ("email and letter, contextual", "11-02",
             invoice(plan("due+10, due+10", min_contact_days=7, logic="contextual"), due="10-16"),
             "11-02 due+10 & due+10"),
            ("never two trigger dates on one day", "11-02", invoice("due+1, due+2, due+3", due="10-16"),
             "11-02 due+1, 11-03 due+2, 11-04 due+3"),
            ("a step inserted behind the position", "11-17",
             invoice("due+5, due+15, due+10", due="11-02", taken=[done(1, "11-09"), done(2, "11-17")]), ""),
        ])  # fmt: skip


@tagged("post_install", "-at_install")
class TestScheduleRules(ScheduleCase):
    def test_rule_1_who(self):
        above_50 = plan("due+1", min_amount=50)
        self.check([
            ("above the minimum", "11-03", invoice(above_50, due="11-02", amount=50.01), "11-03 due+1: due"),
            ("at the minimum", "11-03", invoice(above_50, due="11-02", amount=50), "never: below_min"),
            ("below the minimum", "11-03", invoice(above_50, due="11-02", amount=49), "never: below_min"),
            ("small first instalment is skipped", "11-03",
             invoice(above_50, item("10-02", amount=50), item("11-12")), "11-13 due+1: scheduled"),
            ("only small instalments", "11-03",
             invoice(above_50, item("10-02", amount=40), item("11-02", amount=40)), "never: below_min"),
            ("nothing open", "11-03", Subject(above_50, ()), "never: paid"),
            ("kept out, with the reason given", "11-03", invoice("due+1", due="11-02", out="blocked"),
             "never: blocked"),
            ("kept out before all else", "11-03",
             invoice(above_50, due="11-02", amount=1, hold=UNTIL_LIFTED, out="in_payment"), "never: in_payment"),
            ("held through the tenth", "11-10", invoice("due+1", due="11-02", hold="11-10"), "11-11 due+1: hold"),
            ("the day after a hold", "11-11", invoice("due+1", due="11-02", hold="11-10"), "11-11 due+1: due"),
            ("hold ends on Friday", "11-03", invoice("due+1", due="11-02", hold="11-13"), "11-16 due+1: hold"),
            ("hold ends before the step is due", "11-03", invoice("due+10", due="11-02", hold="11-05"),
             "11-12 due+10: scheduled"),
            ("held until lifted", "11-03", invoice("due+1", due="11-02", hold=UNTIL_LIFTED), "never: hold"),
            ("hold ends in time for a courtesy", "11-16", invoice("due-5", due="11-20", hold="11-19"),
             "11-20 due-5: hold"),
            ("hold ends too late for a courtesy", "11-16", invoice("due-5", due="11-20", hold="11-20"),
             "never: passed"),
        ])  # fmt: skip

    def test_rule_2_trigger_date(self):
        for text, trigger in (("due+0", "11-20"), ("due+10", "11-30"), ("due-5", "11-15"), ("issue+3", "10-14")):
            with self.subTest(text):
                self.assertEqual(step(1, text).trigger(day("10-11"), day("11-20")), day(trigger))
        self.check([
            ("before due on a Sunday moves back", "11-02", invoice("due-5", due="11-20"), "11-13 due-5: scheduled"),
            ("zero days before a Sunday moves back", "11-02", invoice("due-0", due="11-15"), "11-13 due-0: scheduled"),
            ("after due never moves back", "11-02", invoice("due+1", due="11-13"), "11-16 due+1: scheduled"),
            ("after issue never moves back", "11-02", invoice("issue+1", issue="11-13", due="11-30"),
             "11-16 issue+1: scheduled"),
            ("time order, not the order written", "11-02", invoice("due+10, due+3", due="11-02"),
             "11-05 due+3: scheduled"),
            ("same Sunday, only the step before due moves back", "11-02",
             invoice("issue+4, due-1", issue="11-11", due="11-16"), "11-13 due-1: scheduled"),
        ])  # fmt: skip
        self.check(
            [("back over a holiday", "11-02", invoice("due-5", due="11-20"), "11-12 due-5: scheduled")],
            closed("11-13"),
        )
        same_sunday = invoice("issue+4, due-1", issue="11-11", due="11-16")
        self.assertEqual(rolled(same_sunday, "11-02"), "11-13 due-1, 11-16 issue+4")
        [decision] = decide([invoice("due+1 sequence 9, due+1 sequence 8, due+1 sequence 8", due="11-02")],
                            day("11-02"), weekend)  # fmt: skip
        self.assertEqual([step_.id for step_ in decision.steps], [2, 3, 1], "by sequence, then by id")

    def test_rule_3_never_late_before_due(self):
        self.check([
            ("on the due date", "11-20", invoice("due-5", due="11-20"), "11-20 due-5: due"),
            ("the day after", "11-20", invoice("due-5", due="11-19"), "never: passed"),
            ("after issue, triggered before due", "11-20", invoice("issue+3", due="11-19"), "never: passed"),
            ("after issue, triggered on due", "11-20", invoice("issue+40", due="11-19"), "11-20 issue+40: due"),
            ("on the due date is not before it", "11-20", invoice("due+0", due="11-19"), "11-20 due+0: due"),
            ("unmoved, it is not before due", "11-14", invoice("due-0", due="11-15"), "11-16 due-0: workday"),
            ("reminder on the due date", "11-19", invoice("due+0 reminder", due="11-19"), "11-19 due+0: due"),
            ("reminder the day after", "11-20", invoice("due+0 reminder", due="11-19"), "never: passed"),
            ("reminder meant for later", "11-02", invoice("due+1 reminder", due="11-19"), "never: passed"),
            ("before the issue date", "11-12", invoice("due-9", issue="11-12", due="11-20"), "never: passed"),
            ("before due, on the issue date", "11-12", invoice("due-8", issue="11-12", due="11-20"),
             "11-12 due-8: due"),
            ("after due, though before a late issue date", "11-10", invoice("due+1", issue="11-09", due="11-02"),
             "11-10 due+1: due"),
            ("the next one takes its place", "11-23", invoice("due-5, due+3", due="11-20"), "11-23 due+3: due"),
            ("held until lifted, due not yet passed", "11-20", invoice("due-5", due="11-20", hold=UNTIL_LIFTED),
             "never: hold"),
            ("held until lifted, due passed", "11-21", invoice("due-5", due="11-20", hold=UNTIL_LIFTED),
             "never: passed"),
        ])  # fmt: skip

    def test_rule_4_working_days(self):
        every_day = {"workdays_only": False}
        self.check([
            ("weekend", "11-07", invoice("due+1", due="11-02"), "11-09 due+1: workday"),
            ("free days count", "11-07", invoice(plan("due+1", **every_day), due="11-02"), "11-07 due+1: due"),
            ("free days count, nothing to move back", "11-02", invoice(plan("due-5", **every_day), due="11-20"),
             "11-15 due-5: scheduled"),
            ("free days count, the delay still in working days", "11-06",
             invoice(plan("due+1", min_contact_days=2, delay_in_workdays=True, **every_day), due="11-02", last="11-06"),
             "11-10 due+1: min_contact"),
        ])  # fmt: skip
        self.check([
            ("weekend and holiday", "11-07", invoice("due+1", due="11-02"), "11-10 due+1: workday"),
            ("holiday", "11-09", invoice("due+7", due="11-02"), "11-10 due+7: workday"),
            ("holiday ahead", "11-02", invoice("due+7", due="11-02"), "11-10 due+7: scheduled"),
        ], closed("11-09"))  # fmt: skip
        self.check([
            ("no working day at all: after", "11-02", invoice("due+1", due="11-02"), "11-03 due+1: scheduled"),
            ("no working day at all: before", "11-02", invoice("due-5", due="11-20"), "11-15 due-5: scheduled"),
            ("no working day at all: delay", "11-02",
             invoice(plan("due+1", min_contact_days=5, delay_in_workdays=True), due="10-16", last="11-02"),
             "11-07 due+1: min_contact"),
        ], never_works)  # fmt: skip

    def test_calendar(self):
        free = closed("11-09")
        for start, workday in (("11-06", "11-06"), ("11-07", "11-10"), ("11-09", "11-10")):
            self.assertEqual(next_workday(day(start), free), day(workday))
        for start, count, workday in (("11-06", 1, "11-10"), ("11-07", 1, "11-10"), ("11-05", 3, "11-11")):
            self.assertEqual(add_workdays(day(start), count, free), day(workday))
        self.assertEqual(next_workday(day("11-06"), never_works), day("11-06"))
        self.assertEqual(
            next_workday(day("11-02"), lambda d: d < day("2027-11-02")), day("2027-11-02"), "a long closure"
        )
        self.assertEqual(next_workday(day("11-02"), lambda d: d < day("2027-11-03")), day("11-02"), "not believed")

    def test_rule_6_send_date(self):
        def after(last, days=0, workdays=False, text="due+1"):
            return invoice(plan(text, min_contact_days=days, delay_in_workdays=workdays), due="11-02", last=last)

        self.check([
            ("before its day", "11-02", invoice("due+10", due="11-02"), "11-12 due+10: scheduled"),
            ("no delay: the day after", "11-10", after("11-10"), "11-11 due+1: min_contact"),
            ("delay of one: the same", "11-10", after("11-10", 1), "11-11 due+1: min_contact"),
            ("delay", "11-10", after("11-10", 3), "11-13 due+1: min_contact"),
            ("delay into the weekend", "11-10", after("11-10", 4), "11-16 due+1: min_contact"),
            ("delay in working days", "11-10", after("11-10", 4, True), "11-16 due+1: min_contact"),
            ("delay in working days over the weekend", "11-10", after("11-10", 5, True), "11-17 due+1: min_contact"),
            ("no delay in working days", "11-13", after("11-13", 0, True), "11-16 due+1: min_contact"),
            ("delay over", "11-13", after("11-10", 3), "11-13 due+1: due"),
            ("delay over before its day", "11-04", after("11-04", 3, text="due+10"), "11-12 due+10: scheduled"),
        ])  # fmt: skip

    def test_rule_9_on_or_before(self):
        self.check_rolled([
            ("an outage of a month, one step a day", "12-02", invoice("due+1, due+2, due+20", due="11-02"),
             "12-02 due+1, 12-03 due+2, 12-04 due+20"),
            ("a repetition missed", "2027-01-13", invoice("due+1 repeat 30", due="11-02", taken=[done(1, "11-03")]),
             "2027-01-13 due+1 #2, 2027-02-12 due+1 #3"),
        ])  # fmt: skip
