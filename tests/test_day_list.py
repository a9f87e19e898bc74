"""The day's list: at login, and in the menu of activities."""

from freezegun import freeze_time

from odoo.tests import new_test_user

from odoo.addons.account_escalation.tests.common import EscalationCommon, day


@freeze_time("2026-11-03 12:00:00")
class TestDayList(EscalationCommon):
    def setUp(self):
        super().setUp()
        self.user = new_test_user(self.env, "biller", "account.group_account_invoice", company_id=self.company.id)

    def _groups(self):
        groups = self.env["res.users"].with_user(self.user)._get_activity_groups()
        return [group for group in groups if group["model"] == "account.escalation.followup"]

    def test_menu_counts_what_waits_for_me_now(self):
        plan = self._create_plan(self._step(1, needs_review=True), responsible_id=self.user.id)
        self._create_invoice(day("10-16"), plan)
        self.assertFalse(self._groups())
        followup = plan._run(day("11-02"))
        [group] = self._groups()
        self.assertEqual((group["overdue_count"], group["today_count"], group["total_count"]), (1, 0, 1))
        followup.action_skip()
        self.assertFalse(self._groups())

    def test_list_at_login_is_a_choice(self):
        self.user.escalation_opens_todo = True
        action = self.env.ref("account_escalation.account_escalation_followup_action_todo")
        self.assertEqual(self.user.action_id.id, action.id)
        self.user.escalation_opens_todo = False
        self.assertFalse(self.user.action_id)
