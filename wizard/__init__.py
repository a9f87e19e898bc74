from . import account_escalation_assign
from . import account_escalation_hand_over
from . import mail_compose_message
