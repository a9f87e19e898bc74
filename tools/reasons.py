"""Why something happened, or did not: one key and one translated sentence each, the same on every screen."""

from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

SCHEDULE = {
    # what `tools/schedule.py` answers, for what comes next; %(date)s, %(days)s and %(step)s are filled in
    "due": _lt("%(step)s today."),
    "scheduled": _lt("%(step)s on %(date)s."),
    "workday": _lt("Waits until %(date)s: today is not a working day."),
    "min_contact": _lt("Waits until %(date)s: at least %(days)s days after the last contact."),
    "min_contact_workdays": _lt("Waits until %(date)s: at least %(days)s working days after the last contact."),
    "min_any": _lt("Waits until %(date)s: at least %(days)s days between any two messages to this customer."),
    "cap": _lt("Waits until %(date)s: today's %(number)s automatic messages are used up."),
    "look": _lt("%(step)s on %(date)s, when the plan looks at its customers again."),
    "hold": _lt("On hold."),
    "hold_until": _lt("On hold: goes on from %(date)s."),
    "open": _lt("Waits until somebody sends, does or skips the open follow-up."),
    "open_until": _lt("Waits for the open follow-up; if nobody deals with it, the plan goes on on %(date)s."),
    "finished": _lt("All steps of the plan are taken."),
    "passed": _lt("The due date has passed: the steps that are left were meant for before it."),
}
OUT = {
    # what keeps an invoice from being followed up, now or when a follow-up is checked again before it goes out
    "paid": _lt("Paid."),
    "in_payment": _lt("A payment is on its way: waits for the bank."),
    "reversed": _lt("Reversed by a credit note."),
    "blocked": _lt("Blocked: its payment status says so."),
    "excluded": _lt("Excluded from follow-ups."),
    "below_min": _lt("Not followed up: the open amount does not exceed the plan's minimum."),
    "collected": _lt("Collected by us: nothing is asked for until somebody marks the collection as returned."),
    "planned": _lt("Left to the plans of its invoices, which still have steps to take."),
    "covered": _lt("Nothing to ask for: open credits cover what is due."),
    "not_posted": _lt("Not posted."),
    "not_invoice": _lt("Not a customer invoice."),
    "plan_changed": _lt("The plan was changed or taken away."),
    "partner_changed": _lt("The invoice has another customer now."),
    "plan_archived": _lt("The plan is archived."),
}
FAILURE = {
    "no_recipient": _lt("Nobody to write to: no email address."),
    "blacklisted": _lt("The email address is on the blacklist."),
    "bounced": _lt("The email address has bounced before."),
    "no_address": _lt("There is no postal address to write to."),
    "to_reconcile": _lt("Open credits cover what is due: somebody must reconcile them with the invoices."),
    "delivery": _lt("The email could not be delivered."),
    "posting": _lt("The carrier has refused the letter."),
    "posting_unanswered": _lt("The carrier has not answered; it is asked for this letter before it is posted again."),
    "posting_lost": _lt("The letter did not arrive."),
    "error": _lt("An error occurred."),
}
PERSON = {
    "released": _lt("Released by a person: it leaves within a minute."),
    "moved": _lt("Passed over: a person went to a later step."),
    "taken_out": _lt("Every invoice was taken out by a person."),
    "by_person": _lt("Skipped by a person."),
    "auto_skip": _lt("Skipped by itself: nobody dealt with it in time."),
    "activity_removed": _lt("Skipped: its activity was removed, and not by a person."),
}
FOLLOWUP = {
    # why a follow-up was made, withdrawn, skipped, or failed
    "due": _lt("The step was due."),
    "passed": _lt("The due date passed before it was sent."),
    "put_off": _lt("The due date was put off."),
    "hold": _lt("On hold."),
    **OUT,
    **FAILURE,
    **PERSON,
}


def explain(env, key, **values):
    """The sentence that tells what comes next for an invoice, in the language of ``env``."""
    sentence = env._({**SCHEDULE, **OUT}[key])
    return sentence % values if values else sentence
