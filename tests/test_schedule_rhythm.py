"""The rhythm in which a plan looks at its customers: its series of days, and the day of the next look."""

from datetime import date, timedelta
from itertools import pairwise

from odoo.tests import BaseCase, tagged

from odoo.addons.account_escalation.tests.test_schedule import closed, day, weekend
from odoo.addons.account_escalation.tests.test_schedule_customer import rhythm


@tagged("post_install", "-at_install")
class TestRhythm(BaseCase):
    def test_series(self):
        rows = (
            ("days", rhythm("11-02", 10, "days"), "11-02 11-12 11-22"),
            ("weeks", rhythm("11-02", 2, "weeks"), "11-02 11-16 11-30"),
            ("months", rhythm("11-02", 2, "months"), "11-02 2027-01-02 2027-03-02"),
            ("the 31st stays the 31st", rhythm("01-31", 1, "months"), "01-31 02-28 03-31 04-30 05-31"),
            ("the 30th too", rhythm("12-30", 1, "months"), "12-30 2027-01-30 2027-02-28 2027-03-30"),
            ("29 February", rhythm("2028-02-29", 12, "months"),
             "2028-02-29 2029-02-28 2030-02-28 2031-02-28 2032-02-29"),
            ("over December", rhythm("11-30", 3, "months"), "11-30 2027-02-28 2027-05-30"),
        )  # fmt: skip
        for name, series, texts in rows:
            days = [day(text) for text in texts.split()]
            with self.subTest(name):
                self.assertEqual([series.nominal(index) for index in range(len(days))], days)
                for one, following in pairwise(days):
                    self.assertEqual(series.after(one), following)
                    self.assertEqual(series.after(following - timedelta(days=1)), following)
                    self.assertEqual(series.moved_on(one), series._replace(upcoming=following))
                self.assertEqual(series.after(days[0] - timedelta(days=9)), days[0], "before its first day")
        self.assertEqual(rhythm("01-31", 1, "months").after(day("06-15")), day("06-30"), "missed ones are not made up")

    def test_look(self):
        weekly, monthly = rhythm("11-02"), rhythm("10-31", 1, "months")
        saturdays = rhythm("11-07")
        rows = (
            ("today", weekly, "11-02", "11-02", "11-02"),
            ("ahead", weekly, "10-20", "10-20", "11-02"),
            ("the day after a look", weekly._replace(upcoming=day("11-09")), "11-03", "11-03", "11-09"),
            ("from that day on", weekly, "11-09", "11-02", "11-09"),
            ("between two looks", weekly, "11-10", "11-02", "11-16"),
            ("missed, so today", weekly, "11-05", "11-05", "11-05"),
            ("missed, but not what is for later", weekly, "11-06", "11-05", "11-09"),
            ("missed, today is a day off", weekly, "11-07", "11-07", "11-09"),
            ("a day off", saturdays, "11-02", "11-02", "11-09"),
            ("a day off, from the working day on", saturdays, "11-09", "11-02", "11-09"),
            ("a day off, after the working day", saturdays, "11-10", "11-02", "11-16"),
            ("month's end on a day off", monthly, "11-01", "10-30", "11-02"),
            ("after it", monthly, "11-03", "10-30", "11-30"),
            (
                "a date moved by hand to a day off",
                rhythm("11-04")._replace(upcoming=day("11-14")),
                "11-16",
                "11-02",
                "11-16",
            ),
            ("a date moved later by hand", weekly._replace(upcoming=day("11-16")), "11-02", "11-02", "11-16"),
        )
        for name, series, floor, today, expected in rows:
            with self.subTest(name):
                self.assertEqual(series.look(day(floor), day(today), weekend), day(expected))
        self.assertEqual(weekly.look(date.max, day("11-02"), weekend), date.max, "never")
        self.assertEqual(rhythm("9999-12-01", 1, "months").after(day("9999-12-01")), date.max, "no month is left")
        self.assertEqual(weekly.look(day("11-09"), day("11-02"), closed("11-09")), day("11-10"), "a holiday")
        self.assertEqual(weekly.look(day("11-10"), day("11-02"), closed("11-09")), day("11-10"), "the same look")
