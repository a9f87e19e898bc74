"""pytest plugin for processes that test beside one another.

They have file stores of their own, as they have databases: pytest-odoo lets them share one, where the files of one
process are cleaned up by another. And a browser may take longer to start than Odoo waits by default.
"""

import os
import shutil
from contextlib import contextmanager

import pytest_odoo

from odoo.tests import common
from odoo.tools import config


@contextmanager
def own_filestore(original, name):
    if original == name:
        yield
        return
    files = config.filestore(name)
    shutil.rmtree(files, ignore_errors=True)
    if os.path.exists(config.filestore(original)):
        shutil.copytree(config.filestore(original), files, copy_function=os.link)
    try:
        yield
    finally:
        shutil.rmtree(files, ignore_errors=True)


def pytest_configure():
    pytest_odoo._shared_filestore = own_filestore
    common.CHECK_BROWSER_ITERATIONS *= 6  # a minute
