"""Five steps of SGD with Nesterov momentum on a tiny network, by PyTorch in float64.

Writes Tests/SwiftletTrainingTests/Fixtures/torch_steps.safetensors: the pictures and labels of every step, the
parameters before and after, the losses. The test trains the same network with Swiftlet and compares.

    pip install torch numpy safetensors
    python tools/reference/torch_steps.py
"""
import pathlib

import torch
import torch.nn as nn
from safetensors.torch import save_file

STEPS, BATCH, SIDE, CLASSES = 5, 6, 8, 5
torch.manual_seed(7)
torch.set_default_dtype(torch.float64)


def convolution(inputs, outputs, kernel, stride=1, groups=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)


class Network(nn.Module):
    """Stem, an inverted residual with a shortcut, a strided depthwise stage, a classifier."""

    def __init__(self):
        super().__init__()
        for name, layer in [
            ("stem", convolution(3, 8, 3)),
            ("expand", convolution(8, 24, 1)),
            ("depthwise", convolution(24, 24, 3, groups=24)),
            ("project", convolution(24, 8, 1)),
            ("widen", convolution(8, 20, 1)),
            ("reduce", convolution(20, 20, 3, stride=2, groups=20)),
        ]:
            setattr(self, name, layer)
            setattr(self, name + "_bn", nn.BatchNorm2d(layer.out_channels))
        self.classifier = nn.Linear(20, CLASSES)

    def forward(self, x):
        def layer(name, x, activation):
            return activation(getattr(self, name + "_bn")(getattr(self, name)(x)))

        relu6, relu, linear = nn.functional.relu6, nn.functional.relu, lambda v: v
        x = layer("stem", x, relu6)
        x = x + layer("project", layer("depthwise", layer("expand", x, relu6), relu6), linear)
        x = layer("reduce", layer("widen", x, relu), relu)
        return self.classifier(x.mean((2, 3)))


network = Network()
with torch.no_grad():  # Away from 1 and 0, so that every parameter matters.
    for name, parameter in network.named_parameters():
        if "_bn" in name:
            parameter.add_(torch.randn_like(parameter) * 0.2)


def state():
    return {
        name: value.to(torch.float32).contiguous().clone()
        for name, value in network.state_dict().items()
        if "num_batches" not in name
    }


# What float32 can hold is where both begin.
network.load_state_dict({name: value.to(torch.float64) for name, value in state().items()}, strict=False)
tensors = {"before." + name: value for name, value in state().items()}
decayed = [p for name, p in network.named_parameters() if p.dim() > 1]
others = [p for name, p in network.named_parameters() if p.dim() == 1]
optimizer = torch.optim.SGD(
    [{"params": decayed, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0.0}],
    lr=0.1, momentum=0.9, nesterov=True)
pictures = torch.randn(STEPS, BATCH, 3, SIDE, SIDE).to(torch.float32)
labels = torch.randint(0, CLASSES, (STEPS, BATCH))
losses = []
for step in range(STEPS):
    optimizer.zero_grad()
    scores = network(pictures[step].to(torch.float64))
    loss = nn.functional.cross_entropy(scores, labels[step], label_smoothing=0.1)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

tensors |= {"after." + name: value for name, value in state().items()}
tensors["pictures"] = pictures.permute(0, 1, 3, 4, 2).contiguous()
tensors["labels"] = labels.to(torch.float32)
tensors["losses"] = torch.tensor(losses, dtype=torch.float32)
fixtures = pathlib.Path(__file__).resolve().parents[2] / "Tests/SwiftletTrainingTests/Fixtures"
fixtures.mkdir(exist_ok=True)
save_file(tensors, fixtures / "torch_steps.safetensors", metadata={"torch": torch.__version__.split("+")[0]})
print(losses)
