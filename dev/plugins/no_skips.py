"""pytest plugin: a skipped test fails. Odoo skips silently when a browser or wkhtmltopdf is missing."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--allow-skips", action="store_true", help="let skipped tests pass")


def fail_skip(config, report):
    if report.skipped and not hasattr(report, "wasxfail") and not config.getoption("allow_skips"):
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason} (a skip is a failure, see --allow-skips)"


class NoSkips:
    def __init__(self, config):
        self.config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report):
        fail_skip(self.config, report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report):
        fail_skip(self.config, report)


def pytest_configure(config):
    config.pluginmanager.register(NoSkips(config))
