"""The rules of the decision for customer plans and summaries: rhythm, reference, what is listed, net position.

Plans, facts and answers are written as in test_schedule.py. A customer's plan looks on Mondays, unless told otherwise.
"""

from dataclasses import replace
from datetime import timedelta

from odoo.tests import tagged

from odoo.addons.account_escalation.tests.test_schedule import (
    ScheduleCase,
    day,
    done,
    invoice,
    item,
    never_works,
    plan,
    rolled,
    told,
    waiting,
    weekend,
)
from odoo.addons.account_escalation.tools.schedule import (
    UNTIL_LIFTED,
    Rhythm,
    Taken,
    decide,
    listed,
    simulate,
    triggered,
)

# --- writing facts ----------------------------------------------------------------------------------------------------


def rhythm(first="11-02", number=1, unit="weeks", upcoming=None):
    return Rhythm(day(first), number, unit, day(upcoming or first))


def looks(text="due+10, due+40", level="customer", workdays_only=True, upcoming=None, every=("11-02",), **policy):
    """A plan that looks at its customers ``every`` (first day, number, unit), by default each Monday."""
    rhythm_ = rhythm(*every, upcoming=upcoming)
    return plan(text, level=level, rhythm=rhythm_, workdays_only=workdays_only, **policy)


def customer(plan_, *items, **facts):
    """A subject of these items (or the due dates of items of 100) under a customer plan or its text."""
    plan_ = looks(plan_) if isinstance(plan_, str) else plan_
    return invoice(plan_, *(item(part) if isinstance(part, str) else part for part in items), **facts)


def summary(*items, text="due+0", policy=None, **facts):
    return customer(looks(text, level="summary", **(policy or {})), *items, **facts)


def run_daily(plan_, items, changes=None, start="11-02", until="2027-02-15", is_free=weekend):
    """What each day's run does, told like ``"11-02 due+10 [a b]"`` with the names of what it lists.

    :param items: {name: item}
    :param changes: {day: {name: None once paid, an item, or new values of it}}
    """
    items, changes = dict(items), {day(text): change for text, change in (changes or {}).items()}
    today, last, answers = day(start), None, []
    while today <= day(until):
        for name, change in changes.get(today, {}).items():
            items[name] = items[name]._replace(**change) if isinstance(change, dict) else change
        items = {name: item_ for name, item_ in items.items() if item_}
        subject = invoice(plan_, *items.values())._replace(items=tuple(items.values()), last_contact=last)
        [decision] = decide([subject], today, is_free)
        if decision.date == today:
            names = [name for name, item_ in items.items() if item_ in listed(subject, today)]
            answers.append(f"{told(decision)} [{' '.join(names)}]")
            new = tuple(Taken(step.id, decision.occurrence, today) for step in decision.steps)
            items |= {name: items[name]._replace(taken=items[name].taken + new) for name in names}
            last = today
        if plan_.rhythm.upcoming <= today and not is_free(today):
            plan_ = replace(plan_, rhythm=plan_.rhythm.moved_on(today))
        today += timedelta(days=1)
    return ", ".join(answers)


@tagged("post_install", "-at_install")
class TestScheduleCustomer(ScheduleCase):
    def check_daily(self, rows):
        """Each row: name, plan, items, changes, all that the daily run does."""
        for name, plan_, items, changes, expected in rows:
            with self.subTest(name):
                self.assertEqual(run_daily(plan_, items, changes), expected)

    def test_worked_examples(self):
        two = {"a": item("10-20"), "b": item("10-28")}
        paid, third, fourth = {"11-04": {"a": None}}, {"11-05": {"c": item("11-09")}}, {"12-08": {"d": item("12-09")}}
        self.check_daily([
            ("both paid late", looks(), two, {}, "11-02 due+10 [a b], 11-30 due+40 [a b]"),
            ("the reference is paid", looks(), two, paid, "11-02 due+10 [a b], 12-07 due+40 [b]"),
            ("a third invoice", looks(), two, paid | third, "11-02 due+10 [a b], 12-07 due+40 [b c]"),
            ("a fourth", looks(), two, paid | third | fourth,
             "11-02 due+10 [a b], 12-07 due+40 [b c], 12-21 due+10 [b c d], 2027-01-18 due+40 [b c d]"),
            ("the oldest on hold and back", looks(), two, {"11-03": {"a": {"hold_until": day("11-20")}}},
             "11-02 due+10 [a b], 11-30 due+40 [a b]"),
        ])  # fmt: skip

    def test_rule_10_reference(self):
        two, held = {"a": item("10-20"), "b": item("10-28")}, {"a": item("10-20", hold="11-20"), "b": item("10-28")}
        larger = {"a": item("10-20"), "b": item("10-20", amount=200, taken=[done(1, "10-30")])}
        self.check_daily([
            ("on hold over its look, back with the next", looks(), two,
             {"11-03": {"a": {"hold_until": day("12-01")}}}, "11-02 due+10 [a b], 12-07 due+40 [a b]"),
            ("on hold over two looks", looks(), two, {"11-03": {"a": {"hold_until": day("12-10")}}},
             "11-02 due+10 [a b], 12-07 due+40 [b], 12-14 due+40 [a b]"),
            ("held from the first, never listed", looks(), held, {},
             "11-09 due+10 [b], 11-23 due+10 [a b], 11-30 due+40 [a b]"),
            ("all on hold until lifted", looks(), two,
             {"11-03": {name: {"hold_until": UNTIL_LIFTED} for name in "ab"}}, "11-02 due+10 [a b]"),
            ("not due yet is not listed, and reached later", looks("due+10"), two | {"c": item("11-09")}, {},
             "11-02 due+10 [a b], 11-23 due+10 [a b c]"),
            ("what waits behind the reference goes with it", looks(), two | {"c": item("11-09")}, {},
             "11-02 due+10 [a b], 11-30 due+40 [a b c]"),
            ("ties: the larger amount", looks("due+10, due+20"), larger, {}, "11-09 due+20 [a b]"),
            ("latest", looks(reference_rule="latest"), two, {}, "11-09 due+10 [a b], 12-07 due+40 [a b]"),
            ("latest: a new one takes over as soon as it is overdue", looks(reference_rule="latest"),
             two | {"c": item("11-30")}, {}, "11-09 due+10 [a b], 12-14 due+10 [a b c], 2027-01-11 due+40 [a b c]"),
            ("latest: only what is in scope", looks("due+10, due+20", reference_rule="latest"),
             two | {"c": item("11-30")}, {},
             "11-09 due+10 [a b], 11-23 due+20 [a b], 12-14 due+10 [a b c], 12-21 due+20 [a b c]"),
            ("contextual: by the age of the reference", looks(logic="contextual"), two | {"c": item("09-01")}, {},
             "11-02 due+40 [a b c]"),
            ("a repetition takes along what is new", looks("due+10 repeat 30"), {"a": item("10-20")},
             {"11-20": {"b": item("11-29")}},
             "11-02 due+10 [a], 12-07 due+10 #2 [a b], 2027-01-11 due+10 #3 [a b], 2027-02-15 due+10 #4 [a b]"),
        ])  # fmt: skip

    def test_what_is_said(self):
        """A look at which nothing is sent tells why."""
        told_first = item("10-20", taken=[done(1, "11-02")])
        told_all = item("10-20", taken=[done(1, "11-02"), done(2, "11-30")])
        next_week = looks(upcoming="11-09")
        self.check([
            ("today", "11-02", customer("due+10, due+40", "10-20"), "11-02 due+10: due"),
            ("the reference owes nothing yet", "11-09", customer("due+10, due+40", told_first, "10-28"),
             "11-30 due+40: scheduled"),
            ("back from its hold it is the reference, before what is newer", "11-16",
             customer("due+10, due+40", told_first._replace(hold_until=day("11-20")), "11-12"),
             "11-30 due+40: scheduled"),
            ("due, but it looks later", "11-04", customer(next_week, "10-20"), "11-09 due+10: look"),
            ("due on the day of a look", "11-03", customer(next_week, "10-30"), "11-09 due+10: scheduled"),
            ("exhausted", "12-07", customer("due+10, due+40", told_all), "never: finished"),
            ("all paid", "11-02", customer("due+10", item("10-20", amount=-5)), "never: paid"),
            ("only small ones", "11-02", customer(looks(min_amount=100), "10-20", "10-20"), "never: below_min"),
            ("a customer on hold", "11-02", customer("due+10", "10-20", hold="11-03"), "11-09 due+10: hold"),
            ("a customer held until lifted", "11-02", customer("due+10", "10-20", hold=UNTIL_LIFTED), "never: hold"),
            ("kept out", "11-02", customer("due+10", "10-20", out="excluded"), "never: excluded"),
            ("all held until lifted", "11-02", customer("due+10", item("10-20", hold=UNTIL_LIFTED)), "never: hold"),
            ("one held until lifted, the other never due", "11-02",
             customer("due+10", item("10-20", hold=UNTIL_LIFTED), "9999-12-31"), "never: hold"),
            ("minimum delay", "11-02", customer(looks(min_contact_days=5), "10-20", last="10-30"),
             "11-09 due+10: min_contact"),
            ("meant for before it", "11-02", customer(looks("due-5"), "11-20"), "never: passed"),
            ("never", "11-02", customer("due+10", "9999-12-31"), "never: scheduled"),
            ("before the end of time", "11-02", customer("due+10", "9999-12-01"), "9999-12-13 due+10: scheduled"),
        ])  # fmt: skip

    def test_looks(self):
        every_day, monthly = {"every": ("11-01", 1, "days")}, {"every": ("10-31", 1, "months")}
        self.check_rolled([
            ("missed looks make one look", "11-04", customer(looks(upcoming="10-05", every=("10-05",)), "09-01"),
             "11-04 due+10, 11-09 due+40"),
            ("missed months too", "11-04",
             customer(looks("due+1 repeat 1", upcoming="07-31", every=("07-31", 1, "months")), "07-01"),
             "11-04 due+1, 11-30 due+1 #2, 12-31 due+1 #3, 2027-02-01 due+1 #4"),
            ("missed, seen on a Saturday", "11-07", customer(looks("due+1", every=("11-02", 1, "months")), "10-01"),
             "11-09 due+1"),
            ("the 31st stays the 31st", "10-30", customer(looks("due+1 repeat 1", **monthly), "10-01"),
             "11-02 due+1, 11-30 due+1 #2, 12-31 due+1 #3, 2027-02-01 due+1 #4"),
            ("first date on a Saturday", "11-02", customer(looks("due+1, due+2", every=("11-07",)), "10-01"),
             "11-09 due+1, 11-16 due+2"),
            ("which may be worked on", "11-02",
             customer(looks("due+1, due+2", every=("11-07",), workdays_only=False), "10-01"),
             "11-07 due+1, 11-14 due+2"),
            ("one trigger date each look", "11-02", customer("due+1, due+2, due+2", "10-01"),
             "11-02 due+1, 11-09 due+2 & due+2"),
            ("daily, as an invoice", "11-02", customer(looks("due+1, due+2, due+6", **every_day), "11-02"),
             "11-03 due+1, 11-04 due+2, 11-09 due+6"),
        ])  # fmt: skip
        beside = [customer("due+10", "11-14"), invoice("due+1", due="11-24")]
        planned = [told(entry.decision) for entry in simulate(beside, day("11-02"), day("12-31"), weekend)]
        self.assertEqual(planned, ["11-25 due+1", "11-30 due+10"], "another's day is no missed look")
        self.assertEqual(
            rolled(customer(looks("due+1, due+2"), "10-01"), "11-02", "11-30", never_works), "11-02 due+1, 11-09 due+2"
        )

    def test_scope(self):
        old, today, later = item("10-20"), item("11-02"), item("11-20")
        held, credit, future_credit = item("10-20", hold="11-02"), item("10-20", amount=-5), item("11-20", amount=-5)
        items = (old, today, later, held, credit, future_credit)
        rows = (
            ("overdue: what is due today is not", looks(), [old, credit, future_credit]),
            ("unpaid", looks(scope="unpaid"), [old, today, later, credit, future_credit]),
            ("summary", looks(level="summary"), [old, today, later, credit, future_credit]),
        )
        for name, plan_, expected in rows:
            with self.subTest(name):
                self.assertEqual(listed(customer(plan_, *items), day("11-02")), expected)
        unpaid, courtesy = looks("due-5, due+3", scope="unpaid"), looks("due+0 reminder", scope="unpaid")
        self.check_daily([
            ("unpaid: before the due date, with all that is open", unpaid, {"a": item("11-20"), "b": item("12-31")}, {},
             "11-16 due-5 [a b], 11-23 due+3 [a b]"),
            ("overdue: never before the due date", looks("due-5, due+3"), {"a": item("11-20"), "b": item("12-31")}, {},
             "11-23 due+3 [a], 2027-01-04 due+3 [a b]"),
            ("unpaid: too late for a courtesy", courtesy, {"a": item("11-20")}, {}, ""),
            ("unpaid: in time", courtesy, {"a": item("11-23")}, {}, "11-23 due+0 [a]"),
            ("overdue: due today is not overdue", looks("due+0"), {"a": item("11-09")}, {}, "11-16 due+0 [a]"),
        ])  # fmt: skip

    def test_triggered(self):
        """The step is theirs, the others are only listed."""
        a, b, c = item("10-20"), item("10-22"), item("10-28")
        subject = customer("due+10, due+11", a, b, c, item("10-01", amount=-5), item("10-20", hold="11-20"))
        ten, eleven = subject.plan.steps
        self.assertEqual(triggered(subject, ten, 1, day("11-02"), weekend), [a, b])
        self.assertEqual(triggered(subject, ten, 2, day("11-02"), weekend), [], "no second time")
        taken = subject._replace(items=(a._replace(taken=(done(1, "10-30"),)), b))
        self.assertEqual(triggered(taken, ten, 1, day("11-02"), weekend), [b])
        self.assertEqual(triggered(taken, eleven, 1, day("11-02"), weekend), list(taken.items))
        small = customer(looks("due+10", min_amount=100), a, item("10-19", amount=101))
        self.assertEqual(triggered(small, small.plan.steps[0], 1, day("11-02"), weekend), [small.items[1]])
        late = customer("issue+3", a, item("10-22", issue="10-20"))
        self.assertEqual(
            triggered(late, late.plan.steps[0], 1, day("11-02"), weekend), [late.items[1]], "not what rule 3 took away"
        )
        self.assertEqual(triggered(summary("10-20"), ten, 1, day("11-02"), weekend), [])

    def test_rule_1_net_position(self):
        def credit(amount):
            return item("10-30", amount=-amount)

        above_50 = looks("due+10", min_amount=50)
        unpaid, before = looks("due+10", scope="unpaid"), looks("due-5", scope="unpaid")
        self.check([
            ("a small credit", "11-02", customer("due+10", "10-20", credit(99)), "11-02 due+10: due"),
            ("covered", "11-02", customer("due+10", "10-20", credit(100)), "never: covered"),
            ("of several, all together", "11-02", customer("due+10", "10-20", credit(60), credit(60)),
             "never: covered"),
            ("above the minimum", "11-02", customer(above_50, "10-20", credit(49)), "11-02 due+10: due"),
            ("at the minimum", "11-02", customer(above_50, "10-20", credit(50)), "never: below_min"),
            ("small ones count for the net", "11-02", customer(above_50, "10-20", item("10-20", amount=20), credit(60)),
             "11-02 due+10: due"),
            ("what is not due yet is not asked for", "11-02", customer(unpaid, "10-20", "12-01", credit(100)),
             "never: covered"),
            ("nothing is due yet", "11-02", customer(before, "11-06", credit(40)), "11-02 due-5: due"),
            ("nothing is due yet, all covered", "11-02", customer(before, "11-06", credit(100)), "never: covered"),
            ("what is on hold is not asked for", "11-02",
             customer("due+10", "10-20", item("10-20", hold="11-20"), credit(100)), "never: covered"),
            ("a credit on hold is not subtracted", "11-02",
             customer("due+10", "10-20", item("10-20", amount=-100, hold="11-20")), "11-02 due+10: due"),
            ("the net of the day on which it goes", "10-30", customer("due+10", "10-20", "10-30", credit(100)),
             "11-02 due+10: look"),
        ])  # fmt: skip
        items = {"a": item("10-20"), "b": item("11-09"), "credit": credit(100)}
        answer = "11-16 due+10 [a b credit], 11-30 due+40 [a b credit]"
        self.assertEqual(run_daily(looks(), items), answer, "covered until another is overdue")
        self.assertEqual(rolled(customer(looks(), *items.values()), "11-02"), "11-16 due+10, 11-30 due+40")

    def test_rule_7_open_blocks(self):
        def open_first(text="due+10, due+40", due="10-20", **facts):
            return item(due, taken=[waiting(1, "11-02")], **facts)

        skip, twins = "due+10 skip 14, due+40", "due+10, due+10, due+40"
        self.check([
            ("a later step", "11-30", customer("due+10, due+40", open_first()), "never: open"),
            ("also of another receivable", "11-23", customer("due+10, due+40", open_first(), "11-09"), "never: open"),
            ("also of a later one, for an older that is back from hold", "11-23",
             customer("due+10", open_first(due="10-28"), "10-20"), "never: open"),
            ("also of a later step of another", "12-07",
             customer("due+10, due+40", item("10-20", taken=[done(1, "11-02"), waiting(2, "11-30")]), "10-28"),
             "never: open"),
            ("also of one on hold", "11-23", customer("due+10", open_first(hold="12-31"), "11-09"), "never: open"),
            ("of another, when its own has nothing more", "11-23", customer("due+10", open_first()), "never: open"),
            ("dealt with", "11-30",
             customer("due+10, due+40", item("10-20", taken=[done(1, "11-30")])), "11-30 due+40: due"),
            ("until skipped by itself", "11-09", customer(skip, open_first(due="09-20")), "11-16 due+40: open"),
            ("not its twin", "11-02", customer(twins, open_first()), "11-02 due+10: due"),
            ("not its twin, several listed", "11-02", customer(twins, open_first(), open_first(due="10-28")),
             "11-02 due+10: due"),
        ])  # fmt: skip


@tagged("post_install", "-at_install")
class TestScheduleSummary(ScheduleCase):
    def test_summary(self):
        held, credit = item("10-20", hold="11-10"), item("10-20", amount=-100)
        monthly = {"every": ("10-31", 1, "months")}
        self.check([
            ("whatever is open", "11-02", summary("12-31"), "11-02 due+0: due"),
            ("covered by credits", "11-02", summary("10-20", credit), "11-02 due+0: due"),
            ("small amounts", "11-02", summary("10-20", policy={"min_amount": 500}), "11-02 due+0: due"),
            ("its look is ahead", "11-03", summary("10-20", policy={"upcoming": "11-09"}), "11-09 due+0: look"),
            ("missed", "11-05", summary("10-20"), "11-05 due+0: due"),
            ("nothing is open", "11-02", summary("10-20")._replace(items=()), "never: paid"),
            ("no step", "11-02", summary("10-20", text=""), "never: finished"),
            ("archived step", "11-02", summary("10-20", text="due+0 archived"), "never: finished"),
            ("email and letter", "11-02", summary("10-20", text="due+0, due+0 reviewed"), "11-02 due+0 & due+0: due"),
            ("one held, one not", "11-02", summary(held, "10-20"), "11-02 due+0: due"),
            ("all held", "11-02", summary(held, item("10-20", hold="11-12")), "11-16 due+0: hold"),
            ("all held until lifted", "11-02", summary(item("10-20", hold=UNTIL_LIFTED)), "never: hold"),
            ("customer on hold", "11-02", summary("10-20", hold="11-09"), "11-16 due+0: hold"),
            ("customer held until lifted", "11-02", summary("10-20", hold=UNTIL_LIFTED), "never: hold"),
            ("kept out", "11-02", summary("10-20", out="excluded"), "never: excluded"),
            ("the last contact is no matter", "11-02", summary("10-20", last="11-01", policy={"min_contact_days": 9}),
             "11-02 due+0: due"),
            ("what was taken neither", "11-02", summary(item("10-20", taken=[waiting(1, "10-31")])),
             "11-02 due+0: due"),
        ])  # fmt: skip
        self.check_rolled([
            ("at each look", "10-30", summary("10-20", policy=monthly),
             "11-02 due+0, 11-30 due+0, 12-31 due+0, 2027-02-01 due+0"),
        ])  # fmt: skip
