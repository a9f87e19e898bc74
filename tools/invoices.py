"""Which invoices are followed up."""

INVOICE_TYPES = ("out_invoice", "out_receipt")
FOLLOWED_PAYMENT_STATES = ("not_paid", "partial")
OPEN_INVOICES = [  # a domain: posted customer invoices on which something is open
    ("move_type", "in", INVOICE_TYPES),
    ("state", "=", "posted"),
    ("payment_state", "in", FOLLOWED_PAYMENT_STATES),
]
OPEN_RECEIVABLES = [  # a domain on journal items, of any type of entry
    ("account_id.account_type", "=", "asset_receivable"),
    ("account_id.non_trade", "=", False),
    ("parent_state", "=", "posted"),
    ("reconciled", "=", False),
]
# what customers have paid or were credited, and is not allocated
OPEN_CREDITS = [*OPEN_RECEIVABLES, ("amount_residual", "<", 0)]
# what messages list: not what is paid and waits for the bank, and not what somebody has blocked
FOLLOWED_RECEIVABLES = [
    *OPEN_RECEIVABLES,
    ("amount_residual", "!=", 0),
    "|",
    ("move_id.move_type", "=", "entry"),
    ("move_id.payment_state", "in", FOLLOWED_PAYMENT_STATES),
]
