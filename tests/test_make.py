"""The Makefile hands values on as they were typed, and ignores none."""

import os
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
    ],
)
def test_a_variable_that_a_target_does_not_take_is_an_error(arguments, says):
    done = make("-n", *arguments)
    assert done.returncode == 2 and says in done.stderr and not done.stdout


def test_every_target_says_only_variables_that_it_takes():
    """And a variable that the recipe uses is one that the target takes: else it could not be set."""
    text = (files.ROOT / "Makefile").read_text()
    for target in ("sim", "train", "verilog", "fpga", "bitstream", "replay", "classify"):
        taken = make("-n", target, "NO_SUCH=1").stderr.split("it takes ")[1].split(".")[0].split()
        assert taken and all(f"{name} " in text for name in taken)


def test_quotes_dollars_and_spaces_are_a_part_of_a_value(tmp_path):
    odd = "a'b\"c $(touch pwned) $HOME `id`;x"
    done = make("-s", "classify", f"RECORD={tmp_path / odd}")
    assert done.returncode == 2 and f"record not found: {tmp_path / odd}.hea" in done.stderr.replace("\n", "")
    assert not (files.ROOT / "pwned").exists()
