"""The domain's optimizer: made, checked, and its whole state as tensors and JSON, whatever it keeps.

`state_dict` of an optimizer is a structure of tensors and plain values. It is written as a safetensors file: the
tensors under the path that leads to each, and the structure around them as JSON in the file's head. No pickle is
involved, for loading one runs code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch.distributed.tensor import DTensor, Placement, Replicate, Shard

from suite.domain.parts import Model
from suite.errors import SuiteError
from suite.training.checkpoint import Tensors

PLAIN = (bool, int, float, str, type(None))


def make_optimizer(model: Model, network: torch.nn.Module) -> torch.optim.Optimizer:
    """The model's optimizer for the parameters of `network`: the model's own, or its sharded copy.

    Raises `SuiteError` for one that the loop cannot work with.
    """
    optimizer, kind = model.optimizer(network), type(model).__name__
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise SuiteError(f"{kind}.optimizer gave {type(optimizer).__name__}; give a torch.optim.Optimizer.")
    known = {id(parameter) for parameter in network.parameters()}
    for group in optimizer.param_groups:
        if any(id(parameter) not in known for parameter in group["params"]):
            raise SuiteError(
                f"{kind}.optimizer has parameters that are not of the network it was given, which is another than "
                "self.network where parameters are sharded; take those of `network`."
            )
        if "lr" not in group:
            raise SuiteError(f"{kind}.optimizer has a group without 'lr', its peak learning rate; give each group one.")
    return optimizer


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[Tensors, str]:
    """The tensors of an optimizer's whole state, this process's part of each, and what is around them as JSON.

    Raises `SuiteError` for a value that is kept in neither.
    """
    tensors: Tensors = {}
    state = optimizer.state_dict()
    form = _written(state, "", tensors, type(optimizer).__name__)
    return tensors, json.dumps(form)


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Tensors, form: str) -> None:
    """Puts back what `optimizer_state` gave, in the very types, on the device that each tensor was on.

    Raises `SuiteError` where the optimizer does not take it: the run would not go on as it was.
    """
    parameter = next(p for group in optimizer.param_groups for p in group["params"])
    structure = json.loads(form)
    optimizer.load_state_dict(_read(structure, tensors, parameter))
    _restore(optimizer.state_dict(), structure, tensors, parameter)
    back, form_back = optimizer_state(optimizer)
    same = back.keys() == tensors.keys() and all(_same(back[name], tensors[name]) for name in tensors)
    if form_back != form or not same:
        kind = type(optimizer).__name__
        raise SuiteError(
            f"{kind}.load_state_dict does not take back what its state_dict gave, so that the run cannot go on "
            "exactly; train it anew, with an optimizer that keeps its state there."
        )


def _same(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Bit for bit; NaN is itself."""
    first, second = first.cpu().contiguous(), second.cpu().contiguous()
    alike = first.dtype == second.dtype and first.shape == second.shape
    return alike and torch.equal(first.reshape(-1).view(torch.uint8), second.reshape(-1).view(torch.uint8))


def _written(value: Any, path: str, tensors: Tensors, kind: str) -> Any:
    """JSON for a value, whose tensors go into `tensors`; what is no plain value is a list that begins with its kind."""
    if isinstance(value, torch.Tensor):
        return _tensor(value, path, tensors, kind)
    if isinstance(value, Mapping):
        items = [[_key(name, kind), _written(v, f"{path}{name}.", tensors, kind)] for name, v in value.items()]
        return ["dict", items]
    if type(value) in (list, tuple):
        listed = [_written(v, f"{path}{number}.", tensors, kind) for number, v in enumerate(value)]
        return [type(value).__name__, listed]
    if isinstance(value, PLAIN):
        return value
    raise SuiteError(
        f"{kind} keeps a {type(value).__name__} in {path.rstrip('.')} of its state, which no checkpoint holds without "
        "pickle; keep tensors, numbers, texts, and lists, tuples and dicts of them."
    )


def _key(name: Any, kind: str) -> Any:
    if type(name) in (int, str):
        return name
    raise SuiteError(f"{kind} names a value of its state {name!r}; names in checkpoints are texts or whole numbers.")


def _tensor(value: torch.Tensor, path: str, tensors: Tensors, kind: str) -> list[Any]:
    name, value = path[:-1], value.detach()
    while name in tensors:  # "a.b" beside an "a" that holds a "b"
        name += "'"
    where = "cpu" if value.device.type == "cpu" else "device"
    spec: list[Any] = []
    if isinstance(value, DTensor):
        if not all(isinstance(placement, Shard | Replicate) for placement in value.placements):
            raise SuiteError(f"{kind} keeps {name} of its state neither sharded nor whole, but as a sum still to take.")
        placements = [p.dim if isinstance(p, Shard) else None for p in value.placements]
        spec, value = [placements, list(value.shape), list(value.stride())], value.to_local()
    memory = value.untyped_storage().data_ptr()
    shared = any(other.untyped_storage().data_ptr() == memory for other in tensors.values()) if value.numel() else False
    tensors[name] = value.clone() if shared else value  # safetensors writes no memory twice
    return ["tensor", name, where, *spec]


def _read(form: Any, tensors: Tensors, parameter: torch.Tensor) -> Any:
    """The value that `_written` made `form` of. Shards are put together over the processes of `parameter`."""
    if not isinstance(form, list):
        return form
    kind, content, *rest = form
    if kind == "dict":
        return {name: _read(value, tensors, parameter) for name, value in content}
    if kind == "tensor":
        return _placed(tensors[content], rest, parameter)
    listed = [_read(value, tensors, parameter) for value in content]
    return tuple(listed) if kind == "tuple" else listed


def _placed(saved: torch.Tensor, rest: list[Any], parameter: torch.Tensor) -> torch.Tensor:
    where, *spec = rest
    tensor = saved.clone() if where == "cpu" else saved.to(parameter.device, copy=True)
    if not spec:
        return tensor
    assert isinstance(parameter, DTensor)
    dims, shape, stride = spec
    placements: list[Placement] = [Replicate() if dim is None else Shard(dim) for dim in dims]
    return DTensor.from_local(
        tensor, parameter.device_mesh, placements, shape=torch.Size(shape), stride=tuple(stride), run_check=False
    )


def _restore(
    present: dict[Any, Any], form: list[Any], tensors: Tensors, parameter: torch.Tensor, path: str = ""
) -> None:
    """Puts back what `load_state_dict` made something else of: torch casts tensors to the type of their parameter,
    also those in lists, moves them to its device, and makes a text in the state that of a generator.

    `present` is what the optimizer gives out as its state: the dicts in it are the optimizer's own.
    """
    for name, inner in form[1]:
        value, inside = present.get(name), f"{path}{name}."
        if isinstance(value, dict) and isinstance(inner, list) and inner[0] == "dict":
            _restore(value, inner, tensors, parameter, inside)
            continue
        seen: Tensors = {}
        if _written(value, inside, seen, "") != inner or not all(_same(seen[n], tensors[n]) for n in seen):
            present[name] = _read(inner, tensors, parameter)
