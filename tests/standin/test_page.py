"""The page at `/` shows the cluster live, in a real headless Chromium."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from standin import Standin
from standin.clock import Clock

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

ROOT = Path(__file__).parents[2]

# WCAG's contrast of every element that has text of its own, against the first opaque ground behind it.
CONTRASTS = """
const parse = colour => colour.match(/[\\d.]+/g).map(Number);
const light = colour => {
  const [r, g, b] = parse(colour).map(c => c / 255).map(c => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
};
const ground = element => {
  const colour = getComputedStyle(element).backgroundColor;
  return (parse(colour)[3] ?? 1) === 0 ? ground(element.parentElement) : colour;
};
const hasText = element => [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
return [...document.body.querySelectorAll("*:not(script, style)")].filter(hasText).map(element => {
  const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
  return [(a + .05) / (b + .05), element.textContent];
});
"""


def find_chromium() -> tuple[str, str]:
    """Return the paths of Chromium and its driver."""
    recorded = ROOT / ".local" / "chromium" / "chromium.path"
    if recorded.exists():
        chromium = Path(recorded.read_text(encoding="utf-8").strip())
        return str(chromium), str(chromium.with_name("chromedriver"))
    chromium_found, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium_found or not driver:
        pytest.fail(
            "chromium and chromedriver are not on PATH. Install Debian's chromium and chromium-driver, or without "
            "root: sh tests/standin/get_chromium.sh .local/chromium"
        )
    return chromium_found, driver


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    chromium, driver = find_chromium()
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.accept_insecure_certs = True
    # No sandbox and no /dev/shm: both need what a container or a root user does not have.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield made
    made.quit()


def texts(browser: webdriver.Chrome, selector: str) -> list[str]:
    # One call reads all of them, so that the page cannot change in between.
    script = "return [...document.querySelectorAll(arguments[0])].map(element => element.innerText)"
    found: list[str] = browser.execute_script(script, selector)
    return found


def wait(browser: webdriver.Chrome, reached: Callable[[], bool]) -> None:
    WebDriverWait(browser, 60, poll_frequency=0.05).until(lambda _: reached())


def test_the_page_says_what_it_is_and_follows_the_cluster_live(browser: webdriver.Chrome) -> None:
    with Standin(coreapps=3, shards=2, clock=Clock(speed=None)) as standin:
        browser.get(standin.url)
        assert "stand-in" in browser.title.lower()
        assert "stand-in" in browser.find_element(By.CSS_SELECTOR, ".notice").text
        wait(browser, lambda: texts(browser, "#served") == ["2 of 2"])
        assert [text.split("\n")[:2] for text in texts(browser, "#shards > div")] == [
            ["Shard 0", "coreapp-1"],
            ["Shard 1", "coreapp-2"],
        ]
        nodes = ["coreapp-1", "coreapp-2", "coreapp-3", "master-1", "master-2", "web-1"]
        assert texts(browser, "#nodes th") == nodes
        assert sorted(texts(browser, "#nodes td:nth-child(2)")[3:5]) == ["primary master", "secondary master"]

        standin.kill("coreapp-1")
        wait(browser, lambda: texts(browser, "#served") == ["1 of 2"])
        assert "coreapp-1 down" in texts(browser, "#shards .bad")[0]
        assert "gone" in texts(browser, "#nodes tr:first-child")[0]

        standin.advance(35)
        wait(browser, lambda: texts(browser, "#served") == ["2 of 2"])
        assert "coreapp-3" in texts(browser, "#shards > div")[0]
        assert "shard 0 is given to coreapp-3" in texts(browser, "#events li")[0]

        standin.stop()
        wait(browser, lambda: "does not answer" in texts(browser, "#clock")[0])
        standin.start()
        wait(browser, lambda: "time stands still" in texts(browser, "#clock")[0])


def test_the_page_shows_messages_that_wait(browser: webdriver.Chrome) -> None:
    with Standin(clock=Clock(speed=None), password="Str0ng-enough") as standin:
        token = standin.login("admin", "Str0ng-enough")
        for n in range(5):
            message = {"to": f"1555010{n}", "text": {"body": "hello"}}
            standin.request("POST", "/v1/messages", message, token=token)
        standin.advance(0.02)  # one coreapp sends 25 messages/s: the first of them at once, the next after 0.04 s
        browser.get(standin.url)
        wait(browser, lambda: texts(browser, "#sent") + texts(browser, "#waiting") == ["1", "4"])
        assert "4 waiting" in texts(browser, "#shards > div")[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_is_readable_in_light_and_dark(browser: webdriver.Chrome, scheme: str) -> None:
    emulated = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", emulated)
    with Standin(coreapps=3, shards=4, clock=Clock(speed=None)) as standin:
        standin.kill("coreapp-1")
        standin.add()
        browser.get(standin.url)
        wait(browser, lambda: texts(browser, "#served") == ["2 of 4"])
        contrasts = browser.execute_script(CONTRASTS)
        ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert len(contrasts) > 40
    # 4.5 is what WCAG 2 asks of small text at level AA.
    assert [text for contrast, text in contrasts if contrast < 4.5] == []
    assert (sum(map(int, ground.strip("rgb()").split(","))) < 384) is (scheme == "dark")


def test_the_page_fits_a_narrow_window_and_loads_nothing_from_elsewhere(browser: webdriver.Chrome) -> None:
    browser.get_log("browser")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    )
    with Standin(coreapps=33, shards=32) as standin:
        browser.get(standin.url)
        wait(browser, lambda: texts(browser, "#served") == ["32 of 32"])
        assert texts(browser, "#clock")[0].endswith(" real time")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
        script = "return performance.getEntriesByType('resource').map(entry => entry.name)"
        assert set(browser.execute_script(script)) == {f"{standin.url}/_standin/state"}
        assert browser.get_log("browser") == []
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
