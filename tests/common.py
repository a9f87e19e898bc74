"""Builders for the tests: plans, invoices at a day, a run on a day."""

from datetime import date, timedelta
from functools import cached_property

from odoo import Command
from odoo.tests import tagged

from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.addons.mail.tests.common import MailCommon

MONDAY = date(2026, 11, 2)  # "day 0" of most tests


def day(text):
    """A date of 2026: ``day("11-02")``."""
    return date.fromisoformat(f"2026-{text}" if len(text) == 5 else text)


@tagged("post_install", "-at_install")
class EscalationCommon(AccountTestInvoicingCommon, MailCommon):
    """One company with a catchall address, an accountant, a customer who has an address and an email."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.company_data["company"]
        cls.env.user.group_ids += cls.env.ref("account.group_account_manager")
        cls.company.alias_domain_id = cls.mail_alias_domain
        cls.company.resource_calendar_id.tz = "Europe/Berlin"
        cls.user_employee.company_ids += cls.company  # so that to-do's can be theirs
        cls.customer = cls._create_customer("Azure Interior")
        cls.template = cls.env["mail.template"].create(
            {
                "name": "Reminder",
                "model_id": cls.env["ir.model"]._get_id("account.escalation.followup"),
                "lang": "{{ object.lang }}",
                "subject": "Reminder {{ object.invoice_names }}",
                "body_html": '<p>Please pay</p><t t-out="object.items_table"/>',
            }
        )

    @cached_property
    def other_company(self):
        """Made only where it is needed: it takes a chart of accounts."""
        return self.setup_other_company()["company"]

    def _open_wizard(self, action, **values):
        """The wizard that a button opens, as the web client does."""
        return self.env[action["res_model"]].with_context(**action["context"]).create(values)

    @classmethod
    def _create_customer(cls, name, **values):
        email = f"{name.lower().replace(' ', '.')}@example.com"
        return cls.env["res.partner"].create(
            {
                "name": name,
                "is_company": True,
                "email": email,
                "street": "Main Street 1",
                "zip": "10115",
                "city": "Berlin",
                "country_id": cls.env.ref("base.de").id,
                **values,
            }
        )

    @classmethod
    def _create_plan(cls, *steps, **values):
        """A plan of steps, each given as :meth:`_step` makes them; by default without minimum delay."""
        return cls.env["account.escalation.plan"].create(
            {
                "name": "Plan",
                "company_id": cls.company.id,
                "min_contact_days": 0,
                "step_ids": [Command.create(step) for step in steps],
                **values,
            }
        )

    @classmethod
    def _create_customer_plan(cls, *steps, partner=None, **values):
        """A plan that looks each week, from Monday 2 November, at the customer, who is put under it."""
        values = {"level": "customer", "next_run_date": MONDAY, "interval_type": "weeks", **values}
        plan = cls._create_plan(*steps, **values)
        (partner or cls.customer).escalation_plan_id = plan
        return plan

    @classmethod
    def _create_summary(cls, channel="email", partner=None, **values):
        """A summary each week, from Monday 2 November, for the customer."""
        step = cls._step(0, channel, tone="statement")
        values = {"level": "summary", "next_run_date": MONDAY, "interval_type": "weeks", "name": "Summary", **values}
        plan = cls._create_plan(step, **values)
        (partner or cls.customer).escalation_summary_plan_id = plan
        return plan

    @classmethod
    def _step(cls, days, channel="email", **values):
        """``days`` after the due date; negative: before it."""
        step = {"days": abs(days), "direction": "before" if days < 0 else "after", "channel": channel}
        if channel != "call":
            step["template_id"] = cls.template.id
        if days < 0:
            step["tone"] = "reminder"
        return {**step, **values}

    @classmethod
    def _prepare_invoice(cls, due, amount=100.0, issued=None, partner=None, **values):
        return {
            "move_type": "out_invoice",
            "partner_id": (partner or cls.customer).id,
            "company_id": cls.company.id,
            "invoice_date": issued or due - timedelta(days=14),
            "invoice_date_due": due,
            "invoice_line_ids": [Command.create({"name": "Chairs", "price_unit": amount, "tax_ids": []})],
            **values,
        }

    @classmethod
    def _create_invoice(cls, due, plan=None, amount=100.0, **values):
        """A posted invoice of one instalment, due on a day."""
        move = cls.env["account.move"].create(cls._prepare_invoice(due, amount, **values))
        move.action_post()
        if plan:
            move.escalation_plan_id = plan
        return move

    @classmethod
    def _create_instalments(cls, *dues, issued, plan=None, amount=100.0):
        """A posted invoice whose equal instalments are due on the days given."""
        rounded = round(100.0 / len(dues), 2)
        shares = [rounded] * (len(dues) - 1) + [100.0 - rounded * (len(dues) - 1)]
        term = cls.env["account.payment.term"].create(
            {
                "name": "Instalments",
                "line_ids": [
                    Command.create(
                        {
                            "value": "percent",
                            "value_amount": share,
                            "nb_days": (due - issued).days,
                            "delay_type": "days_after",
                        }
                    )
                    for share, due in zip(shares, dues, strict=True)
                ],
            }
        )
        return cls._create_invoice(
            dues[-1], plan, amount=amount * len(dues), issued=issued, invoice_payment_term_id=term.id
        )

    @classmethod
    def _pay(cls, move, amount=None, on=None):
        """Register a payment that is reconciled at once."""
        wizard = cls.env["account.payment.register"].with_context(active_model="account.move", active_ids=move.ids)
        values = {"payment_date": on or MONDAY}
        if amount:
            values["amount"] = amount
        wizard.create(values)._create_payments()
        cls.env.cr.flush()  # as at the end of a request

    def _pay_without_entries(self):
        """From now on, payments are made as with an accounting app: no entry before the bank statement has them."""
        self.company_data["default_journal_bank"].inbound_payment_method_line_ids.payment_account_id = False
        self.patch(self.env.registry["account.move"], "_get_invoice_in_payment_state", lambda _move: "in_payment")

    @classmethod
    def _pay_in(cls, amount, partner=None, payment_type="inbound"):
        """A payment that is not allocated to any invoice."""
        payment = cls.env["account.payment"].create(cls._prepare_payment(amount, partner, payment_type))
        payment.action_post()
        return payment.move_id

    @classmethod
    def _prepare_payment(cls, amount, partner=None, payment_type="inbound"):
        return {
            "partner_id": (partner or cls.customer).id,
            "partner_type": "customer",
            "payment_type": payment_type,
            "amount": amount,
            "date": MONDAY,
            "journal_id": cls.company_data["default_journal_bank"].id,
        }

    @classmethod
    def _run_days(cls, plan, *days):
        """Run a plan on each of the days; return the follow-ups of the last one."""
        followups = cls.env["account.escalation.followup"]
        for today in days:
            followups = plan._run(today)
        return followups

    def _contact(self, move, on):
        """A call about an invoice, made on a day."""
        step = self._create_plan(self._step(1, "call")).step_ids
        common = {"plan_id": step.plan_id.id, "step_id": step.id}
        call = (
            self.env["account.escalation.followup"]
            .sudo()
            .create(
                {
                    **common,
                    "company_id": move.company_id.id,
                    "partner_id": move.commercial_partner_id.id,
                    "level": "invoice",
                    "channel": "call",
                    "state": "done",
                    "date": on,
                    "date_done": on,
                    "is_contact": True,
                }
            )
        )
        call.line_ids.create({**common, "followup_id": call.id, "move_id": move.id})
        move._escalation_invalidate_next()
        return call

    def _listed(self, followup):
        """The invoices and other entries that a follow-up lists."""
        return followup.line_ids.filtered("counts").move_id

    def _followups_of(self, move):
        return move.escalation_followup_ids.sorted("id")

    def _create_opening_balance(self, amount):
        """What the customer owes from before, by an entry that is no invoice."""
        accounts = self.company_data
        move = self.env["account.move"].create(
            {
                "date": day("10-01"),
                "journal_id": accounts["default_journal_misc"].id,
                "line_ids": [
                    Command.create(
                        {
                            "name": "Balance of the old books",
                            "account_id": accounts["default_account_receivable"].id,
                            "partner_id": self.customer.id,
                            "date_maturity": day("10-20"),
                            "debit": amount,
                        }
                    ),
                    Command.create({"account_id": accounts["default_account_revenue"].id, "credit": amount}),
                ],
            }
        )
        move.action_post()
        return move

    @classmethod
    def _create_bank(cls, number, **values):
        """An account of the company."""
        values = {"acc_number": number, "partner_id": cls.company.partner_id.id, "allow_out_payment": True, **values}
        return cls.env["res.partner.bank"].create(values)

    def _mails_of(self, followup):
        """The emails queued for a follow-up, oldest first."""
        return self.env["mail.mail"].search([("model", "=", followup._name), ("res_id", "=", followup.id)], order="id")

    def _empty_mail_queue(self):
        """Core's queue has sent what was waiting; what is sent cannot be taken back any more."""
        self.env["mail.mail"].search([("model", "=", "account.escalation.followup")]).state = "sent"

    def _days_of(self, move, *states):
        """The days on which a move had follow-ups that count."""
        lines = self.env["account.escalation.followup.line"].search(
            [("move_id", "=", move.id), ("is_subject", "=", True), ("counts", "=", True)]
        )
        return [followup.date for followup in lines.followup_id.sorted("id") if not states or followup.state in states]
