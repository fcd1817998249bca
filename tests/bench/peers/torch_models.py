"""The benchmark's networks in PyTorch, with weights of the program under test: linear kernels are transposed, convolutions become OIHW."""
import math

import torch
from torch import nn
from torch.nn import functional as F


def parameter(array):
    return nn.Parameter(array.clone().contiguous())


class Weights:
    """Layers made from arrays by their name."""

    def __init__(self, arrays):
        self.arrays = arrays

    def dense(self, name):
        kernel = self.arrays[name + "/kernel"].flatten(1) if name.endswith(("query", "key", "value")) else self.arrays[name + "/kernel"]
        kernel = kernel.flatten(0, kernel.dim() - 2)
        layer = nn.Linear(*kernel.shape)
        layer.weight = parameter(kernel.t())
        layer.bias = parameter(self.arrays[name + "/bias"].flatten())
        return layer

    def queries_keys_values(self, name):
        """One layer for all three."""
        parts = [self.dense(f"{name}/{n}") for n in ("query", "key", "value")]
        layer = nn.Linear(parts[0].in_features, 3 * parts[0].out_features)
        layer.weight = parameter(torch.cat([p.weight.detach() for p in parts]))
        layer.bias = parameter(torch.cat([p.bias.detach() for p in parts]))
        return layer

    def conv(self, name, stride=1, padding=0):
        kernel = self.arrays[name + "/kernel"]
        height, _, channels, filters = kernel.shape
        bias = self.arrays.get(name + "/bias")
        layer = nn.Conv2d(channels, filters, height, stride, padding, bias=bias is not None)
        layer.weight = parameter(kernel.permute(3, 2, 0, 1))
        if bias is not None:
            layer.bias = parameter(bias)
        return layer

    def norm(self, name, make):
        gamma = self.arrays[name + "/gamma"]
        layer = make(gamma.shape[0])
        layer.weight, layer.bias = parameter(gamma), parameter(self.arrays[name + "/beta"])
        return layer

    def unit(self, name, stride=1, padding=0):
        return nn.Sequential(self.conv(name + "/conv2d", stride, padding), self.norm(name + "/batch_norm", nn.BatchNorm2d))


def mlp(weights, activation):
    names = sorted({name.split("/")[0] for name in weights.arrays})
    layers = []
    for name in names:
        layers += [weights.dense(name), activation()]
    return nn.Sequential(*layers[:-1])


class Lenet(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.conv_1, self.conv_2 = weights.conv("features/conv_1", 1, 2), weights.conv("features/conv_2")
        self.head = nn.Sequential(weights.dense("head/dense"), nn.ReLU(), weights.dense("head/dense_1"), nn.ReLU(),
                                  weights.dense("head/dense_2"))

    def forward(self, image):
        x = image.to(torch.float32).unsqueeze(1) / 255.0
        x = F.max_pool2d(F.relu(self.conv_1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv_2(x)), 2)
        return self.head(x.permute(0, 2, 3, 1).flatten(1))


class Residual(nn.Module):
    def __init__(self, body, skip):
        super().__init__()
        self.body, self.skip = body, skip

    def forward(self, x):
        return F.relu(self.body(x) + self.skip(x))


def images_first(x):
    return x.permute(0, 3, 1, 2)


class Pooled(nn.Module):
    """Images (NHWC) through layers, the mean of all pixels, a linear layer."""

    def __init__(self, body, head):
        super().__init__()
        self.body, self.head = body, head

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))


def resnet20(weights):
    layers = [weights.unit("unit", 1, 1), nn.ReLU()]
    for i in range(9):
        name = "block" + (f"_{i}" if i else "")
        stride = 2 if i in (3, 6) else 1
        body = nn.Sequential(weights.unit(name + "/unit", stride, 1), nn.ReLU(), weights.unit(name + "/unit_1", 1, 1))
        layers.append(Residual(body, weights.unit(name, stride) if stride == 2 else nn.Identity()))
    return Pooled(nn.Sequential(*layers), weights.dense("dense"))


def resnet50(weights):
    layers = [weights.unit("unit", 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    for i in range(16):
        name = "bottleneck" + (f"_{i}" if i else "")
        stride = 2 if i in (3, 7, 13) else 1
        body = nn.Sequential(weights.unit(name + "/unit"), nn.ReLU(), weights.unit(name + "/unit_1", stride, 1), nn.ReLU(),
                             weights.unit(name + "/unit_2"))
        skip = weights.unit(name + "/unit_3", stride) if i in (0, 3, 7, 13) else nn.Identity()
        layers.append(Residual(body, skip))
    return Pooled(nn.Sequential(*layers), weights.dense("dense"))


class Lstm(nn.Module):
    """All states averaged, then a linear layer. PyTorch's second bias stays 0 and is not trained."""

    def __init__(self, weights):
        super().__init__()
        kernel, recurrent, bias = (weights.arrays["lstm/" + name] for name in ("kernel", "recurrent", "bias"))
        inputs, _, units = kernel.shape
        self.lstm, self.head = nn.LSTM(inputs, units, batch_first=True), weights.dense("dense")
        self.lstm.weight_ih_l0 = parameter(kernel.flatten(1).t())
        self.lstm.weight_hh_l0 = parameter(recurrent.flatten(1).t())
        self.lstm.bias_ih_l0 = parameter(bias.flatten())
        self.lstm.bias_hh_l0 = nn.Parameter(torch.zeros(4 * units), requires_grad=False)

    def forward(self, x):
        return self.head(self.lstm(x)[0].mean(1))


def attend(qkv, heads, causal):
    """From [batch, length, 3 width] to [batch, length, width]."""
    batch, length, width = qkv.shape[0], qkv.shape[1], qkv.shape[2] // 3
    q, k, v = (p.view(batch, length, heads, -1).transpose(1, 2) for p in qkv.split(width, dim=2))
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2).reshape(batch, length, width)


class Block(nn.Module):
    def __init__(self, weights, name):
        super().__init__()
        self.heads = weights.arrays[name + "/attention/query/kernel"].shape[1]
        self.norm, self.norm_1 = (weights.norm(name + "/" + n, nn.LayerNorm) for n in ("layer_norm", "layer_norm_1"))
        self.qkv = weights.queries_keys_values(name + "/attention")
        self.out, self.wide, self.narrow = (weights.dense(name + n) for n in ("/attention/out", "/dense", "/dense_1"))

    def forward(self, x):
        x = x + self.out(attend(self.qkv(self.norm(x)), self.heads, True))
        return x + self.narrow(F.gelu(self.wide(self.norm_1(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self, weights):
        super().__init__()
        blocks = len({name.split("/")[1] for name in weights.arrays if name.startswith("body/block")})
        self.words, self.places = parameter(weights.arrays["words/weight"]), parameter(weights.arrays["places/weight"])
        self.blocks = nn.Sequential(*(Block(weights, "body/block" + (f"_{i}" if i else "")) for i in range(blocks)))
        self.norm = weights.norm("body/layer_norm", nn.LayerNorm)

    def forward(self, tokens):
        h = F.embedding(tokens, self.words) + self.places[: tokens.shape[1]]
        return F.linear(self.norm(self.blocks(h)), self.words)


class Gcn(nn.Module):
    """Sums over edges by index_add, degrees counted in each step, as the program under test does."""

    def __init__(self, weights):
        super().__init__()
        self.first, self.second = weights.dense("first"), weights.dense("second")

    @staticmethod
    def layer(x, linear, source, target, degree, share):
        h = F.linear(x, linear.weight)
        y = (h / degree.unsqueeze(1)).index_add(0, target, h.index_select(0, source) * share.unsqueeze(1))
        return y + linear.bias

    def forward(self, x, graph):
        source, target = graph[:, 0], graph[:, 1]
        degree = torch.ones(x.shape[0]).index_add(0, target, torch.ones(graph.shape[0]))
        share = torch.rsqrt(degree[source] * degree[target])
        h = F.relu(self.layer(x, self.first, source, target, degree, share))
        return self.layer(h, self.second, source, target, degree, share)


CASES = {
    "tiny": lambda w: mlp(w, nn.ReLU),
    "small": lambda w: mlp(w, nn.Tanh),
    "mlp": lambda w: mlp(w, nn.ReLU),
    "lenet": Lenet,
    "resnet20": resnet20,
    "resnet50": resnet50,
    "lstm": Lstm,
    "gpt": Gpt,
    "gcn": Gcn,
}
