"""What is generated from the program is as the program is now, and what documents point to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts import docs
from vita_tui import settings

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / ".github").rglob("*.md")]
CHECKOUT = re.compile(r"`((?:vita_tui|tests|scripts|docs|completions|assets)/[\w./-]*\w)`")
SETTING = re.compile(r"VITA_([A-Z]+)__([A-Z_]+)")


@pytest.mark.parametrize("name", docs.pages())
def test_a_generated_page_is_current(name: str) -> None:
    if name.startswith("docs/settings") or name.endswith(".1"):
        assert (ROOT / name).read_text(encoding="utf-8") == docs.pages()[name], "run scripts/docs"
    else:  # the wording of completions is the library's, of whichever version
        assert "_VITA_COMPLETE" in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_a_document_points_to_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    missing = [link for link in links if link and not (document.parent / link).exists()]
    missing += [path for path in CHECKOUT.findall(text) if not (ROOT / path).exists()]
    known = {name for name, _ in settings.fields()}
    missing += [
        found.group()
        for found in SETTING.finditer(text)
        if f"{found[1].lower()}.{found[2].lower()}" not in known
    ]
    assert not missing
