"""Checkpoints of trainings as safetensors: written whole or not at all, and marked with a hash of what the training starts from."""

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save as save_torch

from sw import cli, files
from sw.errors import PopbeatError


def snapshot(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A copy of a network's state."""
    return {k: v.detach().clone() for k, v in net.state_dict().items()}


def part(state: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The tensors whose names begin with ``prefix``, without it."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def store(folder: Path, state: dict[str, torch.Tensor], mark: str) -> None:
    """Write a checkpoint, whole or not at all."""
    state = {k: v.detach().cpu().clone().contiguous() for k, v in state.items()}
    files.write_bytes(folder / "checkpoint.safetensors", save_torch(state, metadata={"mark": mark}))


def restore(folder: Path, mark: str) -> dict[str, torch.Tensor] | None:
    """The checkpoint of this ``mark``, or None where there is none."""
    path = folder / "checkpoint.safetensors"
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            if (file.metadata() or {}).get("mark") != mark:
                cli.warn(f"{path} is of another recipe or data set and is not resumed")
                return None
            return {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 (no mapping)
    except Exception as error:
        raise PopbeatError(f"checkpoint {path} can't be read ({error}); delete it to train from the start") from None


def gather(net: torch.nn.Module, best: dict[str, torch.Tensor], optimiser, generator: torch.Generator, progress) -> dict:
    """Everything that a training goes on from: network, best state, optimiser, random numbers, and the ``progress`` as numbers."""
    state = {f"net.{k}": v for k, v in net.state_dict().items()} | {f"best.{k}": v for k, v in best.items()}
    for index, values in optimiser.state_dict()["state"].items():
        state |= {f"optimiser.{index}.{k}": v for k, v in values.items()}
    state |= {"random.own": generator.get_state(), "random.torch": torch.get_rng_state()}
    return state | {"progress": torch.tensor(progress, dtype=torch.float64)}


def scatter(state: dict, net: torch.nn.Module, optimiser, generator: torch.Generator) -> tuple[dict, list[float]]:
    """The inverse of :func:`gather`: sets network, optimiser and random numbers; returns the best state and the progress."""
    net.load_state_dict(part(state, "net."))
    kept = optimiser.state_dict()
    for name, value in part(state, "optimiser.").items():
        index, key = name.split(".", 1)
        kept["state"].setdefault(int(index), {})[key] = value
    optimiser.load_state_dict(kept)
    generator.set_state(state["random.own"])
    torch.set_rng_state(state["random.torch"])
    return part(state, "best."), state["progress"].tolist()


class Resumable:
    """A training whose whole state is in ``folder`` after every epoch, and which goes on from there. It has ``net``, ``optimiser``,
    ``generator``, ``epoch`` and ``seconds``; ``best``: figures of the best epoch, the last of them its number; ``best_state``; and
    the ``mark`` of what it starts from."""

    def save(self) -> None:
        """Write the state."""
        progress = [self.epoch, self.seconds, *self.best]
        store(self.folder, gather(self.net, self.best_state, self.optimiser, self.generator, progress), self.mark)

    def resume(self) -> None:
        """Go on from the state that is stored, if one is."""
        state = restore(self.folder, self.mark)
        if state is None:
            return
        self.best_state, progress = scatter(state, self.net, self.optimiser, self.generator)
        epoch, self.seconds, *figures, best_epoch = progress
        self.epoch, self.best = int(epoch), (*figures, int(best_epoch))
