"""The array for its bench, and cases: programs, windows and what the numpy machine says of them, in one file."""

import zlib
from pathlib import Path

import numpy as np

from hw import verilog
from hw.mac.array import Array
from hw.mac.loader import HEADER_BYTES, Status
from hw.mac.params import ArrayParams
from sim.benches import runner
from sw import files
from sw.export.array import machine
from sw.export.array.program import Program, cycles, image, pack, sections

WINDOWS = 2
LIMITS = 5  # images of which each says a cycle less than the one before


def source(params: ArrayParams) -> str:
    """Verilog of the array alone."""
    return verilog.convert(Array(params), "mac_array")


def build(params: ArrayParams, folder: Path | None = None, counting: bool = False) -> Path:
    """The array alone, compiled for the bench, with coverage where it is ``counting``; the folder where it lies."""
    folder = folder or files.BUILD / f"array-bench-{params.name}"
    written = files.write_bytes(folder / "bench.v", source(params).encode())
    runner.build(written, "mac_array", folder / "verilator", counting=counting)
    return folder / "verilator"


def write(path: Path, params: ArrayParams, programs: list[Program], rng: np.random.Generator, count: int = WINDOWS) -> Path:
    """Run the programs one after the other on ``count`` random windows, from an empty memory, and store what must be seen."""
    cases: dict[str, np.ndarray | int] = {"count": len(programs)}
    memory = np.zeros((1, params.memory), np.uint8)
    gates = None
    for number, program in enumerate(programs):
        params.check({name: len(words) for name, words in sections(program).items()})
        windows = rng.integers(-128, 128, (count, program.samples))
        writes, logits = [], []
        for half, window in enumerate(windows):  # a new network begins with the first input buffer
            memory[:, half * params.half : half * params.half + program.samples] = window & 0xFF
            seen = machine.run(program, memory, params.half * half, gates)
            memory, gates = seen.memory, seen.gates
            writes.append(
                [
                    (operation, int(place), int(value))
                    for operation, (places, values) in enumerate(seen.written, start=1)
                    for place, value in zip(places, values[0], strict=True)
                ]
            )
            logits.append(seen.logits[0])
        cases |= {
            f"image{number}": np.frombuffer(image(program), np.uint8),
            f"windows{number}": windows,
            f"writes{number}": np.array(writes),
            f"logits{number}": np.array(logits),
            f"cycles{number}": cycles(program),
            f"header{number}": (program.samples, program.front),
        }
    good = image(programs[-1])
    broken = faults(good)
    cases |= {"faults": len(broken), "halves": params.halves}
    for number, (data, status) in enumerate(broken):
        cases |= {f"fault{number}": np.frombuffer(data, np.uint8), f"status{number}": int(status)}
        # Where there is room for one network alone, it is lost when the header is good.
        header = len(data) > HEADER_BYTES and data[:8] == good[:8] and data[12:20] == good[12:20]
        cases[f"ends{number}"] = header and not params.halves
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **cases)
    return path.resolve()


def hosts(path: Path, params: ArrayParams, programs: list[Program], rng: np.random.Generator, spoiled: int) -> Path:
    """The same of two programs, and images that a host may send by mistake: sections that fill their memory or are a word too long,
    an unknown section alone, limits of 0 to :data:`LIMITS` - 1 cycles less than the program takes, and as many ``spoiled``
    programs, each with some random words and a right checksum."""
    write(path, params, programs, rng, count=1)
    cases = dict(np.load(path))
    good, limit = dict(enumerate(sections(programs[0]).values())), cycles(programs[0])
    sized = []
    for number, (name, words) in enumerate(sections(programs[0]).items()):
        for more in 0, 1:
            filled = np.zeros((params.depth(name) + more, words.shape[1]), np.uint8)
            filled[: len(words)] = words
            sized.append((pack(programs[0], good | {number: filled}, limit), Status.LENGTH if more else Status.LOADED))
    sized.append((pack(programs[0], {len(good): np.zeros((4, 1), np.uint8)}, limit), Status.LENGTH))
    cases["sized"], cases["spoiled"] = len(sized), spoiled
    for number, (data, status) in enumerate(sized):
        cases |= {f"sized{number}": np.frombuffer(data, np.uint8), f"size_status{number}": int(status)}
    for number in range(spoiled):
        program = {k: v.copy() for k, v in good.items()}
        words = program[0].reshape(-1)
        at = rng.integers(len(words), size=rng.integers(1, 12))
        words[at] = rng.integers(0, 256, len(at))
        cases[f"spoiled{number}"] = np.frombuffer(pack(programs[0], program, limit), np.uint8)
    for short in range(LIMITS):
        cases[f"limit{short}"] = np.frombuffer(pack(programs[0], good, limit - short), np.uint8)
    cases |= {"limit": limit, "limits": LIMITS}
    np.savez(path, **cases)
    return path.resolve()


def faults(good: bytes) -> list[tuple[bytes, Status]]:
    """Broken images, with what must be said of each."""

    def changed(place: int, value: int, sign: bool = False) -> bytes:
        data = bytearray(good)
        data[place] = value
        if sign:
            data[-4:] = zlib.crc32(bytes(data[:-4])).to_bytes(4, "little")
        return bytes(data)

    return [
        (changed(0, ord("X"), True), Status.FORMAT),
        (changed(4, 9, True), Status.FORMAT),
        (changed(6, good[6] ^ 0x10, True), Status.GROUPS),
        (good[:1], Status.LENGTH),
        (good[:11], Status.LENGTH),
        (good[:22], Status.LENGTH),
        (good[: len(good) // 2], Status.LENGTH),
        (good[:-1], Status.LENGTH),
        (good + b"\0", Status.LENGTH),
        (changed(8, good[8] ^ 1, True), Status.LENGTH),
        (changed(13, 0x7F, True), Status.LENGTH),  # windows of so many samples that no buffer holds
        (changed(14, 7, True), Status.FRONT),
        (changed(19, 1, True), Status.LENGTH),  # a program of millions of cycles
        (changed(20, 77, True), Status.LENGTH),  # an unknown section
        (changed(23, 0x40, True), Status.LENGTH),  # a section of millions of words
        (changed(40, good[40] ^ 4), Status.CHECKSUM),
        (changed(len(good) - 1, good[-1] ^ 0x80), Status.CHECKSUM),
    ]
