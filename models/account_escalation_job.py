from odoo import api, fields, models
from odoo.tools import split_every

BATCH = 1000  # records between two commits


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

    def _run_batch(self):
        """Assign the next batch."""
        self.ensure_one()
        ids = self.res_ids[self.done : self.done + BATCH]
        user = self.user_id
        # the job writes what its user could, as that user
        records = self.env[self.res_model].with_user(user).with_company(self.company_id).browse(ids).exists()
        values = {name: self.plan_id.id if gets_plan else False for name, gets_plan in self.field_names.items()}
        records._escalation_assign(values, self.origin)
        done = min(self.total, self.done + BATCH)
        self.write({"done": done, "is_done": done >= self.total})

    def _run(self):
        """All of it at once, without committing: for few records."""
        while not self.is_done:
            self._run_batch()

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
