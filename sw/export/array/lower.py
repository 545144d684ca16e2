"""From work to descriptors: convolutions over all channels, and work in which every channel has inputs of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sw.errors import PopbeatError
from sw.export.array.graph import Add, Average, GlobalAverage, MaxPool, Multibit, Node, Scale, Slice, Tensor, _all
from sw.export.array.plan import Plan, Work
from sw.export.array.program import (
    GATE_SHIFT,
    GATES,
    LANES,
    LOGITS,
    SIGNED,
    UNSIGNED,
    WINDOW_TAPS,
    Descriptor,
    Operation,
    descriptor_cycles,
    least_period,
)
from sw.export.array.useful import additions, positions

ADDRESSES = 1 << 17
MAX_POOL = 15


@dataclass(frozen=True)
class Made:
    """An ``operation`` of a ``node``, which puts out channels of ``target`` (None: logits), in ``additions`` that are useful."""

    node: Node
    operation: Operation
    target: Tensor | None
    additions: int = 0


@dataclass(frozen=True)
class Parameters:
    """Of each channel: the signs of its passes ``int8[passes, taps]``, their alphas, bias and shift."""

    signs: Sequence[np.ndarray]
    alphas: Sequence[np.ndarray]
    bias: np.ndarray
    shift: np.ndarray
    shared: bool = False

    def __getitem__(self, channels: np.ndarray) -> "Parameters":
        return Parameters(
            [self.signs[c] for c in channels],
            [self.alphas[c] for c in channels],
            self.bias[channels],
            self.shift[channels],
            self.shared,
        )


def _same(count: int, signs: Sequence, alphas: Sequence[int], taps: int, shift: int) -> Parameters:
    """The same weights for every channel: ``signs[pass]`` is a sign or a list of one a tap."""
    weights = np.ones((len(signs), taps), np.int8) * np.array(signs, np.int8).reshape(len(signs), -1)
    return Parameters(
        [weights] * count, [np.array(alphas, np.int64)] * count, np.zeros(count, np.int64), np.full(count, shift, np.int64), True
    )


def _own(node: Multibit, basis: np.ndarray) -> Parameters:
    """A convolution's weights."""
    start = np.concatenate([[0], np.cumsum(node.count)])
    of = [slice(a, b) for a, b in zip(start, start[1:], strict=False)]
    return Parameters(
        [basis[s].reshape(s.stop - s.start, int(np.prod(basis.shape[1:]))) for s in of],
        [np.asarray(node.alpha, np.int64)[s] for s in of],
        np.asarray(node.bias, np.int64),
        np.asarray(node.shift, np.int64),
    )


def _step(values: np.ndarray) -> int:
    """The distance of values that have one."""
    return int(values[1] - values[0]) if len(values) > 1 else 0


def _kind(part: Slice | None) -> int:
    return LOGITS if part is None else SIGNED if part.tensor.signed else UNSIGNED


def _pool(node: Node, size: int, stride: int) -> dict[str, int]:
    chunks, rest = divmod(size, stride)
    if chunks not in (1, 2) or rest > 1 or stride > MAX_POOL:
        raise PopbeatError(
            f"{node.name}: a pool of {size} with stride {stride} can't be mapped; its size is one or two strides, or one more"
        )
    return {"pool_stride": stride, "pool_chunks": chunks, "pool_rest": rest}


class Lowering:
    """Makes operations for work after work; ``places`` are the addresses of every tensor's channels, ``orders`` those in which they
    are stored."""

    def __init__(self, plan: Plan, places: dict, orders: dict, groups: int, windows: bool):
        self.plan, self.places, self.orders, self.groups, self.windows = plan, places, orders, groups, windows
        self.made: list[Made] = []
        self.tables: list[np.ndarray] = []
        self.gates: Tensor | None = None  # the row that the gate memory holds

    def lower(self, work: Work) -> None:
        """The operations of one piece of work."""
        node = work.node
        if work.gate is not None:
            self._hold(node, work.gate)
        if isinstance(node, Multibit) and not node.depthwise:
            self._dense(work)
        else:
            self._each(work)

    # Addresses.

    def _addresses(self, part: Slice) -> np.ndarray:
        return np.array([self.places[name][c] for name, c in self.plan.channels(part)])

    def _means(self, work: Work) -> tuple[np.ndarray, dict]:
        """Where each channel's mean goes (-1: nowhere), and the means' descriptor fields."""
        channels = self.plan.channels(work.target) if work.target is not None else []
        addresses = np.full(len(channels), -1)
        fields = {}
        for mean in work.means:
            row = {place: i for i, place in enumerate(self.plan.channels(_all(mean.source)))}
            base = self.places[_all(mean.target).tensor.name][0]
            addresses = np.array([base + row[c] if c in row else -1 for c in channels])
            fields = {"mean_alpha": int(mean.alpha), "mean_shift": int(mean.shift)}
        return addresses, fields

    def _mean_fields(self, node: Node, addresses: np.ndarray, fields: dict, rows: int) -> dict:
        """Fields for channels in the order in which an operation makes them: the first ones have means."""
        wanted = addresses[addresses >= 0]
        if not len(wanted):
            return {}
        if (addresses[len(wanted) :] >= 0).any() or len(set(np.diff(wanted))) > 1:
            raise PopbeatError(f"{node.name}: the means of its channels don't lie at equal distances")
        step = max(_step(wanted), 1)
        return fields | {"mean_blocks": -(-len(wanted) // rows), "mean_base": int(wanted[0]), "mean_step": step}

    def _table(self, values: np.ndarray | None) -> int:
        if values is None:
            return 0
        values = np.asarray(values, np.uint8)
        if not any(np.array_equal(values, t) for t in self.tables):
            self.tables.append(values)
        return 1 + next(i for i, t in enumerate(self.tables) if np.array_equal(values, t))

    def _is_gate(self, part: Slice | None) -> int:
        """Whether a row scales something later on."""
        return int(part is not None and any(w.gate == part.tensor for w in self.plan.work))

    def _hold(self, node: Node, gate: Tensor) -> None:
        """See that the gate memory holds a row."""
        if gate.width > GATES or (gate.channels, gate.height) != (1, 1) or gate.signed:
            raise PopbeatError(f"{node.name}: gates are a row of at most {GATES} uint8, not {gate}")
        if self.gates == gate:
            return
        address = int(self._addresses(Slice(gate))[0])
        shape = {"width": gate.width, "out_w": gate.width, "in_base": address, "out_base": address, "to_gates": 1, "single": 1}
        self._emit(node, Descriptor(**shape), _same(1, (1,), (1,), 1, 0), gate, name=f"{gate.name} again")
        self.gates = gate

    # Operations.

    def _emit(self, node, descriptor, parameters, target, useful=0, name="") -> None:
        """Pack the parameters of channels, in the order in which they are made, into blocks."""
        op = self._operation(name or node.name, descriptor, parameters)
        if descriptor.to_gates:
            self.gates = target
        self.made.append(Made(node, op, target, useful))

    def _operation(self, name: str, d: Descriptor, p: Parameters) -> Operation:
        rows = d.rows(self.groups) * d.planes
        weights, alphas = [], []
        for first in range(0, len(p.signs), rows):
            signs, factors = p.signs[first : first + rows], p.alphas[first : first + rows]
            passes = max(1, *(len(s) for s in signs)) if len(signs) > 1 else max(1, len(signs[0]))
            w, a = np.ones((passes, rows, d.taps), np.int8), np.zeros((passes, rows), np.int64)
            for row, (sign, alpha) in enumerate(zip(signs, factors, strict=True)):
                w[: len(sign), row], a[: len(sign), row] = sign, alpha
            weights.append(w)
            alphas.append(a)
        if p.shared:
            # A last block with fewer channels has the parameters of the others.
            weights, alphas = [weights[0]] * len(weights), [alphas[0]] * len(alphas)
        d = replace(d, shared=int(p.shared), period=least_period(d, self.groups, min(len(w) for w in weights)))
        return Operation(d, tuple(weights), tuple(alphas), p.bias, p.shift, name)

    def _input(self, part: Slice) -> dict[str, int]:
        return {"input": int(part.tensor == self.plan.graph.source), "in_signed": int(part.tensor.signed)}

    def _dense(self, work: Work) -> None:
        """A convolution over all channels, with the number of slots that takes the fewest cycles."""
        node, x, target = work.node, work.source, work.target
        tensor, out, kind = x.tensor, len(node.count), node.kind
        by_element = work.gate is not None and node.basis.shape[1] == 1
        if max(node.stride) > 2 or node.basis.shape[1] != x.count:
            raise PopbeatError(f"{node.name}: strides are 1 or 2 and weights fit the {x.count} channels; not {node.stride}")
        pool = (*node.pool, 0) if work.pool is None else work.pool
        if pool[2] and kind != UNSIGNED:
            raise PopbeatError(f"{node.name}: uint8 alone is padded before a pool")
        order = np.arange(out) if target is None else self._order(target)
        sources = self._addresses(x)
        by_place = np.argsort(sources, kind="stable")
        if len(set(np.diff(sources[by_place]))) > 1:
            raise PopbeatError(f"{node.name}: the channels of {tensor.name} don't lie at equal distances")
        basis = node.basis[:, by_place]
        taps_of_a_row = {"taps_c": node.basis.shape[3], "in_chan": 1}  # as channels of one value
        shape = taps_of_a_row if by_element else self._window(work, _step(sources[by_place]), pool)
        gates = {}
        if work.gate is not None:
            first, step = (0, 1) if by_element else self._gate_order(work, by_place)
            gates = {"gated": 1, "gate_first": first, "gate_step": step}
        shape |= {
            "in_base": int(sources.min() - node.pad[1] - node.pad[0] * tensor.width) % ADDRESSES,
            "channels": out,
            "kind": kind,
            "bias_shift": node.bias_shift,
            "pool_pad": pool[2],
            "table": self._table(work.table),
            "to_gates": self._is_gate(target) if out == 1 else 0,
            **(_pool(node, 2, 2) | {"pool_mean": 1} if work.mean_of_two else _pool(node, *pool[:2])),
            **gates,
            **self._input(x),
        }
        if target is not None:
            places = self._addresses(target)[order]
            shape |= {"out_base": int(places[0]), "out_chan": self._equal(node, places), "out_row": target.tensor.width}
        op = self._fewest_cycles(work, shape, order, _own(node, basis)[order])
        if op.descriptor.to_gates:
            self.gates = target.tensor
        self.made.append(Made(node, op, None if target is None else target.tensor, additions(node)))

    def _window(self, work: Work, channel_step: int, pool: tuple[int, int, int]) -> dict:
        """Fields of the input's rows and of the taps that move over them; what has neither taps nor pools is one long row."""
        node, tensor, (ky, kx) = work.node, work.source.tensor, work.node.basis.shape[2:]
        shape = {
            "in_row": tensor.width,
            "width": tensor.width,
            "height": tensor.height,
            "taps_c": work.source.count,
            "in_chan": channel_step,
            "taps_y": ky,
            "taps_x": kx,
            "pad_y": node.pad[0],
            "pad_x": node.pad[1],
            "stride_y": node.stride[0],
            "stride_x": node.stride[1],
            "out_w": self._positions(work, pool),
            "out_h": node.out_height,
        }
        if (ky, kx, node.stride, node.pad, pool) == (1, 1, (1, 1), (0, 0), (1, 1, 0)) and not work.mean_of_two:
            shape |= {"width": tensor.height * tensor.width, "height": 1, "out_h": 1}
            shape["out_w"] = shape["width"]
        return shape

    def _fewest_cycles(self, work: Work, shape: dict, order: np.ndarray, parameters: Parameters) -> Operation:
        """The operation of these fields with the number of slots that takes the fewest cycles."""
        means, mean_fields = self._means(work)
        best = None
        for slots in (1, 2) if shape["kind"] == LOGITS else (1,) if shape["table"] or shape["to_gates"] else (1, 2, 4):
            d = Descriptor(**shape, slots=slots)
            if len(means):
                d = replace(d, **self._mean_fields(work.node, means[order], mean_fields, d.rows(self.groups)))
            op = self._operation(work.node.name, d, parameters)
            cycles = descriptor_cycles(op.descriptor, self.groups, sum(op.passes))
            if best is None or cycles < best[0]:
                best = cycles, op
        return best[1]

    def _positions(self, work: Work, pool: tuple[int, int, int]) -> int:
        """Positions of a row that the pools look at."""
        node = work.node
        if work.pool is not None:
            size, stride, pad = pool
            return (work.target.tensor.width - 1) * stride + size - pad
        return 2 * (node.conv_width // 2) if work.mean_of_two else positions(node)

    def _order(self, target: Slice) -> np.ndarray:
        order = self.orders[target.tensor.name]
        whole = target.count == target.tensor.channels == len(order)
        return order if whole else np.arange(target.count)

    def _equal(self, node: Node, places: np.ndarray) -> int:
        if len(set(np.diff(places))) > 1:
            raise PopbeatError(f"{node.name}: its channels don't lie at equal distances")
        return _step(places) % ADDRESSES

    def _gate_order(self, work: Work, by_place: np.ndarray) -> tuple[int, int]:
        """First gate and step for channels in the order in which they are read."""
        steps = set(np.diff(by_place))
        if steps - {1}:
            raise PopbeatError(f"{work.node.name}: its gates don't follow each other")
        return int(by_place[0]), 1

    # Work in which every channel has inputs of its own.

    def _each(self, work: Work) -> None:
        """Depthwise convolutions, additions, scales, pools, means, copies."""
        node, x, target = work.node, work.source, work.target
        if isinstance(node, Scale) and node.by_element:
            return self._row_by_row(work)
        if isinstance(node, Scale) and (node.by.channels, node.by.height, node.by.width) != (1, 1, x.count):
            raise PopbeatError(f"{node.name} scales by a row of {x.count} values, not by {node.by.name}")
        shape, parameters = self._shape(work)
        count = x.count
        columns = [self._addresses(x)]
        if isinstance(node, Add):
            other = node.sources[1]
            if {(p.count, p.tensor.height, p.tensor.width, p.tensor.signed) for p in (x, other)} != {
                (target.count, target.tensor.height, target.tensor.width, x.tensor.signed)
            }:
                raise PopbeatError(f"{node.name} adds tensors of one shape and signedness")
            columns.append(self._addresses(other))
        if isinstance(node, GlobalAverage):
            columns.append(self._addresses(target)[0] + np.arange(count))
        else:
            if target.count != count:
                raise PopbeatError(f"{node.name}: as many channels come out as go in, not {target.count} of {count}")
            columns.append(self._addresses(target))
        if work.gate is not None:
            if x.tensor.signed:
                raise PopbeatError(f"{node.name}: gates scale uint8 alone")
            columns.append(np.arange(count))
        means, mean_fields = self._means(work)
        means = means if work.means else np.full(count, -1)
        useful = additions(node)
        bases = np.array([len(s) for s in parameters.signs])
        for run in self._runs(columns, means):
            part = [c[run] for c in columns]
            fields = {"in_base": int(part[0][0] + shape["before"]) % ADDRESSES}
            step, after = _step(part[0]), part[2] if isinstance(node, Add) else part[1]
            fields |= {"out_base": int(after[0]), "channels": len(run), **self._input(x)}
            fields["kind"] = node.kind if isinstance(node, Average) else _kind(target)
            apart = step
            if isinstance(node, Add):
                fields["in_chan"] = int(part[1][0] - part[0][0]) % ADDRESSES
                apart = _step(part[1])
            if work.gate is not None:
                fields |= {"gated": 1, "gate_first": int(part[-1][0]), "gate_step": _step(part[-1])}
            one = shape["fields"]
            d = self._spread(one | fields, shape["window"], step, apart, _step(after), shape["square"], means[run])
            if (means[run] >= 0).any():
                d = replace(d, **self._mean_fields(node, means[run], mean_fields, d.rows(self.groups)))
            self._emit(node, d, parameters[run], target.tensor, int(useful * bases[run].sum() // max(1, bases.sum())))
        return None

    def _runs(self, columns: list[np.ndarray], means: np.ndarray) -> list[np.ndarray]:
        """Channels in the order of their addresses, split where one of their addresses takes another step, or where means begin."""
        order = np.argsort(columns[0], kind="stable")
        table = np.stack([*columns, np.where(means >= 0, means, 0)], axis=1)[order]
        mean = (means >= 0)[order]
        runs, first = [], 0
        for i in range(1, len(order) + 1):
            if i < len(order):
                begins = mean[i] and not mean[i - 1]
                step, before = table[i] - table[i - 1], table[first + 1] - table[first] if i > first + 1 else None
                differs = before is not None and ((step[:-1] != before[:-1]).any() or (mean[i] and step[-1] != before[-1]))
                negative = (step[:-1] < 0).any()
                if not (begins or differs or negative):
                    continue
            runs.append(order[first:i])
            first = i
        return runs

    def _spread(self, fields, window, step, apart, out_step, square, means) -> Descriptor:
        """A descriptor for channels at equal distances: over all groups with windows, or one after the other."""
        if not self.windows or window is None:
            if apart != step:
                raise PopbeatError("an array without windows adds tensors whose channels lie at the same distances")
            return Descriptor(**fields, single=1, in_block=step % ADDRESSES, out_chan=out_step % ADDRESSES)
        fields = fields | window
        groups = self.groups
        quad = square and step == out_step == 4 and fields["channels"] % 4 == 0 and not fields.get("gated") and (means < 0).all()
        if square and quad:
            fields |= {
                "slots": 4,
                "channels": fields["channels"] // 4,
                "width": 31,
                "height": 31,
                "pad_x": 0,
            }
            step = apart = out_step = LANES
        return Descriptor(
            **fields,
            windows=1,
            in_group=step % ADDRESSES,
            other_group=apart % ADDRESSES,
            in_block=groups * step % ADDRESSES,
            out_chan=out_step % ADDRESSES,
        )

    def _kernel(self, x: Tensor, kernel, pad, stride, out_h: int, out_w: int, flat: bool = False) -> dict:
        """Fields of a kernel over planes, without and with windows; ``flat``: a small plane may be one row."""
        (ky, kx), (py, px), (sy, sx) = kernel, pad, stride
        fields = {
            "in_row": x.width,
            "width": x.width,
            "height": x.height,
            "taps_y": ky,
            "taps_x": kx,
            "pad_y": py,
            "pad_x": px,
            "stride_y": sy,
            "stride_x": sx,
            "out_w": out_w,
            "out_h": out_h,
        }
        loads = -(-kx // WINDOW_TAPS)
        window = {
            "taps_x": loads,
            "load_taps": kx - WINDOW_TAPS * (loads - 1),
            "stride_x": 1,
            "out_w": (out_w - 1) * sx + 1,
            "drop_x": sx - 1,
        }
        square = 0
        side = x.width
        if flat and (ky, kx, py, px) == (3, 3, 1, 1) and sy == sx and x.height == side and side in (2, 4, 8):
            plane = side * side
            window |= {
                "plane": side.bit_length() - 1,
                "width": plane,
                "height": 1,
                "pad_x": side + 1,
                "pad_y": 0,
                "stride_y": 1,
                "out_w": plane,
                "out_h": 1,
                "drop_y": sy - 1,
            }
            square = int(side == 2 and sx == 1)
            if square:
                window |= {"out_w": 4}
        return {"fields": fields, "window": window, "before": -px - py * x.width, "square": square}

    def _flat(self, tensor: Tensor) -> dict:
        """Every value by itself: a plane is one row."""
        plane = tensor.height * tensor.width
        return {"fields": {"width": plane, "out_w": plane}, "window": {}, "before": 0, "square": 0}

    def _shape(self, work: Work) -> tuple[dict, Parameters]:
        """Geometry and weights of work in which every channel has inputs of its own."""
        node, x, target = work.node, work.source, work.target
        tensor, count = x.tensor, x.count
        if isinstance(node, Multibit):
            if node.basis.shape[1] != 1 or count != len(node.count):
                raise PopbeatError(
                    f"{node.name}: a depthwise convolution has as many outputs as inputs, not {len(node.count)} of {count}"
                )
            if max(node.stride) > 2:
                raise PopbeatError(f"{node.name}: strides are 1 or 2 and weights fit the {count} channels; not {node.stride}")
            flat = node.pool == (1, 1)
            shape = self._kernel(tensor, node.basis.shape[2:], node.pad, node.stride, node.out_height, positions(node), flat)
            shape["fields"] |= {"bias_shift": node.bias_shift, "out_row": target.tensor.width, **_pool(node, *node.pool)}
            return shape, _own(node, node.basis)
        if isinstance(node, Add):
            a, b = (1 << up for up in node.up)
            if a == b:
                signs, alphas, shift = ((1, 1),), (a,), node.shift
            else:
                signs, alphas, shift = ((1, 1), (1, -1) if a > b else (-1, 1)), (a + b, abs(a - b)), node.shift + 1
            shape = self._flat(tensor)
            shape["fields"]["taps_c"] = 2
            return shape, _same(count, signs, alphas, 2, shift)
        if isinstance(node, Scale):
            if node.shift != GATE_SHIFT:
                raise PopbeatError(f"{node.name}: a gate counts 256ths: its shift is {GATE_SHIFT}, not {node.shift}")
            return self._flat(tensor), _same(count, (1,), (1,), 1, 0)
        if isinstance(node, GlobalAverage):
            if (target.tensor.channels, target.tensor.height, target.tensor.width) != (1, 1, count):
                raise PopbeatError(f"{node.name} writes one row of {count} values, not {target.tensor.name}")
            plane = tensor.height * tensor.width
            shape = self._kernel(Tensor("", 1, 1, plane), (1, plane), (0, 0), (1, 1), 1, 1)
            return shape, _same(count, (1,), (node.alpha,), plane, node.shift)
        if isinstance(node, Average):
            if node.kernel == node.stride == (1, 1):
                shape = self._flat(tensor)
            else:
                (ky, kx), (sy, sx) = node.kernel, node.stride
                out_h, out_w = (tensor.height - ky) // sy + 1, (tensor.width - kx) // sx + 1
                stride = sy if out_h > 1 else 1, sx if out_w > 1 else 1
                if max(stride) > 2:
                    raise PopbeatError(f"{node.name}: strides are 1 or 2, not {node.stride}")
                shape = self._kernel(tensor, node.kernel, (0, 0), stride, out_h, out_w)
                shape["fields"]["out_row"] = target.tensor.width
            shape["fields"] |= {"table": self._table(node.table), "to_gates": self._is_gate(target) if count == 1 else 0}
            if node.table is not None or shape["fields"]["to_gates"]:
                if count != 1:
                    raise PopbeatError(f"{node.name}: a table is for one channel, not {count}")
                shape["window"] = None
            return shape, _same(count, (1,), (node.alpha,), node.kernel[0] * node.kernel[1], node.shift)
        if isinstance(node, MaxPool):
            return self._max_pool(node, x, target)
        raise PopbeatError(f"{node.name}: the array has no {type(node).__name__}")

    def _max_pool(self, node: MaxPool, x: Slice, target: Slice) -> tuple[dict, Parameters]:
        """Along x with the pool of the post-processing, along y by passes that are combined by their maximum."""
        tensor, after = x.tensor, target.tensor
        most = min(node.kernel - 1, node.stride)
        if node.across:
            most = min(most, int(node.stride > 1))
        if node.pad and (tensor.signed or node.pad > most):
            raise PopbeatError(f"{node.name}: uint8 alone is padded, by at most the stride and less than the kernel, along x by 1")
        if node.across:
            width = (after.width - 1) * node.stride + node.kernel - node.pad
            shape = self._kernel(tensor, (1, 1), (0, 0), (1, 1), after.height, width)
            shape["fields"] |= {"out_row": after.width, "pool_pad": node.pad, **_pool(node, node.kernel, node.stride)}
            return shape, _same(x.count, (1,), (1,), 1, 0)
        if node.stride > 2:
            raise PopbeatError(f"{node.name}: rows are pooled with a stride of 1 or 2, not {node.stride}")
        shape = self._kernel(tensor, (1, 1), (node.pad, 0), (node.stride, 1), after.height, tensor.width)
        shape["fields"] |= {"largest": 1, "out_row": after.width}
        return shape, _same(x.count, (1,) * node.kernel, (1,) * node.kernel, 1, 0)

    def _row_by_row(self, work: Work) -> None:
        """A row scaled by a row: as channels of one value."""
        node, x, target = work.node, work.source, work.target
        count = x.tensor.width
        if (node.by.channels, node.by.height, node.by.width) != (1, 1, count) or x.tensor.signed or node.shift != GATE_SHIFT:
            raise PopbeatError(f"{node.name} scales a row of uint8 by 256ths of one as long, not by {node.by.name}")
        fields = {
            "in_base": int(self._addresses(x)[0]),
            "out_base": int(self._addresses(target)[0]),
            "channels": count,
            "kind": _kind(target),
            "gated": 1,
            "gate_step": 1,
        }
        d = self._spread(fields, {}, 1, 1, 1, 0, np.full(1, -1))
        self._emit(node, d, _same(count, (1,), (1,), 1, 0), target.tensor)
