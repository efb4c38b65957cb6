"""Writes the small weight files that tests/unit/io reads, as the reference implementations write them.

Run with .deps/oracles/bin/python (torch, safetensors); the results are committed beside this script.
"""
import collections
import pathlib

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent


def counting(dtype, *shape):
    """0, 1, 2, ... in that type: what the tests expect without further data."""
    count = torch.arange(torch.Size(shape).numel()).reshape(shape)
    return count.to(dtype)


SAFETENSORS_TYPES = {
    "f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16,
    "i64": torch.int64, "i32": torch.int32, "i16": torch.int16, "i8": torch.int8, "u8": torch.uint8,
    "bool": torch.bool, "f8_e4m3": torch.float8_e4m3fn, "f8_e5m2": torch.float8_e5m2,
    "u16": torch.uint16, "u32": torch.uint32, "u64": torch.uint64, "c64": torch.complex64,
}


def main():
    every = {name: counting(dtype, 2, 3) for name, dtype in SAFETENSORS_TYPES.items()}
    every["scalar"] = torch.tensor(7.5)
    every["empty"] = torch.zeros(0, 4)
    every["wide"] = counting(torch.float32, 64)
    save_file(every, HERE / "types.safetensors", metadata={"format": "pt", "note": 'quote " and ü'})

    base = counting(torch.float32, 4, 6)
    shared = counting(torch.float32, 10)
    state = collections.OrderedDict()
    state["conv.weight"] = counting(torch.float32, 2, 3, 2, 2).contiguous(memory_format=torch.channels_last)
    state["half"] = counting(torch.float16, 3)
    state["bf16"] = counting(torch.bfloat16, 3)
    state["parameter"] = torch.nn.Parameter(counting(torch.float32, 3))
    state["transposed"] = base.t()
    state["every_second"] = base[:, ::2]
    state["shared.head"] = shared[:4]
    state["shared.tail"] = shared[4:]
    state["flags"] = counting(torch.bool, 4)
    state["count"] = torch.tensor(11)
    state["empty"] = torch.zeros(0, 4)
    state["expanded"] = torch.tensor([3.0]).expand(5)
    for name, dtype in (("f64", torch.float64), ("i32", torch.int32), ("i16", torch.int16),
                        ("i8", torch.int8), ("u8", torch.uint8), ("c64", torch.complex64)):
        state[name] = counting(dtype, 3)
    state._metadata = collections.OrderedDict([("", {"version": 1})])
    torch.save(state, HERE / "state.pt")
    torch.save(state, HERE / "state_legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(state, HERE / "state_protocol4.pt", pickle_protocol=4)

    # Types without a storage class of their own are rebuilt by another function.
    new = {"u16": counting(torch.uint16, 3), "f8": counting(torch.float8_e4m3fn, 3)}
    torch.save(new, HERE / "new_types.pt")

    module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    with torch.no_grad():
        for tensor in module.state_dict().values():
            tensor.copy_(counting(tensor.dtype, *tensor.shape))
    wrapped = {"epoch": 3, "best": torch.tensor(0.5), "optimizer": {"lr": [0.1, 1e-3], "n": 2**40},
               "state_dict": {f"module.{k}": v for k, v in module.state_dict().items()}}
    torch.save(wrapped, HERE / "wrapped.pt")
    torch.save({"epoch": 3, "generator": {"w": counting(torch.float32, 2)}}, HERE / "only_dict.pt")
    torch.save(module, HERE / "whole_module.pt")
    torch.save({"w": torch.zeros(2), "x": torch.ones(2, dtype=torch.complex64).conj()}, HERE / "conjugated.pt")
    torch.jit.script(torch.nn.Linear(2, 2)).save(HERE / "script.pt")


if __name__ == "__main__":
    main()
