# pylint: disable=bad-builtin-groupby; that of Odoo collects all rows, ours must stream
from collections.abc import Iterator
from functools import cache
from itertools import count, groupby

from odoo import models
from odoo.tools import SQL

from ..tools import schedule
from ..tools.facts import NOBODY, Customer, Facts, Row
from ..tools.invoices import FOLLOWED_PAYMENT_STATES

READ_BATCH = 5000  # rows fetched at once from the server-side cursor
CURSOR_NUMBER = count()
NO_HISTORY = SQL("SELECT NULL::int AS move_id, NULL::date AS last_date, NULL::text AS taken WHERE FALSE")


class AccountEscalationPlan(models.Model):
    """READ: the open receivables of customers under a plan, and what happened to them."""

    _inherit = "account.escalation.plan"

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _get_invoice_condition(self):
        """Which invoices a run looks at: a superset of what it will follow up."""
        return SQL(
            "m.escalation_plan_id IN %s AND m.state = 'posted' AND m.payment_state IN %s"
            " AND m.commercial_partner_id IS NOT NULL",
            tuple(self.ids) or (0,),
            FOLLOWED_PAYMENT_STATES,
        )

    def _get_rows_query(self, moves, partner_ids, with_history=True):
        """One row for each instalment, those of a customer and of an invoice together, oldest maturity first.

        :param SQL moves: a condition on ``m``, the invoice; None for none
        :param partner_ids: customers of whom all open receivables are wanted, of any type of entry
        :param with_history: also what was taken, and when the customer was last asked
        """
        if partner_ids:
            query = self._get_query(
                SQL("COALESCE(holder.commercial_partner_id, m.commercial_partner_id)"),
                SQL(
                    "picked JOIN account_move_line l ON l.id = picked.id JOIN account_move m ON m.id = picked.move_id"
                    " LEFT JOIN res_partner holder ON holder.id = l.partner_id"
                ),
                SQL("TRUE"),
                self._get_history(SQL("SELECT move_id FROM picked")) if with_history else NO_HISTORY,
            )
            return SQL("WITH picked AS MATERIALIZED (%s) %s", self._get_picked_lines(moves, partner_ids), query)
        condition = moves or SQL("FALSE")
        picked = SQL("SELECT m.id FROM account_move m WHERE %s", condition)
        return self._get_query(
            SQL("m.commercial_partner_id"),
            SQL("account_move m JOIN account_move_line l ON l.move_id = m.id AND l.display_type = 'payment_term'"),
            condition,
            self._get_history(picked) if with_history else NO_HISTORY,
        )

    def _get_picked_lines(self, moves, partner_ids):
        """The open receivables of these customers, with all instalments of their invoices: (id, move_id)."""
        return SQL(
            """
            WITH opened AS (
                SELECT o.id, o.move_id, o.display_type = 'payment_term' AS is_instalment
                  FROM account_move_line o
                  JOIN account_account a ON a.id = o.account_id AND a.account_type = 'asset_receivable'
                       AND a.non_trade IS NOT TRUE
                  JOIN res_partner p ON p.id = o.partner_id
                 WHERE o.company_id = %(company)s AND o.parent_state = 'posted' AND o.reconciled IS NOT TRUE
                       AND o.amount_residual <> 0 AND p.commercial_partner_id = ANY(%(partners)s))
            SELECT id, move_id FROM opened WHERE is_instalment IS NOT TRUE
             UNION
            SELECT s.id, s.move_id FROM opened JOIN account_move_line s ON s.move_id = opened.move_id
                   AND s.display_type = 'payment_term'
             WHERE opened.is_instalment
             UNION
            SELECT l.id, l.move_id FROM account_move m JOIN account_move_line l ON l.move_id = m.id
                   AND l.display_type = 'payment_term'
             WHERE %(moves)s
            """,
            company=self.company_id.id,
            partners=list(partner_ids),
            moves=moves or SQL("FALSE"),
        )

    def _get_query(self, partner, source, condition, history):
        return SQL(
            """
            SELECT %(partner)s, m.id, m.move_type, m.escalation_plan_id, COALESCE(m.invoice_date, m.date), m.state,
                   m.payment_state, history.last_date, m.escalation_hold, m.escalation_hold_until,
                   m.preferred_payment_method_line_id IN (%(collected)s) AND m.escalation_is_returned IS NOT TRUE,
                   %(salesperson)s, m.partner_id, l.no_followup, l.id,
                   CASE WHEN l.display_type = 'payment_term'
                        THEN row_number() OVER (PARTITION BY %(partner)s, m.id
                                                ORDER BY COALESCE(l.date_maturity, m.invoice_date, m.date), l.id)
                        ELSE l.id END,
                   COALESCE(l.date_maturity, m.invoice_date, m.date), l.amount_residual, history.taken
              FROM %(source)s
         LEFT JOIN (%(history)s) history ON history.move_id = m.id
             WHERE %(condition)s
          ORDER BY %(partner)s, m.id, COALESCE(l.date_maturity, m.invoice_date, m.date), l.id
            """,
            partner=partner,
            source=source,
            condition=condition,
            history=history,
            collected=self._get_collected_lines(),
            salesperson=self._get_salesperson(SQL("m.invoice_user_id")),
        )

    def _get_salesperson(self, column):
        """The salesperson, if a follow-up can be theirs to do."""
        users = self.env["res.users"].sudo()  # sudo: who answers is no matter of whom the user may see
        able = users._search(users._escalation_get_able_domain(self.company_id))
        return SQL("CASE WHEN %(user)s IN %(able)s THEN %(user)s END", user=column, able=able.subselect())

    def _get_history(self, moves):
        """What was taken for each of these entries, and when the customer was last asked for it."""
        return SQL(
            """
            SELECT fl.move_id, max(f.date_done) FILTER (WHERE %(contact)s) AS last_date,
                   string_agg(
                       concat_ws(' ', fl.plan_id, fl.instalment, fl.step_id, fl.occurrence,
                                 COALESCE(f.date_done, f.date),
                                 CASE WHEN f.state IN ('queued', 'todo', 'failed') THEN 'open' END),
                       ',' ORDER BY fl.plan_id, fl.instalment, fl.step_id, fl.occurrence)
                   FILTER (WHERE fl.counts AND fl.occurrence > 0 AND fl.plan_id IN %(plans)s) AS taken
              FROM account_escalation_followup_line fl
              JOIN account_escalation_followup f ON f.id = fl.followup_id
             WHERE fl.move_id IN (%(moves)s)
          GROUP BY fl.move_id
            """,
            contact=self.env["account.escalation.followup"]._get_contact_condition(),
            plans=tuple(self.ids) or (0,),
            moves=moves,
        )

    def _get_collected_lines(self):
        """The ways of payment that the company collects by itself."""
        field = self.env["res.company"]._fields["escalation_collected_line_ids"]
        return SQL(
            "SELECT %s FROM %s WHERE %s = %s",
            SQL.identifier(field.column2),
            SQL.identifier(field.relation),
            SQL.identifier(field.column1),
            self.company_id.id,
        )

    def _read_rows(self, moves, partner_ids) -> Iterator[Row]:
        """The receivables, in one statement, without a recordset of all of them."""
        self._flush_facts()
        return map(Row._make, self._stream(self._get_rows_query(moves, partner_ids)))

    def _read_present_rows(self, moves, partner_ids) -> Iterator[Row]:
        """The receivables of a batch, without their history: fetched at once, a stream is not worth it."""
        self._flush_facts()
        query = self._get_rows_query(moves, partner_ids, with_history=False)
        return map(Row._make, self.env.execute_query(query))

    def _flush_facts(self):
        of_customers = ("account.move", "account.move.line", "res.partner", "res.users")
        ours = ("step", "followup", "followup.line")
        for model in (*of_customers, *(f"account.escalation.{name}" for name in ours)):
            self.env[model].flush_model()

    def _stream(self, query):
        # all rows will be fetched: by default, PostgreSQL plans a cursor for getting the first ones soon, which with
        # outdated statistics (after the first run, after many invoices got a plan) is many times slower in all
        self.env.cr.execute("SET LOCAL cursor_tuple_fraction = 1")
        with self.env.cr._cnx.cursor(name=f"account_escalation_{next(CURSOR_NUMBER)}") as cursor:
            cursor.itersize = READ_BATCH
            cursor.execute(query.code, query.params)
            yield from cursor

    # --- customers ----------------------------------------------------------------------------------------------------

    def _read_customers(self, partner_ids=None):
        """What the company has decided on its customers, and when it wrote to them: {commercial partner id: Customer}.

        :param partner_ids: by default those on whom something is decided, or whose last contact the decision must know
        """
        self._flush_facts()
        customers = self._read_decided(partner_ids)
        for partner_id, last_contact, last_automatic in self._read_contacts(partner_ids):
            customer = customers.get(partner_id, NOBODY)
            customers[partner_id] = customer._replace(last_contact=last_contact, last_automatic=last_automatic)
        return customers

    def _read_decided(self, partner_ids=None):
        """What the company has decided on its customers, as :meth:`_read_customers` answers; of these, or of all."""
        partners = self.env["res.partner"].with_company(self.company_id).with_context(active_test=False)
        is_all = partner_ids is None
        domain = partners._escalation_get_decided_domain() if is_all else [("id", "in", list(partner_ids))]
        names = ("plan_id", "summary_plan_id", "hold", "hold_until", "no_followup", "always_review")
        query = partners._search(domain)
        columns = [partners._field_to_sql(query.table, f"escalation_{name}") for name in names]
        salesperson = self._get_salesperson(SQL.identifier(query.table, "user_id"))
        rows = self.env.execute_query(query.select(SQL.identifier(query.table, "id"), *columns, salesperson))
        return {partner_id: Customer(*values) for partner_id, *values in rows}

    def _read_contacts(self, partner_ids):
        """Rule 6 and the company's limit: (partner id, last contact of the customer, last automatic message)."""
        if not self.company_id.escalation_min_days_any and set(self.mapped("level")) == {"invoice"}:
            return []
        return self.env.execute_query(
            SQL(
                """
                SELECT f.partner_id,
                       max(f.date_done) FILTER (WHERE (f.level = 'customer' OR f.is_manual) AND f.state = 'done'
                                                AND f.is_contact),
                       max(COALESCE(f.date_done, f.date)) FILTER (WHERE f.channel = 'email' AND s.to_customer
                                                                AND NOT f.is_reviewed AND f.is_manual IS NOT TRUE)
                  FROM account_escalation_followup f
                  JOIN account_escalation_step s ON s.id = f.step_id
                 WHERE f.company_id = %s AND f.state IN ('queued', 'done') AND %s
              GROUP BY f.partner_id
                """,
                self.company_id.id,
                SQL("TRUE") if partner_ids is None else SQL("f.partner_id = ANY(%s)", list(partner_ids)),
            )
        )

    # --- facts --------------------------------------------------------------------------------------------------------

    def _read_facts(self, moves=None, partner_ids=(), customers=None) -> Iterator[list[Facts]]:
        """All subjects of one customer after the other, that these plans of one company follow.

        :param SQL moves: a condition on ``m``: invoices to read, whatever their plan
        :param partner_ids: customers to read
        :param customers: as :meth:`_read_customers` answers
        """
        plans = {plan.id: plan._get_schedule_plan() for plan in self if plan.active}
        customers = self._read_customers() if customers is None else customers
        return self._make_facts(self._read_rows(moves, partner_ids), customers, plans, moves)

    def _read_present_facts(self, moves, partner_ids, customers) -> Iterator[list[Facts]]:
        """As :meth:`_read_facts`, without steps, and what was taken: what is owed and held now. Nothing is decided."""
        no_steps = self.env["account.escalation.step"]
        plans = {plan.id: plan._get_schedule_plan(no_steps) for plan in self if plan.active}
        return self._make_facts(self._read_present_rows(moves, partner_ids), customers, plans, moves)

    def _make_facts(self, rows, customers, plans, moves):
        parse = cache(self._parse_history)  # most histories are alike
        for partner_id, group in groupby(rows, key=lambda row: row.partner_id):
            yield self._prepare_facts(list(group), customers.get(partner_id, NOBODY), plans, parse, moves)

    def _read_statement_facts(self, partner_ids):
        """All that these customers owe, whatever plan follows it: {partner id: Facts}, as if of this plan."""
        self.ensure_one()
        plan = schedule.Plan((), level="customer")
        customers = self._read_decided(partner_ids)
        rows = self._read_present_rows(None, partner_ids) if partner_ids else ()
        return {
            partner_id: self._prepare_customer_facts(
                list(group), customers.get(partner_id, NOBODY), self.id, plan, self._parse_history
            )
            for partner_id, group in groupby(rows, key=lambda row: row.partner_id)
        }

    def _preview(self, moves, today):
        """What these invoices would owe if they began this plan today: (Facts, Decision), customer by customer."""
        self.ensure_one()
        plans = {self.id: self._get_schedule_plan()}
        customers = self._read_customers(moves.commercial_partner_id.ids)
        is_free = self.company_id._escalation_get_is_free(today)
        rows = self._read_rows(SQL("m.id IN %s", tuple(moves.ids)), ()) if moves else ()
        anew = (row._replace(plan_id=self.id, history=None) for row in rows)
        for partner_id, group in groupby(anew, key=lambda row: row.partner_id):
            customer = customers.get(partner_id, NOBODY)
            facts = self._prepare_facts(list(group), customer, plans, self._parse_history, moves)
            yield from zip(facts, schedule.decide([fact.subject for fact in facts], today, is_free), strict=True)
