"""docs/design.md names files that exist."""

import re
import runpy
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
render = runpy.run_path(str(ROOT / "docs/files.py"))["render"]


def test_every_file_and_folder_that_the_design_names_exists():
    names = re.findall(r"`([\w/.]+(?:\.(?:py|yaml|md)|/))`", (ROOT / "docs/design.md").read_text())
    folders = ("fakeface", "ablations", "analysis", "tests", "benchmarks", "docs")
    files = [f"/{path.relative_to(ROOT)}" for folder in folders for path in ROOT.glob(f"{folder}/**/*")]
    files += [f"/{path.name}" for path in ROOT.iterdir()]
    missing = {name for name in names if not any(file.endswith(f"/{name.rstrip('/')}") for file in files)}
    assert len(names) > 80
    assert missing == set()


def test_the_list_of_files_is_the_docstrings():
    assert (ROOT / "docs/files.md").read_text() == render(), "write it again: python docs/files.py"


def test_the_compose_file_is_yaml_whose_parts_exist():
    compose = yaml.safe_load((ROOT / "docs/compose.yaml").read_text())
    assert compose["services"].keys() == {"postgres", "mlflow"}
    for service in compose["services"].values():
        volumes = {volume.partition(":")[0] for volume in service["volumes"]}
        configs = {config["source"] for config in service.get("configs", [])}
        assert volumes <= compose["volumes"].keys()
        assert configs <= compose["configs"].keys()
        assert service.get("depends_on", {}).keys() <= compose["services"].keys()
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    versions = dict(re.findall(r"(mlflow|psycopg)(?:\[binary])?==([\d.]+)", str(compose)))
    pinned = (ROOT / "constraints.txt").read_text()
    assert all(f"\n{name}=={version}\n" in pinned for name, version in versions.items())
    assert len(versions) == 2


def test_links_between_the_documents_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target, section in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text()):
            found = page.parent / target if target else page
            assert found.exists(), f"{page}: {target}"
            assert not section or section in sections_of(found), f"{page}: {target}#{section}"


def sections_of(page: Path) -> list[str]:
    """The names that GitHub gives a page's headings in links."""
    headings = re.findall(r"^#+ (.*)", page.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
