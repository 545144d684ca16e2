"""Rules of the house: what may import what, what may not stand in a tracked file."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sw import files

TRACKED = [
    files.ROOT / name
    for name in subprocess.run(["git", "ls-files"], cwd=files.ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    if name
]
PYTHON = [path for path in TRACKED if path.suffix == ".py"]


def imports(path: Path) -> set[str]:
    """Modules that a file imports, by full name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def below(folder: str) -> list[Path]:
    return [path for path in PYTHON if path.is_relative_to(files.ROOT / folder)]


def test_sw_knows_nothing_of_hw_and_sim():
    for path in below("sw"):
        assert not {name for name in imports(path) if name.split(".")[0] in ("hw", "sim")}, path


def test_hw_knows_nothing_of_torch_and_sim():
    for path in below("hw"):
        assert not {name for name in imports(path) if name.split(".")[0] in ("torch", "sim")}, path
    # Nor by a detour: generating Verilog leaves PyTorch alone.
    code = "import hw.generate, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=files.ROOT).returncode == 0


def test_what_measures_knows_nothing_of_the_pages():
    for path in (*below("sw"), *below("hw"), *below("sim")):
        assert not {name for name in imports(path) if name.split(".")[0] == "docs"}, path


def test_tests_mirror_the_source():
    """``tests/hw/mac/test_array.py`` and ``test_array_networks.py`` are of ``hw/mac/array.py``."""
    for path in below("tests"):
        folder = path.relative_to(files.ROOT / "tests").parent
        pages = folder.parts == ("docs",)  # the pages themselves are what is tested there
        if path.name.startswith("test_") and folder.parts and not pages:
            words = path.stem.split("_")[1:]
            sources = [files.ROOT / folder / f"{'_'.join(words[:count])}.py" for count in range(1, len(words) + 1)]
            assert any(source in PYTHON for source in sources), path


def test_every_component_with_cases_is_tested_alone():
    for path in below("sim/benches"):
        place = path.relative_to(files.ROOT / "sim" / "benches")
        if len(place.parts) > 1 and "\nCASES = " in path.read_text():
            assert files.ROOT / "hw" / place in PYTHON, path
            assert files.ROOT / "tests" / "hw" / place.parent / f"test_{place.name}" in PYTHON, path


def test_deprecated_amaranth_is_not_used():
    for path in below("hw"):
        text = path.read_text()
        assert not re.search(r"\bRecord\b|hdl\.rec|log2_int|lib\.coding|reset=|add_sync_process|\bSettle\b", text), path


def test_no_star_imports_no_pickle_no_tolerance():
    for path in PYTHON:
        text = path.read_text()
        assert not re.search(r"import (\*|pickle)|torch\.(load|save)\(|allow_pickle=T(rue)", text), path
        assert not re.search(r"assert_all(close)|pytest\.app(rox)|assert T(rue)|x(fail)", text), path


def test_nothing_of_one_machine_or_registry():
    for path in TRACKED:
        if path.suffix in (".safetensors", ".png", ".svg"):
            continue
        text = path.read_text()
        assert not re.search(r"/(work|root|tmp)/|/home/\w", text), path
        assert not re.search(r"files\.(pythonhosted)|(pypi|debian)\.org", text), path


def test_no_recording_is_tracked():
    for path in TRACKED:
        assert path.suffix not in (".dat", ".hea", ".atr", ".mat", ".pkl", ".vcd", ".fst", ".bit", ".bin"), path
        assert path.stat().st_size < 2 << 20, path


def test_top_level_is_as_agreed():
    names = {path.relative_to(files.ROOT).parts[0] for path in TRACKED}
    agreed = {"pyproject.toml", "README.md", "Makefile", "hw", "sw", "sim", "tests", "constraints"}
    assert agreed <= names
    assert names - agreed <= {
        "docs",
        "examples",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "SECURITY.md",
        "requirements.lock",
        ".ci",
        ".gitignore",
    }


def test_every_dependency_is_locked_with_hashes():
    declared = tomllib.loads((files.ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*declared["dependencies"], *declared["optional-dependencies"]["test"], *declared["optional-dependencies"]["docs"]]
    lock = (files.ROOT / "requirements.lock").read_text()
    for requirement in declared["optional-dependencies"]["examples"]:  # pinned, and no part of the environment
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+", requirement), requirement
    for requirement in wanted:
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+", requirement), requirement
        assert f"\n{requirement} \\" in f"\n{lock}", f"{requirement} is not locked: make lock"
    for block in re.split(r"\n(?=[a-z])", lock):
        if re.match(r"[a-z0-9.\[\]-]+==", block):
            assert "--hash=sha256:" in block, block[:80]
    assert "torch==" not in lock
    assert "torch==2.13.0" in (files.ROOT / "Makefile").read_text()


@pytest.mark.parametrize("path", [p for p in TRACKED if p.suffix == ".md"], ids=lambda p: p.name)
def test_links_in_documents_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_ci_calls_the_readmes_test_command():
    ci = (files.ROOT / ".ci" / "run").read_text()
    assert "make test" in ci
    assert "make test" in (files.ROOT / "README.md").read_text()
