"""Collects the licences of the libraries that are linked into the extension: rust/LICENSES.txt, which each wheel has.

``python -m make.licences`` writes the file, ``--check`` tells whether it is up to date. Both ask cargo, which downloads
the sources of the libraries if it has to.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from make.cargo import ROOT, environment, find

FILE = ROOT / "rust" / "LICENSES.txt"

#: Where wheels are built for. A library that only Windows or WebAssembly needs is in none of them.
TARGETS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "x86_64-apple-darwin", "aarch64-apple-darwin"]

HEAD = """\
The Rust engine of motia_fast, motia_fast/_core, contains the libraries below, each under its own licence. A wheel
without that file contains none of them. Made by `make licences`.

It contains SQLite as well, which is in the public domain: https://sqlite.org/copyright.html, and the standard library
of Rust, under the licences MIT and Apache-2.0: https://www.rust-lang.org/policies/licenses.
"""

RULE = "=" * 100


def collected() -> str:
    """The text of the file, as it should be."""
    packages = sorted(linked(), key=lambda package: (package["name"], package["version"]))
    lists = [f"{package['name']} {package['version']}: {package['license']}" for package in packages]
    users: dict[str, list[str]] = {}
    for package in packages:
        for text in texts(package):
            users.setdefault(text, []).append(package["name"])
    chapters = [f"{RULE}\n{', '.join(names)}\n{RULE}\n\n{text}\n" for text, names in users.items()]
    return "\n".join([HEAD, *lists, "", *chapters])


def linked() -> list[dict[str, Any]]:
    """The packages from elsewhere that the extension links, on any of `TARGETS`."""
    found: dict[str, dict[str, Any]] = {}
    for target in TARGETS:
        data = metadata(target)
        packages = {package["id"]: package for package in data["packages"]}
        for each in reachable(data):
            if packages[each]["source"]:
                found[each] = packages[each]
    return list(found.values())


def metadata(target: str) -> dict[str, Any]:
    """What cargo knows of the workspace for one target."""
    cargo = find()
    command = [str(cargo), "metadata", "--format-version=1", "--locked", f"--filter-platform={target}"]
    done = subprocess.run(command, cwd=ROOT, env=environment(cargo), stdout=subprocess.PIPE, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def reachable(data: dict[str, Any]) -> set[str]:
    """The ids of what motia-py depends on to run; what only builds or tests it is not linked."""
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    names = {package["id"]: package["name"] for package in data["packages"]}
    open_ = [each for each in nodes if names[each] == "motia-py"]
    seen: set[str] = set()
    while open_:
        each = open_.pop()
        if each not in seen and not is_macro(data, each):
            seen.add(each)
            open_ += [
                dep["pkg"] for dep in nodes[each]["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])
            ]
    return seen


def is_macro(data: dict[str, Any], package: str) -> bool:
    """Whether a package runs in the compiler, and only what it writes is linked."""
    targets = next(each["targets"] for each in data["packages"] if each["id"] == package)
    return any("proc-macro" in target["kind"] for target in targets)


def texts(package: dict[str, Any]) -> list[str]:
    """The licences that a package carries, and its notices."""
    folder = Path(package["manifest_path"]).parent
    words = ("licen", "copying", "notice", "unlicense", "copyright")
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name.lower().startswith(words))
    if not files:
        sys.exit(f"make: {package['name']} {package['version']} has no file of its licence in {folder}")
    return [
        "\n".join(line.rstrip() for line in path.read_text(encoding="utf-8").strip().splitlines()) for path in files
    ]


def main() -> None:
    """Writes the file, or checks it."""
    parser = argparse.ArgumentParser(prog="make.licences")
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    text = collected()
    if not check:
        FILE.write_text(text, encoding="utf-8")
    elif not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
        sys.exit(f"{FILE.relative_to(ROOT)} is not what Cargo.lock asks for: `make licences` writes it anew")


if __name__ == "__main__":
    main()
