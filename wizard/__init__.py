from . import account_escalation_assign
from . import account_escalation_call_result
from . import account_escalation_goto
from . import account_escalation_hand_over
from . import account_escalation_hold
from . import account_escalation_log
from . import account_escalation_remind
from . import mail_compose_message
