"""The tutorials do what they say: their code is taken out of the pages and run, and what it prints is what the pages print."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest

from sw import files
from tests.docs import tutorial

PAGES = {"component": 9, "folding": 6}  # blocks that are run
SHOWN = {"component": 0, "folding": 4}  # place and route, and what takes long


@pytest.fixture(scope="module", params=PAGES)
def done(request, tmp_path_factory):
    """A tutorial's name, its blocks, and the tree in which all of them were written and run."""
    blocks = tutorial.blocks((files.ROOT / "docs" / f"tutorial-{request.param}.md").read_text())
    tree = tutorial.copy_tree(tmp_path_factory.mktemp(request.param))
    for block in blocks:
        tutorial.do(block, tree)
    return request.param, blocks, tree


def test_every_block_was_run(done):
    name, blocks, tree = done
    assert sum(block.runs for block in blocks) == PAGES[name]
    assert sum(block.mark == "shown" for block in blocks) == SHOWN[name]
    page = (files.ROOT / "docs" / f"tutorial-{name}.md").read_text()
    assert page.count("\n```") == 2 * len(blocks), "a block that the pattern does not find"
    assert not [block for block in blocks if block.language == "python" and block.mark not in ("file", "more of")]


def test_code_is_as_the_house_wants_it(done):
    _, blocks, tree = done
    written = sorted({block.argument for block in blocks if block.mark == "file"})
    for check in (["check"], ["format", "--check"]):
        seen = subprocess.run([sys.executable, "-m", "ruff", *check, *written], cwd=tree, capture_output=True, text=True)
        assert seen.returncode == 0, seen.stdout


ALTERED = {
    "component": [
        # A figure that a session prints, and the latency in the code that the bench measures.
        (r"\(115, 117\)", "(115, 118)", r"\(115, 117\)"),
        (r"return 1\n", "return 2\n", r"i\[1\] to o\[0\]: 1 cycles, predicted 2"),
    ],
    "folding": [
        (r"live_latency=11699", "live_latency=11698", "live_latency=11699"),
        (r"latency 11583 cycles\n", "latency 11584 cycles\n", "latency 11583 cycles"),
    ],
}


def test_an_altered_page_is_noticed(done):
    """The canary: of each alteration the blocks that it touches, with the test of the component behind them."""
    name, blocks, tree = done
    for pattern, wrong, says in ALTERED[name]:
        touched = next(place for place, block in enumerate(blocks) if re.search(pattern, block.text))
        altered = replace(blocks[touched], text=re.sub(pattern, wrong, blocks[touched].text))
        again = [altered]
        if not altered.runs:  # a file: what stands behind it there, and the first console
            again += [block for block in blocks[touched + 1 :] if block.argument == altered.argument]
            again += [next(block for block in blocks if block.language == "console")]
        with pytest.raises(tutorial.Differs, match=says):
            for block in again:
                tutorial.do(block, tree)
