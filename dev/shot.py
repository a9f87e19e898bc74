"""Screenshots with headless Chromium; see dev/shot for the arguments."""

import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

# Until the page has been still for a moment; Odoo's websocket never lets the network be idle.
STILL = """() => new Promise(resolve => {
    const end = Date.now() + 10000;
    let changed = Date.now();
    new MutationObserver(() => changed = Date.now())
        .observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
    (function check() {
        const busy = document.readyState !== "complete" || document.querySelector(".o_loading_indicator, .o_blockUI");
        if (Date.now() > end || (!busy && Date.now() - changed > 400)) resolve();
        else setTimeout(check, 50);
    })();
})"""


class Shooter:
    def __init__(self, page, base):
        self.page = page
        self.base = base

    def login(self, user, password):
        self.page.goto(f"{self.base}/web/login")
        self.page.fill("input[name=login]", user)
        self.page.fill("input[name=password]", password)
        self.page.press("input[name=password]", "Enter")
        self.page.wait_for_url(lambda url: "/web/login" not in url)

    def settle(self):
        self.page.evaluate(STILL)
        self.page.evaluate("document.fonts.ready.then(() => true)")

    def step_goto(self, path):
        self.page.goto(self.base + path)

    def step_click(self, css):
        self.page.locator(css).first.click()

    def step_text(self, text):
        self.page.get_by_text(text, exact=True).first.click()

    def step_hover(self, css):
        self.page.locator(css).first.hover()

    def step_fill(self, arg):
        css, _equals, value = arg.rpartition("=")
        self.page.fill(css, value)

    def step_press(self, key):
        self.page.keyboard.press(key)

    def step_wait(self, seconds):
        self.page.wait_for_timeout(float(seconds) * 1000)

    def step_waitfor(self, css):
        self.page.wait_for_selector(css)

    def step_shot(self, path):
        self.page.screenshot(path=path, full_page="FULL" in os.environ)

    def take(self, steps):
        for step in steps:
            kind, _colon, arg = step.partition(":")
            if not (take := getattr(self, f"step_{kind}", None)):
                sys.exit(f"unknown step {step}")
            take(arg)
            self.settle()


def report_problems(page):
    page.on("console", lambda message: message.type == "error" and print("console:", message.text[:300]))
    page.on("pageerror", lambda error: print("page error:", str(error)[:300]))
    page.on("response", lambda response: response.status >= 400 and print(response.status, response.url[:200]))


def main(target, out, *steps):
    env = os.environ.get
    base = env("BASE")
    size = {"width": int(env("WIDTH", "1366")), "height": int(env("HEIGHT", "768"))}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=env("CHROMIUM"), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        context = browser.new_context(viewport=size, locale=env("LOCALE", "en-US"))
        page = context.new_page()
        report_problems(page)
        shooter = Shooter(page, base)
        if Path(target).is_file():
            page.goto(Path(target).resolve().as_uri())
        else:
            if env("DARK"):
                context.add_cookies([{"name": "color_scheme", "value": "dark", "url": base}])
            shooter.login(env("LOGIN", "admin"), env("PASSWORD", "admin"))
            shooter.step_goto(target)
            page.wait_for_selector(".o_main_navbar, #wrapwrap")
        shooter.settle()
        shooter.take([*steps, f"shot:{out}"])
        print(page.url, page.title())
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
