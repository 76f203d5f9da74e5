"""Torchvision's networks as files of weights, and their outputs by PyTorch, for the tests of SwiftletImporters.

    python3 tools/reference/torchvision_weights.py FOLDER

Writes a .pth of random weights for each network that the zoo has in torchvision's shape, and outputs.json: by file, the
architecture's name and 32 outputs for the picture of onnx_outputs.py. Needs numpy, torch and torchvision.

What it does not do: download trained weights.
"""
import json
import os
import sys

import numpy as np
import torch
import torchvision

NETWORKS = {
    "mobilenet_v2": "mobilenet-v2",
    "mobilenet_v3_large": "mobilenet-v3-large",
    "mobilenet_v3_small": "mobilenet-v3-small",
    "resnet18": "resnet-18",
    "shufflenet_v2_x0_5": "shufflenet-v2:width=0.5",
    "shufflenet_v2_x1_0": "shufflenet-v2",
    "squeezenet1_1": "squeezenet",
}


def picture(side):
    """Values from -2 to 2, counted rows, columns, channels."""
    index = np.arange(side * side * 3, dtype=np.int64)
    pixels = (index * 7919 + index // 97 * 31 + index * index % 251) % 256
    values = ((pixels - 127.5) / 64).astype(np.float32)
    return torch.from_numpy(values.reshape(1, side, side, 3).transpose(0, 3, 1, 2).copy())


def write(folder):
    os.makedirs(folder, exist_ok=True)
    outputs = {}
    for name, architecture in NETWORKS.items():
        torch.manual_seed(1)
        network = torchvision.models.get_model(name).eval()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2)
        torch.save(network.state_dict(), f"{folder}/{name}.pth")
        with torch.no_grad():
            scores = network(picture(224)).ravel()[:32].tolist()
        outputs[f"{name}.pth"] = {"architecture": architecture, "scores": scores}
    with open(f"{folder}/outputs.json", "w") as file:
        json.dump(outputs, file, indent=1, sort_keys=True)
        file.write("\n")


write(*sys.argv[1:])
