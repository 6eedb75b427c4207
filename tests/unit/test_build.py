"""How the project is built: with the Rust engine where cargo is, without it where it is not, and never half of it.

A cargo here is a script, so that these tests run where there is none. `make wheel` tries what the real one makes.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from make import cargo

ROOT = Path(__file__).parents[2]
CORE = f"_core{cargo.suffix()}"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Rust: its home, which has a folder for the programs on PATH."""
    for name in ("CARGO_HOME", "MOTIA_RUST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def cargo_that(does: str, path: Path, version: str = "9.0.0") -> Path:
    """A cargo of that version; asked for more than that, it does as it is told."""
    path.parent.mkdir(parents=True, exist_ok=True)
    says = f'if [ "$1" = --version ]; then echo "cargo {version} (0123456 2026-01-01)"; exit; fi'
    path.write_text(f"#!/bin/sh\n{says}\n{does}\n")
    path.chmod(0o755)
    return path


def test_the_cargo_of_the_path_is_taken_then_that_of_cargo_home_then_that_of_the_home(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_home = cargo_that("", bare / ".cargo/bin/cargo")
    assert cargo.find() == at_home
    monkeypatch.setenv("CARGO_HOME", str(bare / "rust"))
    elsewhere = cargo_that("", bare / "rust/bin/cargo")
    assert cargo.find() == elsewhere
    on_path = cargo_that("", bare / "bin/cargo")
    assert cargo.find() == on_path


def test_without_a_cargo_it_says_where_it_looked(bare: Path) -> None:
    with pytest.raises(cargo.NoCargo, match=r"^no cargo on PATH, in \$CARGO_HOME/bin or in ~/\.cargo/bin$"):
        cargo.find()


def test_a_cargo_that_is_too_old_is_none_and_it_says_which_is_needed(bare: Path) -> None:
    old = cargo_that("", bare / "bin/cargo", "1.63.0")
    with pytest.raises(cargo.NoCargo, match=rf"^{old} is 1\.63\.0, 1\.\d+ or newer is needed \(`rustup update`\)$"):
        cargo.find()


def test_a_newer_cargo_at_home_is_taken_before_an_old_one_on_the_path(bare: Path) -> None:
    cargo_that("", bare / "bin/cargo", "1.63.0")
    new = cargo_that("", bare / ".cargo/bin/cargo")
    assert cargo.find() == new


def test_a_cargo_that_does_not_run_is_none_and_what_it_said_is_told(bare: Path) -> None:
    path = cargo_that("", bare / "bin/cargo")
    path.write_text("#!/bin/sh\necho 'error: rustup could not choose a version of cargo to run' >&2; exit 1\n")
    with pytest.raises(cargo.NoCargo, match=r"does not run: error: rustup could not choose a version of cargo to run$"):
        cargo.find()


def test_rust_can_be_refused_although_cargo_is_there(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cargo_that("", bare / "bin/cargo")
    monkeypatch.setenv("MOTIA_RUST", "no")
    with pytest.raises(cargo.NoCargo, match=r"^MOTIA_RUST=no$"):
        cargo.find()


# ---------------------------------------------------------------- into the source tree


@pytest.fixture
def tree(bare: Path) -> Path:
    """A source tree with as much in it as the build of the extension asks for."""
    tree = bare / "tree"
    shutil.copytree(ROOT / "make", tree / "make", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Cargo.toml", tree)
    (tree / "python" / "motia_fast").mkdir(parents=True)
    return tree


def build_extension(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "make.extension"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def making_a_library(bare: Path) -> str:
    """What a cargo does that builds the extension: it says where that is."""
    library = bare / "lib_core.so"
    library.write_bytes(b"machine code")
    said = {"reason": "compiler-artifact", "target": {"name": "_core"}, "filenames": [str(library)]}
    return f"echo '{json.dumps(said)}'"


def test_an_extension_that_was_built_lies_in_the_package_and_stays_while_nothing_changes(
    bare: Path, tree: Path
) -> None:
    cargo_that(making_a_library(bare), bare / "bin/cargo")
    place = tree / "python" / "motia_fast" / CORE
    assert build_extension(tree).returncode == 0
    assert place.read_bytes() == b"machine code"
    before = place.stat()
    assert build_extension(tree).returncode == 0
    assert (place.stat().st_ino, place.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_without_cargo_one_line_says_so_and_what_an_earlier_build_left_is_gone(tree: Path) -> None:
    left = tree / "python" / "motia_fast" / CORE
    left.write_bytes(b"of other sources")
    done = build_extension(tree)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"==> go on with the pure engine, without Rust: no cargo on PATH[^\n]*\n", done.stdout)
    assert not left.exists()


def test_without_cargo_a_build_that_must_have_rust_fails(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTIA_RUST", "yes")
    done = build_extension(tree)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("make: MOTIA_RUST=yes, but no cargo on PATH")


def test_a_build_that_fails_is_an_error_that_names_its_log(bare: Path, tree: Path) -> None:
    cargo_that("echo 'error[E0308]: mismatched types' >&2; exit 101", bare / "bin/cargo")
    done = build_extension(tree)
    log = tree / "target" / "extension.log"
    assert done.returncode == 1
    assert f"make: the Rust engine does not build. {log} has what cargo said." in done.stderr
    assert "MOTIA_RUST=no does without it" in done.stderr
    assert log.read_text() == "error[E0308]: mismatched types\n"


# ---------------------------------------------------------------- into packages


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources as they are published, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    hatchling(ROOT, "sdist", folder)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return next(path for path in folder.iterdir() if path.is_dir())


def hatchling(root: Path, target: str, into: Path) -> str:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def wheel_of(sdist: Path, into: Path) -> tuple[Path, str]:
    said = hatchling(sdist, "wheel", into)
    return next(into.glob("*.whl")), said


def test_an_sdist_has_all_that_builds_the_extension(sdist: Path) -> None:
    folders = [path for name in ("rust", "make", ".cargo") for path in (ROOT / name).rglob("*.*")]
    wanted = [path for path in folders if path.suffix in {".rs", ".toml", ".py", ".txt"}]
    wanted += [ROOT / "Cargo.toml", ROOT / "Cargo.lock", ROOT / "Makefile"]
    assert [path for path in wanted if not (sdist / path.relative_to(ROOT)).is_file()] == []


def test_a_wheel_that_is_built_without_cargo_has_the_pure_engine_for_every_python(bare: Path, sdist: Path) -> None:
    wheel, said = wheel_of(sdist, bare / "dist")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert "this wheel has the pure engine alone, without Rust: no cargo on PATH" in said
    assert [name for name in zipfile.ZipFile(wheel).namelist() if "_core." in name and name.endswith(".so")] == []


def test_a_wheel_that_is_built_with_cargo_has_the_extension_and_the_tag_of_its_python(bare: Path, sdist: Path) -> None:
    cargo_that(making_a_library(bare), bare / "bin/cargo")
    wheel, _ = wheel_of(sdist, bare / "dist")
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert f"-{python}-{python}-" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(f"motia_fast/{CORE}") == b"machine code"
        assert any(name.endswith("/licenses/rust/LICENSES.txt") for name in archive.namelist())


def test_the_crates_have_the_version_of_the_package() -> None:
    crates = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    assert crates == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
