"""A stand-alone Verilog bench of a generated top, with vectors of real windows that are made at this moment and never stored."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw.package import templates
from sw import files
from sw.beats import chain
from sw.data import source, tasks
from sw.export.array import integer as array_integer
from sw.export.array.bundle import GraphBundle
from sw.export.binary import integer
from sw.export.binary.integer import NO_CALL
from sw.export.bundles import Bundle

WINDOWS = 2
# Of a recording: its first seconds, with some beats.
RECORD, LEAD, SECONDS = "208", "MLII", 4


@dataclass(frozen=True)
class Vectors:
    """What goes in, ``samples`` ``int16[n]`` (``last``: flags, or None where the port has no TLAST), and must come out, ``results``
    ``int64[m]`` with TLAST in bit 32; ``what`` it is; the ``image`` of a network that is loaded first."""

    what: str
    samples: np.ndarray
    last: np.ndarray | None
    results: np.ndarray
    image: bytes


def _packets(header: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Packets of a header and signed words, TLAST in bit 32."""
    packets = np.concatenate([header[:, None], words & 0xFFFFFFFF], axis=1).astype(np.int64)
    packets[:, -1] |= 1 << 32
    return packets.reshape(-1)


def _header(label: np.ndarray, no_call: np.ndarray, image: bytes) -> np.ndarray:
    return np.arange(len(label)) | label << 16 | no_call.astype(np.int64) << 24 | (bool(image) << 26)


def of_windows(packed: Bundle, found: source.Source, image: bytes = b"") -> Vectors:
    """The first windows of :data:`WINDOWS` classes, of a bundle whose network is loaded from an ``image`` or is in the hardware."""
    task = tasks.get(packed.task)
    windows = task.windows(found)
    rows = np.sort(np.unique(windows.label, return_index=True)[1])[:WINDOWS]
    samples = task.samples(found, windows.take(rows))
    trace = (array_integer if isinstance(packed, GraphBundle) else integer).run(packed, samples)
    last = np.zeros(samples.shape, bool)
    last[:, -1] = True
    results = _packets(_header(trace.label, trace.flat, image), trace.logits)
    what = f"{len(rows)} windows of {', '.join(sorted(set(windows.record[rows].astype(str))))} ({found.kind})"
    return Vectors(what, samples.reshape(-1), last.reshape(-1), results, image)


def of_recording(packed: Bundle, found: source.Source, image: bytes = b"") -> Vectors:
    """The first seconds of a recording, of a top that finds the beats itself."""
    signal = found.signal(RECORD, LEAD)[: SECONDS * tasks.RATE]
    seen = chain.run(packed, signal)
    words = np.concatenate([seen.logits, seen.position[:, None] & 0xFFFF], axis=1)
    results = _packets(_header(seen.label, seen.label == NO_CALL, image), words)
    what = f"{SECONDS} s of {RECORD} ({found.kind})"
    return Vectors(what, chain.whole(packed, signal), None, results, image)


def write(stem: Path, vectors: Vectors, at_once: int, patience: int) -> list[Path]:
    """Write the bench of the top ``<stem>.v`` and its vectors beside it: ``<stem>_tb.v`` and hexadecimal files. ``at_once``:
    samples of a beat at ``s_axis``; ``patience``: cycles without a result that are too many. Returns the files."""
    name, bits = stem.name, 16 * at_once
    beats = vectors.samples.astype(np.int64).reshape(-1, at_once) & 0xFFFF
    values = (beats << 16 * np.arange(at_once)).sum(axis=1)
    if vectors.last is not None:
        values |= vectors.last.reshape(-1, at_once)[:, -1].astype(np.int64) << bits
    lines = {"samples": values, "expected": vectors.results}
    if vectors.image:
        lines["image"] = np.frombuffer(vectors.image, np.uint8)
    made = [
        files.write_bytes(stem.with_name(f"{name}_{part}.hex"), "".join(f"{v:x}\n" for v in column.tolist()).encode())
        for part, column in lines.items()
    ]
    text = templates.fill(
        "bench.v",
        name=name,
        what=vectors.what,
        samples=len(values),
        results=len(vectors.results),
        patience=patience,
        sample_bits=bits,
        sample_top=bits - 1,
        s_last=f"\n    .s_axis_tlast(s_beat[{bits}])," if vectors.last is not None else "",
        image_bytes=len(vectors.image),
        image_file=f", and the network's image in {name}_image.hex," if vectors.image else "",
        image_driver=_DRIVER.replace("NAME", name) if vectors.image else "",
        image_ports=_PORTS if vectors.image else "",
        go="c_sent == IMAGE && !c_valid && loaded" if vectors.image else "1'b1",
    )
    return [files.write_bytes(stem.with_name(f"{name}_tb.v"), text.encode()), *made]


_DRIVER = """
  reg [7:0] image [0:IMAGE-1];
  initial $readmemh("NAME_image.hex", image);
  reg c_valid = 1'b0;
  reg [7:0] c_data = 8'h00;
  reg c_last = 1'b0;
  wire c_ready, loaded;
  integer c_sent = 0;
  always @(posedge clk)
    if (!rst && (c_ready || !c_valid)) begin
      c_valid <= c_sent < IMAGE;
      if (c_sent < IMAGE) begin
        c_data <= image[c_sent];
        c_last <= c_sent == IMAGE - 1;
        c_sent <= c_sent + 1;
      end
    end
"""
_PORTS = """
    .c_axis_tvalid(c_valid),
    .c_axis_tready(c_ready),
    .c_axis_tdata(c_data),
    .c_axis_tlast(c_last),
    .loaded(loaded),
    .status(),
    .waiting(),
    .busy(),
    .image(),
    .overrun(),"""
