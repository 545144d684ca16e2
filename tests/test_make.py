"""The Makefile hands values on as they were typed, and ignores none."""

import os
import re
import subprocess

import pytest

from sw import files


def make(*arguments, **more):
    """Run make as a user would, not as a part of another make."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}
    return subprocess.run(
        ["make", "-o", ".venv/ready", *arguments], cwd=files.ROOT, capture_output=True, text=True, env=environment, **more
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sim", "MODLE=bnn5"], "make sim takes no MODLE here; it takes MODEL"),
        (["test", "MODEL=bnn5"], "make test takes no MODEL here; it takes ONLY"),
        (["sim", "WAVES=1", "FULL=1"], "takes no FULL here"),
        (["sim", "WINDOW=3"], "takes no WINDOW here"),
        (["beats", "RECORD=a", "RECORDS=100"], "takes no RECORDS here"),
        (["detect", "LEAD=II"], "takes no LEAD here"),
        (["explore", "FULL=1", "LUTS=3"], "takes no LUTS here"),
        (["report", "FULL=1"], "takes no FULL here"),
        (["mutate", "SOURCE=5", "MODEL=bnn17"], "takes no MODEL here"),
        (["classify", "RECORD=a", "INVERT=no"], "INVERT=no must be 1 for on, or 0 or nothing for off"),
        (["verilog", "AXILITE=yes"], "AXILITE=yes must be 1"),
    ],
)
def test_a_variable_that_a_target_does_not_take_is_an_error(arguments, says):
    done = make("-n", *arguments)
    assert done.returncode == 2 and says in done.stderr and not done.stdout


def test_no_source_mutants_are_mutants_of_the_netlist():
    done = make("-n", "mutate", "SOURCE=0", "MODEL=bnn17")
    assert done.returncode == 0 and "sim.mutate.run" in done.stdout


def used(text: str, target: str) -> set[str]:
    """Variables that a target's recipe uses, of the Makefile's ``text``."""
    recipe = re.search(rf"^{target}: .*?(?=^\S+: |\Z)", text, re.DOTALL | re.MULTILINE)[0]
    recipe = recipe.replace("$(READ)", re.search(r"^READ = (.*?)\n\n", text, re.DOTALL | re.MULTILINE)[1])
    recipe = re.sub(r"##.*", "", recipe)
    return set(re.findall(r"\$\$\{?([A-Z]+)", recipe)) | set(re.findall(r"filter-out 0,\$\(([A-Z]+)\)", recipe))


def taken(text: str, target: str) -> set[str]:
    """Variables that the Makefile lets a user set for a target, whatever others are set."""
    listed = re.search(rf"^OF_{target} +:= (.*)", text, re.MULTILINE)[1]
    reading = re.search(r"^READING +:= (.*)", text, re.MULTILINE)[1]
    conditions = r"\$\(if \$\((filter-out 0,\$\(\w+\)|filter \w+,\$\(\w+\)|\w+)\),|\$\(filter-out 0,\$\(\w+\)\)"
    return set(re.findall(r"\b[A-Z]+\b", re.sub(conditions, " ", listed.replace("$(READING)", reading))))


def test_what_a_target_takes_is_what_its_recipe_uses():
    """One that it uses and does not take can't be set; one that it takes and does not use is ignored."""
    text = (files.ROOT / "Makefile").read_text()
    targets = re.findall(r"^OF_(\w+) ", text, re.MULTILINE)
    assert len(targets) > 15
    for target in targets:
        assert taken(text, target) == used(text, target), target
    wrong = text.replace('--seed "$$SEED" --only "$$ONLY"', '--only "$$ONLY"')
    assert wrong != text and taken(wrong, "fuzz") != used(wrong, "fuzz")


def test_quotes_dollars_and_spaces_are_a_part_of_a_value(tmp_path):
    odd = "a'b\"c $(touch pwned) $HOME `id`;x"
    done = make("-s", "classify", f"RECORD={tmp_path / odd}")
    assert done.returncode == 2 and f"record not found: {tmp_path / odd}.hea" in done.stderr.replace("\n", "")
    assert not (files.ROOT / "pwned").exists()
