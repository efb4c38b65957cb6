"""Imports the Python part of torchvision without its compiled operators (transforms of PIL images need none).

pip install --no-deps --target DIR torchvision==0.28.0, then PYTHONPATH=DIR. The names of the operators must be declared
where the torch at hand is not the build that the wheel was made for."""
import importlib.util
import pathlib
import re

import torch

source = (pathlib.Path(importlib.util.find_spec("torchvision").origin).parent / "_meta_registrations.py").read_text()
_library = torch.library.Library("torchvision", "DEF")
for _name in set(re.findall(r'register_(?:meta|fake)\("(?:torchvision::)?(\w+)"', source)):
    _library.define(_name + "(Tensor a) -> Tensor")
import torchvision  # noqa: E402,F401
