from . import account_escalation_demo
