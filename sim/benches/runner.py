"""Building and running cocotb benches, on Verilator or Icarus. Exit codes and counts decide, not logs."""

import subprocess
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from sim import verilator
from sw import files
from sw.errors import PopbeatError

TIMESCALE = ("1ns", "1ps")
# pytest rewrites the assertions of benches, so that they say more. By default it does so with all that a bench imports, such as
# scipy and pandas, and a simulation of a tenth of a second then starts for ten.
ENVIRONMENT = {"COCOTB_ANSI_OUTPUT": "0", "COCOTB_REWRITE_ASSERTION_FILES": "sim/benches/*.py"}


def build(
    verilog: Path,
    top: str,
    folder: Path,
    simulator: str = "verilator",
    visible: tuple[str, ...] = ("*",),
    counting: bool = False,
) -> None:
    """Compile ``verilog`` for cocotb in ``folder``, unless the same text was compiled there before. Under Verilator a bench sees
    the top's own signals, those that the patterns ``visible`` name, and every ``tap_*`` below; to show all would take long.
    ``counting``: a run leaves ``coverage.dat`` in ``folder``."""
    folder, verilog = folder.resolve(), verilog.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    arguments, control = ["-g2005"], []
    if simulator == "verilator":
        lines = "".join(f'public_flat_rw -module "{top}" -var "{name}"\n' for name in visible)
        lines += 'public_flat_rd -module "*" -var "tap_*"\n'
        control = [files.write_bytes(folder / "visible.vlt", f"`verilator_config\n{lines}".encode())]
        # The compiler takes longer than all that a bench simulates; Python takes the rest.
        arguments = [*verilator.QUIET, "-O3", "-CFLAGS", "-O0", "--no-public-flat-rw", *(verilator.COUNTING if counting else ())]
    mark = files.sha256(verilog.read_bytes() + repr((top, simulator, arguments, visible, TIMESCALE, verilator.VERSION)).encode())
    stamp = folder / "built.sha256"
    if stamp.is_file() and stamp.read_text() == mark:
        return
    stamp.unlink(missing_ok=True)
    log = folder / "build.log"
    verilator.prepare()
    # Verilator's own part is there already, where another design was built.
    shared = verilator.runtime(folder, ["cocotb", *arguments]) if simulator == "verilator" else nullcontext()
    try:
        with shared:
            get_runner(simulator).build(
                sources=[*control, verilog],
                hdl_toplevel=top,
                build_args=arguments,
                build_dir=folder,
                timescale=TIMESCALE,
                always=True,
                log_file=log,
            )
    except (subprocess.CalledProcessError, RuntimeError) as error:
        raise PopbeatError(f"{simulator} could not build {verilog}; see {log}") from error
    stamp.write_text(mark)


@dataclass(frozen=True)
class Outcome:
    """How many tests ran and how many of them failed, and the end of their log."""

    ran: int
    failed: int
    log: str


def outcome(top: str, module: str, folder: Path, environment: dict[str, str], simulator: str = "verilator") -> Outcome:
    """Run the cocotb tests of ``module`` on what :func:`build` left in ``folder``."""
    folder = folder.resolve()
    name = module.rsplit(".", 1)[-1]
    log, results = folder / f"{name}.log", folder / f"{name}.xml"
    results.unlink(missing_ok=True)
    verilator.prepare()
    try:
        # Under pytest the runner leaves by SystemExit where a test failed; the results file tells everywhere.
        with suppress(SystemExit):
            get_runner(simulator).test(
                test_module=module,
                hdl_toplevel=top,
                hdl_toplevel_lang="verilog",
                build_dir=folder,
                test_dir=folder,
                extra_env=environment | ENVIRONMENT,
                results_xml=str(results),
                timescale=TIMESCALE,
                log_file=log,
            )
        return Outcome(*get_results(results), _tail(log))
    except (subprocess.CalledProcessError, RuntimeError) as error:
        raise PopbeatError(f"bench {module} stopped ({error}); its log {log} ends:\n{_tail(log)}") from None


def run(
    top: str, module: str, folder: Path, environment: dict[str, str], simulator: str = "verilator", tests: int | None = None
) -> int:
    """Run the tests; one that fails, none at all, or another number than ``tests`` is an error that shows the log's end and the
    seed. Returns how many ran."""
    seen = outcome(top, module, folder, environment, simulator)
    if seen.failed or not seen.ran or (tests is not None and seen.ran != tests):
        wanted = f" of {tests}" if tests is not None else ""
        seed = environment.get("POPBEAT_SEED", verilator.seed())
        raise PopbeatError(
            f"bench {module}: {seen.ran}{wanted} tests ran, {seen.failed} failed (POPBEAT_SEED={seed}); its log ends:\n{seen.log}"
        )
    return seen.ran


def _tail(log: Path, lines: int = 40) -> str:
    return "\n".join(line[:240] for line in log.read_text(errors="replace").splitlines()[-lines:]) if log.is_file() else "(no log)"
