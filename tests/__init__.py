from . import test_run
from . import test_schedule
from . import test_schedule_history
from . import test_schedule_properties
