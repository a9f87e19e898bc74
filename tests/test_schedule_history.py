"""The rules of the decision that look back at what was done: position, open follow-ups, repetition, afresh.

Plans, facts and answers are written as in test_schedule.py.
"""

import ast
import inspect

from odoo.tests import tagged

from odoo.addons.account_escalation.tests.test_schedule import (
    ScheduleCase,
    day,
    done,
    invoice,
    item,
    plan,
    rolled,
    told,
    waiting,
    weekend,
)
from odoo.addons.account_escalation.tools import case, days, schedule, values
from odoo.addons.account_escalation.tools.schedule import (
    UNTIL_LIFTED,
    Subject,
    decide,
    listed,
    objection,
    reference,
    simulate,
)


@tagged("post_install", "-at_install")
class TestScheduleHistory(ScheduleCase):
    def test_rule_5_position(self):
        moved_later = invoice("due+1, due+7", due="11-20", taken=[done(1, "11-03")])
        passed_archived = invoice("due+5, due+10, due+15 archived", due="11-02", taken=[done(3, "11-17")])
        self.check([
            ("first step first, however late", "11-30", invoice("due+1, due+7", due="11-02"), "11-30 due+1: due"),
            ("then the next", "11-30", invoice("due+1, due+7", due="11-02", taken=[done(1, "11-03")]),
             "11-30 due+7: due"),
            ("all taken", "11-30", invoice("due+1", due="11-02", taken=[done(1, "11-03")]), "never: finished"),
            ("the last one still open", "11-30", invoice("due+1", due="11-02", taken=[waiting(1, "11-03")]),
             "never: open"),
            ("all taken, or passed over", "11-30", invoice("due+1, due+7 reminder", due="11-02",
             taken=[done(1, "11-03")]), "never: passed"),
            ("no steps", "11-30", invoice("", due="11-02"), "never: finished"),
            ("an untaken one of the last trigger date", "11-30",
             invoice("due+1, due+7, due+7", due="11-02", taken=[done(3, "11-09")]), "11-30 due+7: due"),
            ("an archived step is never taken", "11-02", invoice("due+1 archived, due+7", due="11-02"),
             "11-09 due+7: scheduled"),
            ("a taken step keeps the position when archived", "11-18", passed_archived, "never: finished"),
            ("a step moved behind the position", "11-18",
             invoice("due+2, due+5", due="11-02", taken=[done(2, "11-09")]), "never: finished"),
            ("a later due date keeps the history", "11-04", moved_later, "11-27 due+7: scheduled"),
            ("an earlier due date keeps the history", "11-20",
             invoice("due+1, due+7", due="10-01", taken=[done(1, "11-03")]), "11-20 due+7: due"),
        ])  # fmt: skip

    def test_rule_5_contextual(self):
        def contextual(text, **policy):
            return plan(text, logic="contextual", **policy)

        weekly = contextual("due+1, due+7, due+10", min_contact_days=7)
        self.check([
            ("the latest that is reached", "11-13", invoice(contextual("due+1, due+7, due+30"), due="11-02"),
             "11-13 due+7: due"),
            ("none reached yet: the first", "11-02", invoice(contextual("due+1, due+7"), due="11-02"),
             "11-03 due+1: scheduled"),
            ("reached because of the weekend", "11-07", invoice(contextual("due+4, due+6, due+7"), due="11-02"),
             "11-09 due+7: scheduled"),
            ("not reached until after the weekend", "11-07", invoice(contextual("due+4, due+6, due+8"), due="11-02"),
             "11-09 due+6: scheduled"),
            ("reached because of the delay", "11-04", invoice(weekly, due="11-02", last="11-03"),
             "11-10 due+7: min_contact"),
            ("what is too late is not the latest", "11-24", invoice(contextual("due+1, due+3 reminder"), due="11-20"),
             "11-24 due+1: due"),
            ("all that is open blocks", "11-30", invoice(weekly, due="11-02", taken=[waiting(1, "11-03")]),
             "never: open"),
        ])  # fmt: skip
        self.check_rolled([
            ("earlier ones are passed over", "11-13", invoice(contextual("due+1, due+7, due+30"), due="11-02"),
             "11-13 due+7, 12-02 due+30"),
            ("from before due to after", "11-02", invoice(contextual("due-5, due+3 repeat 60"), due="11-20"),
             "11-13 due-5, 11-23 due+3, 2027-01-22 due+3 #2"),
        ])  # fmt: skip

    def test_rule_7_open_blocks_later(self):
        def open_first(text, due="11-02", on="11-03", **facts):
            return invoice(text, due=due, taken=[waiting(1, on)], **facts)

        small_open_instalment = item("10-01", amount=5, taken=[waiting(1, "10-02")])
        issued_late = {"due": "11-13", "issue": "11-09"}
        self.check([
            ("a later step", "11-30", open_first("due+1, due+7"), "never: open"),
            ("not its twin", "11-04", open_first("due+1, due+1"), "11-04 due+1: due"),
            ("also when its step is archived", "11-30", open_first("due+1 archived, due+7"), "never: open"),
            ("dealt with", "11-30", invoice("due+1, due+7", due="11-02", taken=[done(1, "11-30")]), "11-30 due+7: due"),
            ("until skipped by itself", "11-09", open_first("due+1 skip 8, due+7"), "11-11 due+7: open"),
            ("from that day on", "11-11", open_first("due+1 skip 8, due+7"), "11-11 due+7: due"),
            ("of several, all must end", "11-10", invoice("due+1 skip 9, due+2 skip 7, due+7", due="11-02",
             taken=[waiting(1, "11-03"), waiting(2, "11-04")]), "11-12 due+7: open"),
            ("of several, one has no end", "11-10", invoice("due+1 skip 9, due+2, due+7", due="11-02",
             taken=[waiting(1, "11-03"), waiting(2, "11-04")]), "never: open"),
            ("rule 3 ends a step before due", "11-10", open_first("due-9, due+0", due="11-12", on="11-03"),
             "11-13 due+0: open"),
            ("rule 3 ends a reminder", "11-10", open_first("due+0 reminder, due+2", due="11-10", on="11-10"),
             "11-12 due+2: scheduled"),
            ("whichever ends first", "11-10", open_first("due-9 skip 30, due+0", due="11-12", on="11-03"),
             "11-13 due+0: open"),
            ("what comes too late then is passed over", "11-10", open_first("due-9, due-1, due+5", due="11-12"),
             "11-17 due+5: scheduled"),
            ("open and held", "11-30", open_first("due+1, due+7", hold=UNTIL_LIFTED), "never: open"),
            ("rule 3 ends at once what lies before the issue date", "11-12",
             invoice("due-5, due-1", **issued_late, taken=[waiting(1, "11-10")]), "11-12 due-1: due"),
            ("an open follow-up of another instalment", "11-03",
             invoice(plan("due+1", min_amount=10), small_open_instalment, item("11-02")), "never: open"),
            ("not its twin, listed with an older small instalment", "11-12",
             invoice(plan("due+10, due+10", min_amount=10), item("10-01", amount=5, taken=[waiting(1, "11-12")]),
                     item("11-02", taken=[waiting(1, "11-12")])), "11-12 due+10: due"),
        ])  # fmt: skip

    def test_rule_8_repeat(self):
        def repeated(*taken, text="due+1, due+7 repeat 30", due="11-02", **facts):
            return invoice(text, due=due, taken=[done(1, "11-03"), *taken], **facts)

        twice = [done(2, "11-09"), done(2, "12-09", 2)]
        passed_later = [done(2, "11-09"), done(3, "11-12")]
        self.check([
            ("not before it was done once", "11-04", repeated(), "11-09 due+7: scheduled"),
            ("the first time again", "11-10", repeated(done(2, "11-09")), "12-09 due+7 #2: scheduled"),
            ("again and again", "12-10", repeated(*twice), "2027-01-08 due+7 #3: scheduled"),
            ("whatever order history comes in", "12-10", repeated(*reversed(twice)), "2027-01-08 due+7 #3: scheduled"),
            ("late", "12-28", repeated(done(2, "11-09")), "12-28 due+7 #2: due"),
            ("held", "12-28", repeated(done(2, "11-09"), hold="12-29"), "12-30 due+7 #2: hold"),
            ("open", "12-28", repeated(waiting(2, "11-09")), "never: open"),
            ("its second time open", "12-28", repeated(done(2, "11-09"), waiting(2, "12-09", 2)), "never: open"),
            ("open until skipped by itself on 12-09, from which it is counted", "12-07",
             repeated(waiting(2, "11-09"), text="due+1, due+7 repeat 1 skip 30"), "12-10 due+7 #2: scheduled"),
            ("no longer the last for this subject", "11-30",
             repeated(done(2, "11-09"), text="due+1, due+7 repeat 30, issue+60", issue="10-01"),
             "11-30 issue+60: due"),
            ("no longer the last, and the last was taken", "12-30",
             repeated(*passed_later, text="due+1, due+7 repeat 30, due+10"), "never: finished"),
            ("another of its trigger date is the last", "12-30",
             repeated(done(2, "11-09"), done(3, "11-09"), text="due+1, due+7 repeat 30, issue+47"), "never: finished"),
            ("not what never comes", "11-10", invoice("due+7 reminder repeat 30", due="11-02"), "never: passed"),
            ("an archived step behind it does not count", "11-10",
             repeated(done(2, "11-09"), text="due+1, due+7 repeat 30, due+10 archived"), "12-09 due+7 #2: scheduled"),
            ("a twin that never comes does not stop it", "11-10",
             repeated(done(2, "11-09"), text="due+1, due+7 repeat 30, due+7 reminder sequence 5"),
             "12-09 due+7 #2: scheduled"),
            ("never back before an archived step taken after it", "12-30",
             repeated(*passed_later, text="due+1, due+7 repeat 30, due+10 archived"), "never: finished"),
            ("not before its trigger date, when the due date moved", "11-10",
             repeated(done(2, "11-09"), due="12-31"), "2027-01-07 due+7 #2: scheduled"),
            ("its own open one blocks, when the due date moved", "12-10",
             repeated(waiting(2, "11-09"), due="12-31"), "never: open"),
        ])  # fmt: skip

    def test_rule_10_afresh(self):
        steps, contextual = (
            plan("due+1, due+7", min_contact_days=5, logic=logic) for logic in ("standard", "contextual")
        )
        told_first = item("10-02", taken=[done(1, "10-05"), done(2, "10-12")])
        self.check([
            ("assigned anew: step one, the delay stays", "11-12", invoice(steps, due="11-02", last="11-10"),
             "11-16 due+1: min_contact"),
            ("assigned anew, contextual: by age", "11-12", invoice(contextual, due="11-02", last="11-10"),
             "11-16 due+7: min_contact"),
            ("the older instalment still dates the invoice", "11-12", invoice(steps, told_first, item("11-11")),
             "never: finished"),
            ("it is paid: the next one starts afresh", "11-12", invoice(steps, item("11-11"), last="10-12"),
             "11-12 due+1: due"),
        ])  # fmt: skip


@tagged("post_install", "-at_install")
class TestScheduleSubjects(ScheduleCase):
    def test_reference_and_listed(self):
        old, new, large, small = item("10-02"), item("11-12"), item("11-12", amount=200), item("10-01", amount=10)
        rows = (
            ("the earliest", (new, old), old, [old]),
            ("ties: the larger", (new, large), large, [large]),
            ("small ones are listed, not followed", (small, new), new, [small, new]),
            ("only small ones", (small,), None, [small]),
            ("nothing", (), None, []),
        )
        for name, items, dated_by, rest in rows:
            with self.subTest(name):
                subject = invoice(plan("due+1", min_amount=10), *items) if items else Subject(plan("due+1"), ())
                self.assertIs(reference(subject), dated_by)
                self.assertEqual(listed(subject, day("11-12")), rest, "what is due that day is not overdue")
                self.assertEqual(listed(subject, day("11-13")), list(items), "overdue the day after")

    def test_objection(self):
        """What was decided is looked at again before it goes out: may it still, on the 20th?"""
        mine, poor = item("11-19"), item("11-19", amount=50)
        later, after_due, courtesy = item("11-20"), plan("due+1", min_amount=50), plan("due-5", min_amount=50)
        rows = (
            ("nothing changed", invoice(after_due, mine), mine, ""),
            ("kept out", invoice(after_due, mine, out="blocked", hold=UNTIL_LIFTED), mine, "blocked"),
            ("held until lifted", invoice(after_due, mine, hold=UNTIL_LIFTED), mine, "hold"),
            ("the last day of a hold", invoice(after_due, mine, hold="11-20"), mine, "hold"),
            ("a hold that is over", invoice(after_due, mine, hold="11-19"), mine, ""),
            ("no longer open", invoice(after_due, later), None, "paid"),
            ("the due date has passed", invoice(courtesy, mine), mine, "passed"),
            ("it is the due date", invoice(courtesy, later), later, ""),
            ("at the minimum", invoice(after_due, poor), poor, "below_min"),
        )
        for name, subject, receivable, reason in rows:
            with self.subTest(name):
                self.assertEqual(objection(subject, receivable, subject.plan.steps[0], day("11-20")), reason)
        self.assertEqual(objection(invoice(courtesy, poor), poor, None, day("11-20")), "", "only listed")

    def test_simulate(self):
        two = [invoice("due+5, due+20", due="11-02"), invoice("due+1, due+5", due="11-04")]
        planned = [(p.date, p.index, told(p.decision)) for p in simulate(two, day("11-02"), day("11-22"), weekend)]
        self.assertEqual(planned, [
            (day("11-05"), 1, "11-05 due+1"),
            (day("11-09"), 0, "11-09 due+5"),
            (day("11-09"), 1, "11-09 due+5"),
        ])  # fmt: skip
        self.assertEqual(rolled(two[0], "11-02", "11-23"), "11-09 due+5, 11-23 due+20", "through the last day")
        self.assertEqual(rolled(two[0], "11-23", "11-22"), "", "until before today")
        self.assertEqual(rolled(invoice("due+1", due="11-02", out="paid"), "11-03"), "")
        self.assertEqual([subject.items[0].taken for subject in two], [(), ()], "the facts stay as they were")
        listed_too = invoice("due+1, due+20", item("11-02"), item("11-12"))
        self.assertEqual(rolled(listed_too, "11-03"), "11-03 due+1, 11-23 due+20")

    def test_equal_facts_are_decided_once(self):
        shared, memo = plan("due+1"), {}
        same = [invoice(shared, due="11-02", issue="09-23", amount=amount) for amount in (10, 20, 30)]
        self.assertEqual(len(set(decide(same, day("11-03"), weekend, memo))), 1)
        self.assertEqual(len(memo), 1)
        others = [
            invoice(shared, due="11-03", issue="09-23"),
            invoice(shared, due="11-02", issue="09-22"),
            invoice(shared, due="11-02", issue="09-23", taken=[done(1, "11-03")]),
            invoice(shared, due="11-02", issue="09-23", taken=[waiting(1, "11-03")]),
            invoice(shared, due="11-02", issue="09-23", last="11-03"),
            invoice(shared, due="11-02", issue="09-23", hold="11-05"),
            invoice("due+1", due="11-02", issue="09-23"),
        ]
        self.assertEqual(decide(others, day("11-03"), weekend, memo), decide(others, day("11-03"), weekend))
        self.assertEqual(len(memo), 1 + len(others))

    def test_pure(self):
        nodes = [
            node for module in (schedule, case, days, values) for node in ast.walk(ast.parse(inspect.getsource(module)))
        ]
        names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        self.assertLessEqual(
            names,
            {"calendar", "collections.abc", "dataclasses", "datetime", "functools", "typing", "case", "days", "values"},
        )
        attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        self.assertFalse(attributes & {"today", "now", "utcnow"}, "no clock")
