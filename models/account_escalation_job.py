import logging

import psycopg2

from odoo import api, fields, models
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import split_every

BATCH = 1000  # records between two commits

_logger = logging.getLogger(__name__)


class AccountEscalationJob(models.Model):
    """An assignment of many invoices or customers, carried out in the background, batch by batch.

    What is done stays done: a job that was interrupted goes on where it stopped.
    """

    _name = "account.escalation.job"
    _description = "Assignment of Escalation Plans"
    _order = "id desc"

    company_id = fields.Many2one("res.company", required=True, index=True)
    user_id = fields.Many2one("res.users", required=True, default=lambda self: self.env.user)
    plan_id = fields.Many2one("account.escalation.plan", ondelete="cascade", help="Empty: no plan.")
    res_model = fields.Selection([("account.move", "Invoices"), ("res.partner", "Customers")], required=True)
    field_names = fields.Json(required=True, help="{field: whether it gets the plan; else it is emptied}")
    origin = fields.Char(required=True, default="manual")
    res_ids = fields.Json(required=True)
    total = fields.Integer(required=True)
    done = fields.Integer(default=0)
    failed = fields.Integer(help="Records on which an error occurred; they stay as they were.")
    error = fields.Char(help="The last of these errors.")
    progress = fields.Integer(compute="_compute_progress")
    state = fields.Selection(
        [("queued", "Queued"), ("running", "Running"), ("done", "Done")], compute="_compute_progress"
    )
    is_done = fields.Boolean(index=True)

    @api.depends("plan_id", "total")
    def _compute_display_name(self):
        for job in self:
            name = job.plan_id.name or self.env._("No plan")
            job.display_name = self.env._("%(number)s × %(plan)s", number=job.total, plan=name)

    @api.depends("done", "total", "is_done")
    def _compute_progress(self):
        for job in self:
            job.progress = 100 * job.done // job.total if job.total else 100
            job.state = "done" if job.is_done else "running" if job.done else "queued"

    def _get_batch(self):
        """The next records, as far as a rule may still decide on them; written with the rights of the job's user."""
        self.ensure_one()
        records = self.env[self.res_model].with_user(self.user_id).with_company(self.company_id)
        records = records.browse(self.res_ids[self.done : self.done + BATCH]).exists()
        if self.origin == "rule":
            records = records.filtered_domain(records._escalation_get_assignable_domain(self.plan_id))
        return records

    def _assign(self, records):
        values = {name: self.plan_id.id if gets_plan else False for name, gets_plan in self.field_names.items()}
        records._escalation_assign(values, self.origin)

    def _attempt(self, records):
        """Assign all of these under one savepoint; on an error, each half: a bad record is left out alone."""
        if not records:
            return
        try:
            with self.env.cr.savepoint():
                self._assign(records)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            raise
        except Exception as error:  # whatever is odd about a record, the other ones, and other jobs, go on
            if len(records) == 1:
                _logger.warning("Plan of %s could not be set", records, exc_info=True)
                self.write({"failed": self.failed + 1, "error": str(error)})
                return
            middle = len(records) // 2
            self._attempt(records[:middle])
            self._attempt(records[middle:])

    def _advance(self):
        done = min(self.total, self.done + BATCH)
        self.write({"done": done, "is_done": done >= self.total})
        if self.is_done and self.failed:
            self._tell_user()

    def _tell_user(self):
        """The window may be closed long since."""
        localized = self.with_context(lang=self.user_id.lang)
        text = localized.env._(
            "%(failed)s of %(total)s records stay as they were: %(error)s",
            failed=self.failed,
            total=self.total,
            error=self.error,
        )
        self.env["mail.thread"].message_notify(
            partner_ids=self.user_id.partner_id.ids, subject=localized.display_name, body=text
        )

    def _run(self):
        """All of it at once, without committing: for few records. On an error nothing is written."""
        while not self.is_done:
            self._assign(self._get_batch())
            self._advance()

    def _run_batch(self):
        """The next batch; what collides with other work is done again by the caller, after its commit."""
        try:
            with self.env.cr.savepoint():
                self._attempt(self._get_batch())
                self._advance()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            _logger.info("Job %s: a batch is done again", self.id)

    @api.model
    def _cron_run(self):
        """Go on with what waits, batch by batch, one commit each."""
        commit_progress = self.env["ir.cron"]._commit_progress
        waiting = self.search([("is_done", "=", False)], order="id")
        time_left = commit_progress(remaining=sum(job.total - job.done for job in waiting))
        for job in waiting:
            while time_left and job.try_lock_for_update() and not job.is_done:
                before = job.done
                job._run_batch()
                time_left = commit_progress(job.done - before)

    @api.autovacuum
    def _gc_done(self):
        old = fields.Datetime.subtract(fields.Datetime.now(), days=30)
        for ids in split_every(BATCH, self.search([("is_done", "=", True), ("write_date", "<", old)]).ids):
            self.browse(ids).unlink()
