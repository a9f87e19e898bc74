from . import account_escalation_assign
from . import mail_compose_message
