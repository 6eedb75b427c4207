"""The pages of the repository, and what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.integration.served import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: What is not executed, but has links that must lead somewhere.
OTHERS = [ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "examples/orders/README.md")]

_FENCE = re.compile(r"^```(\w*)$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def name_of(page: Path) -> str:
    """A page's path in the repository."""
    return str(page.relative_to(ROOT))


def code_of(page: Path) -> str:
    """All Python of a page in one module, each line where it is in the page, so that tracebacks lead there."""
    lines, language = [], ""
    for line in page.read_text(encoding="utf-8").splitlines():
        fence = _FENCE.match(line)
        if fence:
            language = "" if language else fence[1] or "text"
        lines.append(line if language == "python" and not fence else "")
    return "\n".join(lines) + "\n"


def blocks_of(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def links_of(page: Path) -> Iterator[tuple[Path, str]]:
    """The files that a page links to, and the anchors in them; what is on the web is left out."""
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


def anchors_of(page: Path) -> set[str]:
    """The anchors that a page's headings make."""
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
