"""The benchmark's own parts: what it measures with, and how it shows what it found."""

import xml.etree.ElementTree as xml

import pytest

from lab import big, gate as whole
from lab.bench import matrix, plot, report
from lab.bench.names import OURS, PATCH, PLAIN, VARIANTS, WORKS
from lab.bench.table import Table


@pytest.mark.parametrize("policies", [5, 10, 18, 19, 100])
def test_a_folder_has_as_many_policies_as_it_was_asked_for(folder, built, policies):
    """Also one that is smaller than a team's policies and the templates."""
    place = folder / f"big-{policies}"
    big.write(place, policies, 12, 0)
    written = sum(file.read_text().count("@id(") for file in place.rglob("*.cedar"))
    assert written == policies
    packed = whole.pack(place / "bundle.json", place)
    assert packed.returncode == 0, packed.stdout + packed.stderr


def test_small_folders_have_what_a_change_of_a_record_meets():
    """Otherwise the smallest folder would be quick for another reason than its size."""
    small, large = (big.holders(policies, 10)[0].team.kinds for policies in (10, 1000))
    assert {"read", "write", "children", "acme", "previews"} == set(small) and set(small) < set(large)


def test_a_table_is_aligned_and_is_markdown():
    """Two readers, one table."""
    table = Table("who", "ext_authz")
    table.add("Zonegate", "1")
    assert table.text() == "  who        ext_authz\n  Zonegate           1"
    assert table.markdown() == "| who | `ext_authz` |\n|---|---:|\n| Zonegate | 1 |"


@pytest.fixture
def found() -> matrix.Found:
    """Made-up figures of a whole run."""
    base, sizes = matrix.sizes(matrix.Options())
    made = matrix.Found("2026-01-01", {"rounds": 1, "seconds": 1, "reloads": 1}, [base.keys, base.policies],
                        [[each.keys, each.policies] for each in sizes])
    for work in WORKS:
        for at, name in enumerate(VARIANTS):
            for size in sizes:
                made.cost[matrix.point(name, size, work)] = [[100.0 * (at + 1), 1.0, 1.0, 1.0]]
            made.latency[matrix.point(name, None, work)] = [[1.0, 1.0, 10.0 * at, 20.0 * at]]
    one = {"bundle_mib": 1, "ready_s_1": 1, "ready_s_3": 1, "resident_mib_1": 1, "resident_mib_3": 5, "linear_mib": 2,
           "linear_start_mib": 1, "reload_live_ms": [1], "reload_stall_ms": [1], "reload_configure_ms": [1], "reload_calm_ms": 1, "reload_linear_mib": 3,
           "reload_resident_mib": 2}
    made.gates = {f"{size.keys}/{size.policies}": one for size in sizes}
    return made


def test_what_was_found_is_written_between_the_markers(found, tmp_path, monkeypatch):
    """Twice, and what stands around them stays."""
    page, plots = tmp_path / "page.md", tmp_path / "plots"
    page.write_text(f"before\n\n{report.BEGIN}\n\n{report.END}\n\nafter\n")
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "PLOTS", plots)
    monkeypatch.setattr(report.paths, "ROOT", tmp_path)
    report.write(found)
    once = page.read_text()
    report.write(found)
    assert page.read_text() == once
    assert once.startswith("before\n\n") and once.endswith("\n\nafter\n")
    assert "100,000 keys, 5,000 policies" in once and f"| {OURS} |" in once
    for file in ("cost-by-keys.svg", "cost-by-policies.svg"):
        texts = [each.text for each in xml.parse(plots / file).iter("{http://www.w3.org/2000/svg}text")]
        assert OURS in texts and PLAIN in texts and any(PATCH in text for text in texts)


def test_names_in_a_plot_do_not_cover_one_another():
    """Ten lines that end at the same height."""
    heights = plot._apart([300.0] * 10)
    assert all(below - above >= 17 for above, below in zip(heights, heights[1:]))
    assert heights[-1] <= plot.HEIGHT
