"""Cases for the array's bench: programs, windows and what the numpy machine says of them, in one file."""

import zlib
from pathlib import Path

import numpy as np

from hw.mac.loader import Status
from hw.mac.params import ArrayParams
from sw.export.array import machine
from sw.export.array.program import Program, cycles, image, sections

WINDOWS = 2


def write(path: Path, params: ArrayParams, programs: list[Program], rng: np.random.Generator) -> Path:
    """Run the programs one after the other on random windows, from an empty memory, and store what must be seen."""
    cases: dict[str, np.ndarray | int] = {"count": len(programs)}
    memory = np.zeros((1, params.memory), np.uint8)
    half = 0
    for number, program in enumerate(programs):
        params.check({name: len(words) for name, words in sections(program).items()})
        windows = rng.integers(-128, 128, (WINDOWS, params.window))
        writes, logits = [], []
        for window in windows:
            memory[:, half * params.half : half * params.half + params.window] = window & 0xFF
            seen = machine.run(program, memory, params.half * half)
            memory, half = seen.memory, half ^ 1
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
        }
    broken = faults(image(programs[-1]))
    cases["faults"] = len(broken)
    for number, (data, status) in enumerate(broken):
        cases |= {f"fault{number}": np.frombuffer(data, np.uint8), f"status{number}": int(status)}
    path.parent.mkdir(parents=True, exist_ok=True)
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
        (good[:14], Status.LENGTH),
        (good[: len(good) // 2], Status.LENGTH),
        (good[:-1], Status.LENGTH),
        (good + b"\0", Status.LENGTH),
        (changed(8, good[8] ^ 1, True), Status.LENGTH),
        (changed(12, 77, True), Status.LENGTH),  # an unknown section
        (changed(15, 0x40, True), Status.LENGTH),  # a section of millions of words
        (changed(40, good[40] ^ 4), Status.CHECKSUM),
        (changed(len(good) - 1, good[-1] ^ 0x80), Status.CHECKSUM),
    ]
