"""`zonegate can --html` in a real browser: filtered, clicked through, and harmless whatever its texts say."""

import json
import subprocess

import pytest

from lab import browser, paths

AT = "2026-06-03T08:30:00Z"
"""A Wednesday morning in the office."""


@pytest.fixture(scope="session")
def command():
    """The command must have been built."""
    assert paths.COMMAND.exists(), f"{paths.COMMAND} is missing: run `make build` first"
    return paths.COMMAND


def write(command, policies, file) -> str:
    """The page of a policies folder."""
    subprocess.run([command, "can", "--dir", policies, "--at", AT, "--html", file], check=True, capture_output=True)
    return file.read_text()


@pytest.fixture(scope="module")
def page(command, folder):
    """The demo policies' page, open in a browser."""
    file = folder / "can.html"
    write(command, paths.ROOT / "policies", file)
    with browser.Browser(folder / "can") as chromium:
        chromium.open(file)
        yield chromium


@pytest.fixture(autouse=True)
def harmless(request):
    """Whatever a test did, the page asked for nothing but itself and nothing went wrong in it."""
    yield
    if "page" in request.fixturenames:
        chromium = request.getfixturevalue("page")
        assert chromium.complaints() == []
        assert {url.rpartition("/")[2] for url in chromium.requests() if url != "about:blank"} == {"can.html"}


def search(page, text: str) -> None:
    """Types a text into the filter, in the place of what is there."""
    page.run("document.getElementById('filter').select()")
    page.run("document.getElementById('filter').focus()")
    page.run("document.execCommand('delete')")
    if text:
        page.type(text)


def heads(page) -> list:
    """The rows that are drawn: key and zone."""
    return page.run("[...document.querySelectorAll('tbody th')].map((one) => one.querySelector('.key').textContent + ' ' "
                    "+ one.querySelectorAll('span')[1].textContent)")


def columns(page) -> list:
    """The columns that are drawn."""
    return page.run("[...document.querySelectorAll('thead .turn')].map((one) => one.parentElement.title)")


def cell(key: str, zone: str, column: str) -> str:
    """The selector of a cell, whatever its answer."""
    return f"td[aria-label^={json.dumps(f'{key}, {zone}, {column}: ')}]"


def test_the_matrix_is_drawn(page):
    """Every key has a row, and the answers are those of the command."""
    search(page, "")
    assert page.run("document.getElementById('count').textContent").startswith(
        f"{page.run('JSON.parse(document.getElementById(`data`).textContent).keys.length')} of ")
    label = page.run(f"document.querySelector({json.dumps(cell('demoacmehost', 'example.com', 'record.create TXT'))})"
                     ".getAttribute('aria-label')")
    assert label == "demoacmehost, example.com, record.create TXT: depends"
    assert page.picture("matrix").stat().st_size > 20_000


def test_the_filter_narrows_rows_and_columns(page):
    """By key, zone, role, action and type, together, and back again."""
    search(page, "acmehost")
    assert heads(page) == ["demoacmehost the account", "demoacmehost example.com"]
    search(page, "role:auditors")
    assert {head.split()[0] for head in heads(page)} == {"demoauditor1"}
    search(page, "zone.delete")
    assert columns(page) == ["zone.delete"]
    assert "demohostmast every zone" in heads(page) and not any("demoacme" in head for head in heads(page))
    search(page, "type:txt action:record.create demozone")
    assert [title.split(",")[0] for title in columns(page)] == ["record.create"]
    # A row for every other zone is about any zone that the key has no row for.
    search(page, "zone:shop.example key:demoallzones")
    assert heads(page) == ["demoallzones every zone"]
    search(page, "zone:nowhere.example key:demoacmehost")
    assert heads(page) == [] and page.run("!document.getElementById('empty').hidden")
    search(page, "")
    assert len(heads(page)) > 20


def test_only_dangerous(page):
    """Leaves the columns that change more than single records, and the keys that may."""
    search(page, "")
    page.click("#dangerous")
    assert "zone.delete" in columns(page) and "zone.read" not in columns(page)
    # Telling the secondaries is a transfer: `demoacmehost` may, a key without any grant may not.
    drawn = " ".join(heads(page))
    assert "demohostmast" in drawn and "demonothing1" not in drawn
    page.click("#dangerous")
    assert "zone.read" in columns(page)


def test_a_cell_opens_what_decides_it(page):
    """By the mouse: the policies with their text and place, and the circumstances."""
    search(page, "demoacmehost")
    page.click(cell("demoacmehost", "example.com", "record.create TXT"))
    page.wait("!document.getElementById('panel').hidden")
    text = page.run("document.getElementById('panel').innerText")
    for part in ("record.create TXT", "demoacmehost, in example.com", "it depends", "at the name _acme-challenge.www.example.com",
                 "permit acme-host-write", "templates/acme-host.cedar:", "principal == Key::\"demoacmehost\"",
                 "Name::\"_acme-challenge.www.example.com\"", "zonegate explain --key demoacmehost", "grant: acme-host"):
        assert part in text, f"{part}\n---\n{text}"
    assert page.picture("panel").stat().st_size > 20_000

    search(page, "demoauditor1")
    page.click(cell("demoauditor1", "every zone", "zone.read"))
    text = page.run("document.getElementById('panel').innerText")
    assert "from the network office, in the window office-hours" in text, text
    assert "forbid auditors-office-only" in text and "roles/auditors.cedar:" in text

    page.click("#panel .close")
    assert page.run("document.getElementById('panel').hidden")


def test_the_keyboard_is_enough(page):
    """Arrows move, Enter opens, Escape closes and gives the focus back, `/` goes to the filter."""
    search(page, "demohostmast")
    page.run("document.querySelector('td[tabindex=\"0\"]').focus()")
    for key, code in (("ArrowDown", 40), ("End", 35), ("Home", 36), ("ArrowRight", 39)):
        page.press(key, code)
    where = page.run("[document.activeElement.dataset.row, document.activeElement.dataset.column]")
    assert where == ["1", "1"]
    for _ in range(6):
        page.press("ArrowRight", 39)
    label = page.run("document.activeElement.getAttribute('aria-label')")
    assert label.startswith("demohostmast, every zone, zone."), label
    page.press("Enter", 13)
    assert page.run("document.activeElement.tagName") == "H2"
    page.press("Escape", 27)
    assert page.run("document.activeElement.getAttribute('aria-label')") == label
    page.press("/", 191)
    assert page.run("document.activeElement.id") == "filter"


def test_dark_and_on_paper(page):
    """The colours follow the reader's; on paper every row is drawn."""
    search(page, "")
    page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    dark = page.run("getComputedStyle(document.body).backgroundColor")
    page.picture("dark")
    page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
    assert dark != page.run("getComputedStyle(document.body).backgroundColor")
    printed = page.ask("Page.printToPDF", landscape=True)["data"]
    assert len(printed) > 20_000


def test_a_thousand_keys(page, folder):
    """Only what is in view is drawn, so many keys are scrolled and filtered as quickly as few."""
    text = (folder / "can.html").read_text()
    before, mark, rest = text.partition('id="data">')
    block, end, after = rest.partition("</script>")
    data = json.loads(block)
    demo = data["keys"]
    data["keys"] = [dict(demo[number % len(demo)], id=f"many{number:08}") for number in range(1000)]
    many = folder / "many" / "can.html"
    many.parent.mkdir(exist_ok=True)
    # The texts of the demo policies have nothing that would have to be escaped but these.
    escaped = json.dumps(data).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    many.write_text(before + mark + escaped + end + after)
    page.open(many)
    page.wait("document.getElementById('count').textContent.startsWith('1000 of 1000 keys')")
    assert 10 < page.run("document.querySelectorAll('tbody tr').length") < 120
    page.run("document.getElementById('scroll').scrollTop = 1e9")
    page.wait("[...document.querySelectorAll('tbody th .key')].pop().textContent === 'many00000999'")
    taken_ms = page.run("(() => { const from = performance.now(); const box = document.getElementById('filter');"
                        " for (const text of ['acme', 'TXT', 'zone:example.com', 'many0000099', '']) { box.value = text;"
                        " box.dispatchEvent(new Event('input')); } return performance.now() - from; })()")
    assert taken_ms < 5000, taken_ms
    assert page.run("document.querySelectorAll('tbody tr').length") < 120
    page.open(folder / "can.html")
    page.wait("document.getElementById('count').textContent.startsWith('%d of')" % len(demo))


def test_the_page_is_the_same_each_time(command, folder):
    """Nothing in it depends on when or where it is made."""
    pages = [write(command, paths.ROOT / "policies", folder / f"same-{number}.html") for number in range(2)]
    assert pages[0] == pages[1]


def test_hostile_texts_are_inert(command, folder, policies):
    """Descriptions and documents are anybody's text; none of them becomes markup or runs."""
    hostile = "</script><img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"
    keys = policies / "keys.toml"
    keys.write_text(keys.read_text().replace('"the certificate of www.example.com"', json.dumps(hostile)))
    cedar = policies / "templates" / "acme-host.cedar"
    cedar.write_text(cedar.read_text().replace("For the ACME client of one host: TXT records", hostile + " TXT records"))
    file = folder / "hostile.html"
    assert "<img" not in write(command, policies, file)
    with browser.Browser(folder / "hostile") as page:
        page.open(file)
        search(page, "demoacmehost")
        page.click(cell("demoacmehost", "example.com", "record.create TXT"))
        text = page.run("document.getElementById('panel').textContent")
        assert text.count(hostile) >= 2, text
        assert page.run("document.querySelectorAll('img').length") == 0
        assert page.run("window.hacked") is None
        # The page's policy holds: markup and other scripts are refused, whoever puts them there.
        for attempt in ("document.body.innerHTML = '<b>x</b>'", "document.body.setAttribute('onclick', 'window.hacked = 2')",
                        "document.createElement('script').text = 'window.hacked = 3'"):
            assert page.run(f"(() => {{ try {{ {attempt}; return 'done'; }} catch (error) {{ return error.name; }} }})()") \
                == "TypeError", attempt
        assert page.run("window.hacked") is None
        assert {url.rpartition("/")[2] for url in page.requests() if url != "about:blank"} == {"hostile.html"}
