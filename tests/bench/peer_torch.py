"""PyTorch's step on the same network: peer_torch.py MODEL BATCH THREADS [SECONDS] prints the median step in microseconds."""
import sys
import time

import torch
from torch import nn

name, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 1.0
mode = sys.argv[5] if len(sys.argv) > 5 else "eager"
torch.set_num_threads(threads)
torch.manual_seed(0)


def mlp(sizes, act):
    layers = []
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        if i < len(sizes) - 2:
            layers.append(act())
    return nn.Sequential(*layers)


class Lstm(nn.Module):
    """All states averaged, then a linear layer."""

    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(64, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0].mean(1))

class Block(nn.Module):
    """A residual unit of ResNet-20, with a projection where the shape changes."""

    def __init__(self, channels, filters, stride):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters)
        self.conv2, self.norm2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters)
        same = stride == 1 and channels == filters
        self.skip = nn.Identity() if same else nn.Sequential(
            nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))

    def forward(self, x):
        y = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        return torch.relu(y + self.skip(x))


def resnet20():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    channels = 16
    for filters in (16, 32, 64):
        for i in range(3):
            layers.append(Block(channels, filters, 2 if i == 0 and filters > 16 else 1))
            channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def lenet():
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                         nn.Linear(84, 10))


cases = {
    "tiny": (mlp([10, 64, 32, 2], nn.ReLU), 10, 2, lambda p: torch.optim.Adam(p, 1e-3)),
    "small": (mlp([4, 32, 16, 4], nn.Tanh), 4, 4, lambda p: torch.optim.Adam(p, 1e-3)),
    "mlp_sgd": (mlp([784, 512, 10], nn.ReLU), 784, 10, lambda p: torch.optim.SGD(p, 0.01)),
    "lenet": (lenet(), (1, 28, 28), 10, lambda p: torch.optim.Adam(p, 1e-3)),
    "resnet20": (resnet20(), (3, 32, 32), 10, lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)),
    "mlp_adam": (mlp([784, 512, 10], nn.ReLU), 784, 10, lambda p: torch.optim.Adam(p, 1e-3)),
    "lstm": (Lstm(), (100, 64), 10, lambda p: torch.optim.Adam(p, 1e-3)),
}
net, features, classes, make = cases[name]
optimizer = make(net.parameters())
loss_fn = nn.CrossEntropyLoss()
x = torch.rand(batch, *(features if isinstance(features, tuple) else (features,))) - 0.5
if mode == "nhwc":  # channels last, the faster of the two layouts for small images
    net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
y = torch.randint(classes, (batch,))


def forward_backward():
    optimizer.zero_grad(set_to_none=True)
    loss = loss_fn(net(x), y)
    loss.backward()
    return loss


run = torch.compile(forward_backward) if mode == "compile" else forward_backward
samples = []
begin = time.perf_counter()
for _ in range(10):
    run()
    optimizer.step()
begin = time.perf_counter()
while time.perf_counter() < begin + seconds or len(samples) < 10:
    start = time.perf_counter()
    run()
    optimizer.step()
    samples.append(time.perf_counter() - start)
samples.sort()
print(f"{samples[len(samples) // 2] * 1e6:.3f}")
