from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..tools.invoices import FOLLOWED_RECEIVABLES
from .account_escalation_followup_items import AGES
from .account_escalation_step import FOLLOWUP_MODEL
from .account_escalation_target import HOLDS


class AccountEscalationBalance(models.Model):
    """What each customer owes a company today, and since when: a list for people, by which nothing is decided.

    A view on the items that Open Items of the customer lists. Amounts are in company currency; "today" is the
    company's own.
    """

    _name = "account.escalation.balance"
    _description = "Customer Balance"
    _auto = False
    _rec_name = "partner_id"
    _order = "amount_overdue desc, amount_open desc, id"
    _depends = {
        "account.move": ["move_type", "payment_state", "escalation_plan_id", "escalation_hold"],
        "account.move.line": ["partner_id", "company_id", "date", "date_maturity", "amount_residual", "reconciled"],
        "res.partner": [
            *("commercial_partner_id", "user_id", "escalation_plan_id", "escalation_summary_plan_id"),
            *("escalation_hold", "escalation_hold_until", "escalation_no_followup"),
        ],
        "account.escalation.plan": ["active"],
        "account.escalation.followup": ["partner_id", "company_id", "state", "date_done", "is_contact"],
        "account.escalation.followup.line": ["followup_id", "is_left_out"],
    }

    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    amount_open = fields.Monetary(
        string="Open Amount", readonly=True, help="What is overdue and what is not due yet, less the credits."
    )
    amount_overdue = fields.Monetary(string="Overdue", readonly=True)
    amount_age_0 = fields.Monetary(string="Not due", readonly=True)
    amount_age_1 = fields.Monetary(string="1–30 days", readonly=True)
    amount_age_2 = fields.Monetary(string="31–60 days", readonly=True)
    amount_age_3 = fields.Monetary(string="61–90 days", readonly=True)
    amount_age_4 = fields.Monetary(string="Over 90 days", readonly=True)
    amount_credit = fields.Monetary(
        string="Credits", readonly=True, help="Payments and credit notes that are not allocated to any invoice."
    )
    amount_held = fields.Monetary(
        string="Amount on Hold", readonly=True, help="Of invoices that are paused, promised or disputed."
    )
    amount_unplanned = fields.Monetary(
        string="Amount Without a Plan",
        readonly=True,
        help="Open, and followed up neither by a plan of the invoice nor by one of the customer.",
    )
    overdue_count = fields.Integer(string="Overdue Invoices", readonly=True)
    date_oldest = fields.Date(string="Oldest Due Date", readonly=True, aggregator="min")
    days_overdue = fields.Integer(readonly=True, aggregator="max")
    date_last_contact = fields.Date(
        string="Last Contact",
        readonly=True,
        aggregator="max",
        help="The last time that the customer was asked to pay, whatever for.",
    )
    user_id = fields.Many2one("res.users", string="Salesperson", readonly=True)
    plan_id = fields.Many2one("account.escalation.plan", string="Customer Plan", readonly=True)
    summary_plan_id = fields.Many2one("account.escalation.plan", string="Summary", readonly=True)
    hold = fields.Selection(HOLDS, string="On Hold", readonly=True)
    hold_until = fields.Date(string="On Hold Until", readonly=True, aggregator=None)
    is_excluded = fields.Boolean(string="Excluded", readonly=True)

    # --- the query ----------------------------------------------------------------------------------------------------

    @property
    def _table_query(self):
        """One row for each commercial partner and company: the items are added up first, then named."""
        return SQL(
            """
            SELECT owed.*, company.currency_id, partner.user_id, contact.date_last_contact,
                   plan.id AS plan_id, summary.id AS summary_plan_id,
                   CASE WHEN plan.active THEN 0 ELSE owed.amount_planless END AS amount_unplanned,
                   partner.escalation_hold ->> owed.company_id::text AS hold,
                   (partner.escalation_hold_until ->> owed.company_id::text)::date AS hold_until,
                   COALESCE((partner.escalation_no_followup ->> owed.company_id::text)::boolean, FALSE) AS is_excluded
              FROM (%(balances)s) owed
              JOIN res_company company ON company.id = owed.company_id
              JOIN res_partner partner ON partner.id = owed.partner_id
         LEFT JOIN account_escalation_plan plan
                   ON plan.id = (partner.escalation_plan_id ->> owed.company_id::text)::int
         LEFT JOIN account_escalation_plan summary
                   ON summary.id = (partner.escalation_summary_plan_id ->> owed.company_id::text)::int
         LEFT JOIN (%(contacts)s) contact
                   ON contact.partner_id = owed.partner_id AND contact.company_id = owed.company_id
            """,
            balances=self._get_balances(),
            contacts=self._get_contacts(),
        )

    def _get_balances(self):
        """Sums by customer and company. Ids are those of items, of which no two rows share one."""
        ages = [
            SQL(
                "COALESCE(sum(amount) FILTER (WHERE age = %s), 0) AS %s", number, SQL.identifier(f"amount_age_{number}")
            )
            for number in range(len(AGES) + 1)
        ]
        return SQL(
            """
            SELECT min(id) AS id, partner_id, company_id, sum(amount) AS amount_open, %(ages)s,
                   COALESCE(sum(amount) FILTER (WHERE age > 0), 0) AS amount_overdue,
                   COALESCE(sum(amount) FILTER (WHERE amount < 0), 0) AS amount_credit,
                   COALESCE(sum(amount) FILTER (WHERE amount > 0 AND is_held), 0) AS amount_held,
                   COALESCE(sum(amount) FILTER (WHERE amount > 0 AND NOT is_planned), 0) AS amount_planless,
                   count(DISTINCT move_id) FILTER (WHERE age > 0 AND is_invoice) AS overdue_count,
                   min(due) FILTER (WHERE amount > 0) AS date_oldest,
                   GREATEST(0, max(late) FILTER (WHERE amount > 0)) AS days_overdue
              FROM (%(items)s) item
          GROUP BY partner_id, company_id
            """,
            ages=SQL(", ").join(ages),
            items=self._get_items(),
        )

    def _get_items(self):
        """The open items, each with its age as :meth:`_get_ageing` of follow-ups counts it; credits have none."""
        return SQL(
            """
            SELECT l.id, l.move_id, partner.commercial_partner_id AS partner_id, l.company_id, l.amount, l.due,
                   today.day - l.due AS late,
                   CASE WHEN l.amount > 0 THEN width_bucket(today.day - l.due, %(ages)s) END AS age,
                   move.move_type != 'entry' AS is_invoice,
                   move.escalation_hold IS NOT NULL AS is_held,
                   plan.id IS NOT NULL AS is_planned
              FROM (%(lines)s) l
              JOIN (VALUES %(days)s) today (company_id, day) ON today.company_id = l.company_id
              JOIN res_partner partner ON partner.id = l.partner_id
              JOIN account_move move ON move.id = l.move_id
         LEFT JOIN account_escalation_plan plan ON plan.id = move.escalation_plan_id AND plan.active
            """,
            ages=list(AGES),
            lines=self._get_lines(),
            days=self._get_days(),
        )

    def _get_lines(self):
        lines = self.env["account.move.line"]
        # past the rules of items: those of balances are the same
        query = lines._search(FOLLOWED_RECEIVABLES, bypass_access=True)
        names = ("id", "move_id", "partner_id", "company_id")
        columns = [SQL.identifier(query.table, name) for name in names]
        due = SQL("COALESCE(%s, %s)", *(SQL.identifier(query.table, name) for name in ("date_maturity", "date")))
        amount = SQL.identifier(query.table, "amount_residual")
        return query.select(*columns, SQL("%s AS due", due), SQL("%s AS amount", amount))

    def _get_days(self):
        """The date of each company that is looked at: it can be another in another time zone."""
        companies = self.env.companies
        return SQL(", ").join(SQL("(%s, %s::date)", company.id, company._escalation_today()) for company in companies)

    def _get_contacts(self):
        """When each customer was asked to pay for the last time."""
        return SQL(
            """
            SELECT f.partner_id, f.company_id, max(f.date_done) AS date_last_contact
              FROM account_escalation_followup f
              JOIN account_escalation_followup_line fl ON fl.followup_id = f.id
             WHERE %s
          GROUP BY f.partner_id, f.company_id
            """,
            self.env[FOLLOWUP_MODEL]._get_contact_condition(),
        )

    # --- what a person can do -----------------------------------------------------------------------------------------

    def action_open_customer(self):
        """The customer's form, at Follow-up."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("account_escalation.res_partner_action_escalation")
        return {**action, "res_id": self.partner_id.id}

    def action_remind(self):
        return self._get_partners().action_escalation_remind()

    def action_hold(self):
        return self._get_partners().action_escalation_hold()

    def action_assign(self):
        partners = self._get_partners()
        return partners._escalation_open_wizard("account_escalation.account_escalation_assign_partner_action")

    def _get_partners(self):
        """The customers, on whom each company decides by itself: so it must be the current one.

        :raise UserError: if it is another
        """
        if others := self.company_id - self.env.company:
            raise UserError(self.env._("Switch to %s first: plans, holds and reminders are its own.", others[0].name))
        return self.partner_id
