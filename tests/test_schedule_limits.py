"""The rules of the decision that couple a customer's subjects: what is left to invoice plans, and the company's limits.

Plans, facts and answers are written as in test_schedule.py and test_schedule_customer.py.
"""

from odoo.tests import BaseCase, tagged

from odoo.addons.account_escalation.tests.test_schedule import day, done, invoice, item, plan, told, waiting, weekend
from odoo.addons.account_escalation.tests.test_schedule_customer import customer, looks, summary
from odoo.addons.account_escalation.tools.schedule import UNTIL_LIFTED, Limits, decide, leave_out_planned, simulate

WEEK = Limits(7)
CAPPED = Limits(is_capped=True)


def limited(days, last=None):
    return Limits(days, day(last) if last else None)


def answers(subjects, today, limits=WEEK):
    decisions = decide(subjects, day(today), weekend, None, limits)
    return [f"{told(decision)}: {decision.reason}" for decision in decisions]


@tagged("post_install", "-at_install")
class TestScheduleLeftOut(BaseCase):
    def test_leave_out_planned(self):
        """Is the invoice, due on 10-20, left out of the customer's message because of its own plan?"""
        a = item("10-20")

        def own(text="due+10, due+40", *items, **facts):
            return invoice(text, *(items or (a,)), **facts)

        def having(*taken, text="due+10, due+40", **facts):
            return own(text, a._replace(taken=taken), **facts)

        small, held = plan("due+10", min_amount=100), a._replace(hold_until=UNTIL_LIFTED)
        twice = having(done(1, "11-02"), text="due+10 repeat 30")
        rows = (
            ("a step to come", own(), True),
            ("the last one to come", having(done(1, "11-02")), True),
            ("finished", having(done(1, "11-02"), done(2, "11-30")), False),
            ("repeats for ever", twice, True),
            ("only a step before the due date", own("due-5"), False),
            ("only a reminder", own("due+1 reminder"), False),
            ("a step before and one after", own("due-5, due+50"), True),
            ("its open follow-up", having(waiting(1, "11-02"), text="due+10"), True),
            ("its open follow-up, of a step archived since", having(waiting(1, "11-02"), text="due+10 archived"), True),
            ("an open follow-up that was for before the due date", having(waiting(1, "10-15"), text="due-5"), False),
            ("archived steps", own("due+10 archived"), False),
            ("passed by", having(done(2, "11-30")), False),
            ("on hold, its plan still goes on", own("due+10", held), True),
            ("kept out of its plan", own(out="excluded"), False),
            ("below its plan's minimum", own(small), False),
            ("all instalments of it", own("due+10", item("10-10"), a), True),
            ("only a summary beside it", summary(a), False),
        )
        for name, other, is_left_out in rows:
            for subjects in ([customer("due+10", a), other], [other, customer("due+10", a)]):
                with self.subTest(name):
                    [left] = [s for s in leave_out_planned(subjects, weekend) if s.plan.level == "customer"]
                    self.assertEqual(left.items, () if is_left_out else (a,))
        both = [customer(looks("due+10", leaves_out_planned=False), a), own()]
        self.assertEqual(leave_out_planned(both, weekend), both, "as the plan says")
        kept = [summary(a), own()]
        self.assertEqual(leave_out_planned(kept, weekend), kept, "a summary leaves nothing out")

    def test_beside_invoice_plans(self):
        a, b, credit = item("10-20"), item("10-28"), item("10-01", amount=-100)
        beside = [customer("due+1", a, b), invoice("due+20, due+30", a)]
        self.assertEqual(answers(beside, "11-02"), ["11-02 due+1: due", "11-09 due+20: scheduled"])
        planned = simulate(beside, day("11-02"), day("12-31"), weekend)
        self.assertEqual([(p.index, told(p.decision)) for p in planned],
                         [(0, "11-02 due+1"), (1, "11-09 due+20"), (1, "11-19 due+30"), (0, "11-23 due+1")],
                         "what its plan has finished comes to the customer's plan")  # fmt: skip
        courtesy = [customer("due+1", a, b), invoice("due-5", a)]
        self.assertEqual(answers(courtesy, "11-02"), ["11-02 due+1: due", "never: passed"])
        covered = [customer("due+1", a, b, credit), invoice("due+20", a)]
        self.assertEqual(answers(covered, "11-02")[0], "never: covered", "its amount is not the customer plan's")


@tagged("post_install", "-at_install")
class TestScheduleLimits(BaseCase):
    def check(self, rows):
        """Each row: name, today, the company's limits, subjects, their answers."""
        for name, today, limits, subjects, expected in rows:
            with self.subTest(name):
                self.assertEqual(answers(subjects, today, limits), expected)

    def test_min_days_any(self):
        a, due_today = item("10-20"), "11-02 due+10: due"
        one = [invoice("due+10", a)]
        self.check([
            ("off", "11-02", limited(0, "11-01"), one, [due_today]),
            ("never written to", "11-02", WEEK, one, [due_today]),
            ("not over", "11-02", limited(7, "10-27"), one, ["11-03 due+10: min_any"]),
            ("over", "11-02", limited(7, "10-26"), one, [due_today]),
            ("ends on a Saturday", "11-02", limited(7, "10-31"), one, ["11-09 due+10: min_any"]),
            ("over before its day", "11-02", limited(7, "11-01"), [invoice("due+10", due="11-02")],
             ["11-12 due+10: scheduled"]),
            ("the longer delay tells", "11-02", limited(2, "11-01"),
             [invoice(plan("due+10", min_contact_days=4), a, last="11-01")], ["11-05 due+10: min_contact"]),
            ("reviewed, called or posted by a person", "11-02", limited(7, "11-01"),
             [invoice("due+10 reviewed", a)], [due_today]),
            ("a look is not lost: what it decides leaves later", "11-02", limited(2, "11-01"),
             [customer("due+10", a)], ["11-02 due+10 leaves 11-03: min_any"]),
            ("unless the next look comes first", "11-02", limited(9, "11-01"), [customer("due+10", a)],
             ["11-16 due+10: min_any"]),
            ("a summary too", "11-02", limited(2, "11-01"), [summary(a)], ["11-02 due+0 leaves 11-03: min_any"]),
            ("its look is later anyway", "11-03", limited(2, "11-02"), [summary(a, policy={"upcoming": "11-09"})],
             ["11-09 due+0: look"]),
            ("a reviewed summary", "11-02", limited(7, "11-01"), [summary(a, text="due+0 reviewed")],
             ["11-02 due+0: due"]),
            ("the letter of a person goes, its automatic twin waits", "11-02", limited(7, "11-01"),
             [invoice("due+10, due+10 reviewed", a)], [due_today]),
        ])  # fmt: skip
        letter = invoice("due+10, due+10 reviewed", a._replace(taken=(waiting(2, "11-02"),)))
        self.assertEqual(answers([letter], "11-03", limited(7, "11-01")), ["11-09 due+10: min_any"], "and comes then")

    def test_one_message_after_the_other(self):
        """Automatic messages of one day: the first goes, in the order of the rules; the others wait."""
        a, b, c = item("10-20"), item("10-21"), item("10-19")
        due, next_week = "11-02 due+10: due", "11-09 due+10: min_any"
        first, second = plan("due+10", sequence=1), plan("due+10", sequence=2)
        separate, reviewed = plan("due+10", is_grouped=False), plan("due+10 reviewed", sequence=0)
        self.check([
            ("off", "11-02", limited(0), [summary(a), invoice(first, a)], ["11-02 due+0: due", due]),
            ("the customer's plan before all", "11-02", WEEK, [invoice(first, a), summary(a), customer("due+10", b)],
             [next_week, "11-09 due+0: min_any", due]),
            ("invoices before the summary", "11-02", WEEK, [summary(a), invoice(first, a)],
             ["11-09 due+0: min_any", due]),
            ("plans by sequence", "11-02", WEEK, [invoice(second, c), invoice(first, a)], [next_week, due]),
            ("of one plan, the oldest due", "11-02", WEEK, [invoice(separate, a), invoice(separate, c)],
             [next_week, due]),
            ("grouped invoices are one message", "11-02", WEEK, [invoice(first, a), invoice(first, b)], [due, due]),
            ("those of another plan are not", "11-02", WEEK, [invoice(first, a), invoice(second, b)], [due, next_week]),
            ("what a person does is no limit", "11-02", WEEK, [invoice(reviewed, a), invoice(first, b)], [due, due]),
            ("and has none", "11-02", WEEK, [invoice(first, a), invoice(reviewed, b)], [due, due]),
            ("what is not for today is no limit", "11-02", WEEK, [customer("due+10", "10-30"), invoice(first, a)],
             ["11-09 due+10: scheduled", due]),
            ("nor what is kept out", "11-02", WEEK, [invoice(first, c, out="paid"), invoice(first, a)],
             ["never: paid", due]),
            ("nor what has no plan", "11-02", WEEK, [invoice(None, c, out="plan_changed"), invoice(first, a)],
             ["never: plan_changed", due]),
            ("all wait", "11-02", limited(7, "11-01"), [customer("due+10", b), invoice(first, a)],
             [next_week, next_week]),
        ])  # fmt: skip
        steps = plan("due+10, due+12")
        later = invoice(steps, item("10-21", taken=[done(1, "10-31")]))
        self.assertEqual(answers([later, invoice(steps, a)], "11-02"), ["11-09 due+12: min_any", due], "another step")
        planned = simulate([invoice(first, a), summary(a, b)], day("11-02"), day("11-30"), weekend, WEEK)
        self.assertEqual([told(p.decision) for p in planned],
                         ["11-02 due+10", "11-09 due+0", "11-16 due+0", "11-23 due+0", "11-30 due+0"])  # fmt: skip

    def test_cap(self):
        a = item("10-20")
        self.check([
            ("waits until tomorrow", "11-02", CAPPED, [invoice("due+10", a)], ["11-03 due+10: cap"]),
            ("over the weekend", "11-06", CAPPED, [invoice("due+10", a)], ["11-09 due+10: cap"]),
            ("what is for later", "11-02", CAPPED, [invoice("due+10", due="11-02")], ["11-12 due+10: scheduled"]),
            ("what a person does", "11-02", CAPPED, [invoice("due+10 reviewed", a)], ["11-02 due+10: due"]),
            ("a customer's plan", "11-02", CAPPED, [customer("due+10", a)], ["11-02 due+10 leaves 11-03: cap"]),
            ("a summary", "11-02", CAPPED, [summary(a)], ["11-02 due+0 leaves 11-03: cap"]),
            ("the longer one tells", "11-02", Limits(7, day("11-01"), is_capped=True), [invoice("due+10", a)],
             ["11-09 due+10: min_any"]),
        ])  # fmt: skip
        planned = simulate([invoice("due+10, due+11", a)], day("11-02"), day("11-30"), weekend, CAPPED)
        self.assertEqual([told(p.decision) for p in planned], ["11-03 due+10", "11-04 due+11"], "of that day only")
