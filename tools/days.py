"""Days: working days, sums that do not overflow, and the rhythm in which a plan looks at its customers.

Pure: no Odoo, no clock.
"""

from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

IsFree = Callable[[date], bool]
"""Tells whether the company does not work on that day (weekend, public holiday)."""

DAY = timedelta(days=1)
_LONGEST_CLOSURE = 366  # days; past that the calendar has no working day at all and is not believed


def shift(day: date, is_free: IsFree, by: timedelta) -> date:
    """The first working day on or after ``day``, in steps of ``by`` (a day forward or backward)."""
    moved = day
    for _i in range(_LONGEST_CLOSURE):
        if not is_free(moved):
            return moved
        moved = plus_days(moved, by.days)
    return day


def next_workday(day: date, is_free: IsFree) -> date:
    """The first working day on or after ``day`` (rule 4)."""
    return shift(day, is_free, DAY)


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


def plus_months(day: date, months: int) -> date:
    """The same day so many months later, or the last one of a shorter month; or the end of time."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > date.max.year:
        return date.max
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def never_free(_day: date) -> bool:
    return False


class Rhythm(NamedTuple):
    """When a plan looks at its customers: every ``number`` days, weeks or months, counted from the first day.

    A series of months that begins on the 31st comes back to the 31st.
    """

    first: date
    number: int
    unit: str  # days | weeks | months
    upcoming: date  # the next look, before it is moved to a working day

    def nominal(self, index: int) -> date:
        """The ``index``-th day of the series, from 0."""
        if self.unit == "months":
            return plus_months(self.first, index * self.number)
        return plus_days(self.first, index * self.number * (7 if self.unit == "weeks" else 1))

    def _get_index_after(self, day: date) -> int:
        if day < self.first:
            return 0
        if self.unit == "months":
            passed = (day.year - self.first.year) * 12 + day.month - self.first.month
        else:
            passed = (day - self.first).days // (7 if self.unit == "weeks" else 1)
        index = passed // self.number
        return index if self.nominal(index) > day else index + 1

    def after(self, day: date) -> date:
        """The first day of the series after ``day``: a look that was missed is not made up for."""
        return self.nominal(self._get_index_after(day))

    def moved_on(self, day: date) -> "Rhythm":
        """The rhythm once it has looked on ``day``."""
        return self._replace(upcoming=self.after(day))

    def look(self, floor: date, today: date, is_free: IsFree) -> date:
        """The first day on or after ``floor`` on which the plan looks: if that is a day off, the next working day."""
        looks = [self.upcoming]
        if floor > self.upcoming:
            index = self._get_index_after(plus_days(floor, -1))
            looks = [max(self.upcoming, self.nominal(number)) for number in (max(0, index - 1), index)]
        moved = (next_workday(max(look, today), is_free) for look in looks)
        return next((look for look in moved if look >= floor), date.max)
