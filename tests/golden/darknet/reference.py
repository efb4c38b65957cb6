"""Darknet's networks in plain PyTorch: what graft's chain is compared with. Reads a .cfg and numbers as they stand in a .weights file."""
import struct

import numpy as np
import torch
import torch.nn.functional as F

EPS = 1e-6  # OpenCV's

ACTIVATIONS = {
    "linear": lambda x: x,
    "leaky": lambda x: F.leaky_relu(x, 0.1),
    "relu": F.relu,
    "relu6": F.relu6,
    "mish": F.mish,
    "swish": F.silu,
    "logistic": torch.sigmoid,
}


SHORT = {"conv": "convolutional", "max": "maxpool"}


def sections(text):
    found = []
    for line in text.splitlines():
        line = line.split("#")[0].replace(" ", "")
        if line.startswith("["):
            found.append({"kind": SHORT.get(line[1:-1], line[1:-1])})
        elif line and not line.startswith(";"):
            key, value = line.split("=")
            found[-1][key] = value
    return found


def numbers(text):
    return [int(part) for part in text.split(",")]


class Network:
    """tensors: by graft's names, in the order of the file; all of them leaves that want gradients, but for running statistics."""

    def __init__(self, text, fill):
        self.net, *self.layers = sections(text)
        self.tensors = {}
        channels = []
        for i, layer in enumerate(self.layers):
            before = channels[-1] if channels else 3
            kind = layer["kind"]
            if kind == "convolutional":
                out, size, groups = int(layer["filters"]), int(layer.get("size", 1)), int(layer.get("groups", 1))
                if int(layer.get("batch_normalize", 0)):
                    for name in ("bias", "weight", "running_mean", "running_var"):
                        self.add(f"layers.{i}.normalization.{name}", fill(name, (out,)))
                else:
                    self.add(f"layers.{i}.convolution.bias", fill("bias", (out,)))
                self.add(f"layers.{i}.convolution.weight", fill("kernel", (out, before // groups, size, size)))
                channels.append(out)
            elif kind == "route":
                groups = int(layer.get("groups", 1))
                channels.append(sum(channels[k if k >= 0 else i + k] // groups for k in numbers(layer["layers"])))
            else:
                channels.append(before)

    def add(self, name, value):
        self.tensors[name] = value.requires_grad_("running" not in name)

    def write(self, path):
        with open(path, "wb") as file:
            file.write(struct.pack("<iiiQ", 0, 2, 5, 32013312))
            for value in self.tensors.values():
                file.write(value.detach().to(torch.float32).numpy().astype("<f4").tobytes())

    def maps(self, x):
        outputs, found = [], []
        for i, layer in enumerate(self.layers):
            kind = layer["kind"]
            activation = ACTIVATIONS[layer.get("activation", "linear")]
            if kind == "convolutional":
                x = activation(self.convolution(i, layer, x))
            elif kind == "route":
                groups, group = int(layer.get("groups", 1)), int(layer.get("group_id", 0))
                parts = [outputs[k if k >= 0 else i + k] for k in numbers(layer["layers"])]
                x = torch.cat([part.chunk(groups, 1)[group] for part in parts], 1)
            elif kind == "shortcut":
                x = activation(x + sum(outputs[k if k >= 0 else i + k] for k in numbers(layer["from"])))
            elif kind == "maxpool":
                x = self.maxpool(layer, x)
            elif kind == "upsample":
                x = x.repeat_interleave(int(layer["stride"]), 2).repeat_interleave(int(layer["stride"]), 3)
            elif kind == "yolo":
                found.append(x)
            else:
                assert kind == "dropout", kind
            outputs.append(x)
        return found

    def convolution(self, i, layer, x):
        size, dilation = int(layer.get("size", 1)), int(layer.get("dilation", 1))
        stride = int(layer.get("stride", 1))
        stride = (int(layer.get("stride_y", stride)), int(layer.get("stride_x", stride)))
        padding = size // 2 if int(layer.get("pad", 0)) else int(layer.get("padding", 0))
        get = lambda name: self.tensors.get(f"layers.{i}.{name}")
        x = F.conv2d(x, get("convolution.weight"), get("convolution.bias"), stride, padding * dilation, dilation, int(layer.get("groups", 1)))
        if get("normalization.weight") is None:
            return x
        shape = (1, -1, 1, 1)
        x = (x - get("normalization.running_mean").view(shape)) / torch.sqrt(get("normalization.running_var").view(shape) + EPS)
        return x * get("normalization.weight").view(shape) + get("normalization.bias").view(shape)

    @staticmethod
    def maxpool(layer, x):
        """Window by window, as Darknet's loops go."""
        stride = int(layer.get("stride", 1))
        size = int(layer.get("size", stride))
        padding = int(layer.get("padding", size - 1))
        height, width = ((side + padding - size) // stride + 1 for side in x.shape[2:])
        rows = []
        for i in range(height):
            top = i * stride - padding // 2
            row = []
            for j in range(width):
                left = j * stride - padding // 2
                window = x[:, :, max(top, 0) : top + size, max(left, 0) : left + size]
                row.append(window.amax((2, 3)))
            rows.append(torch.stack(row, -1))
        return torch.stack(rows, -2)


def random_fill(seed):
    generator = np.random.default_rng(seed)

    def fill(name, shape):
        if name == "running_var":
            values = generator.uniform(0.2, 2, shape)
        elif name == "weight":
            values = generator.uniform(0.5, 1.5, shape)
        elif name == "kernel":
            values = generator.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape)
        else:
            values = generator.normal(0, 0.3, shape)
        return torch.tensor(values.astype(np.float32).astype(np.float64))

    return fill
