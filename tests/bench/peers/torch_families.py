"""More of the benchmark's networks in PyTorch: what the field trains beside those of torch_models.py."""
import torch
from torch import nn
from torch.nn import functional as F

from torch_models import Pooled, attend, parameter


def numbered(name, i):
    return name + (f"_{i}" if i else "")


class VitBlock(nn.Module):
    def __init__(self, weights, name):
        super().__init__()
        self.heads = weights.arrays[name + "/attend/query/kernel"].shape[1]
        self.norm_1, self.norm_2 = (weights.norm(f"{name}/{n}", nn.LayerNorm) for n in ("norm_1", "norm_2"))
        self.qkv = weights.queries_keys_values(name + "/attend")
        self.out, self.wide, self.narrow = (weights.dense(name + n) for n in ("/attend/out", "/forward/wide", "/forward/narrow"))

    def forward(self, x):
        x = x + self.out(attend(self.qkv(self.norm_1(x)), self.heads, False))
        return x + self.narrow(F.gelu(self.wide(self.norm_2(x))))


class Vit(nn.Module):
    def __init__(self, weights):
        super().__init__()
        layers = len({name.split("/")[0] for name in weights.arrays if name.startswith("transformer_encoder")})
        self.project = weights.conv("patch_embedding/project", 4)
        self.token, self.place = parameter(weights.arrays["class_token/token"]), parameter(weights.arrays["place/weight"])
        self.blocks = nn.Sequential(*(VitBlock(weights, numbered("transformer_encoder", i)) for i in range(layers)))
        self.norm, self.head = weights.norm("layer_norm", nn.LayerNorm), weights.dense("head")

    def forward(self, image):
        x = self.project(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], 1, -1), x], 1) + self.place
        return self.head(self.norm(self.blocks(x))[:, 0])


class Gru(nn.Module):
    """All states averaged, then a linear layer."""

    def __init__(self, weights):
        super().__init__()
        kernel, recurrent, bias, second = (weights.arrays["gru/" + name] for name in ("kernel", "recurrent", "bias", "recurrent_bias"))
        inputs, _, units = kernel.shape
        self.gru, self.head = nn.GRU(inputs, units, batch_first=True), weights.dense("dense")
        self.gru.weight_ih_l0 = parameter(kernel.flatten(1).t())
        self.gru.weight_hh_l0 = parameter(recurrent.flatten(1).t())
        self.gru.bias_ih_l0, self.gru.bias_hh_l0 = parameter(bias.flatten()), parameter(second.flatten())

    def forward(self, x):
        return self.head(self.gru(x)[0].mean(1))


def depthwise(weights, name, stride):
    kernel = weights.arrays[name + "/kernel"]
    layer = nn.Conv2d(kernel.shape[2], kernel.shape[2], 3, stride, 1, groups=kernel.shape[2], bias=False)
    layer.weight = parameter(kernel.permute(2, 0, 1).unsqueeze(1))
    return layer


class Bottleneck(nn.Module):
    def __init__(self, weights, name, stride):
        super().__init__()
        norm = weights.norm(name + "/batch_norm", nn.BatchNorm2d)
        self.body = nn.Sequential(weights.unit(name + "/unit"), nn.ReLU6(), depthwise(weights, name + "/depthwise_conv2d", stride),
                                  norm, nn.ReLU6(), weights.unit(name + "/unit_1"))
        self.adds = stride == 1 and self.body[0][0].in_channels == self.body[5][0].out_channels

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


def mobilenet(weights):
    layers = [weights.unit("unit", 2, 1), nn.ReLU6()]
    for i, stride in enumerate((1, 2, 1, 2, 1, 2, 1, 1, 1)):
        layers.append(Bottleneck(weights, numbered("bottleneck", i), stride))
    return Pooled(nn.Sequential(*layers, weights.unit("unit_1"), nn.ReLU6()), weights.dense("dense"))


class UNet(nn.Module):
    def __init__(self, weights, name="net"):
        super().__init__()

        def double(part):
            return nn.Sequential(*(layer for i in range(2) for layer in (
                weights.conv(f"{name}/{part}/" + numbered("conv2d", i), 1, 1),
                weights.norm(f"{name}/{part}/" + numbered("batch_norm", i), nn.BatchNorm2d), nn.ReLU())))

        self.down, self.inner = double("down"), None
        if name + "/grow/kernel" in weights.arrays:
            kernel = weights.arrays[name + "/grow/kernel"]
            self.inner, self.up = UNet(weights, name + "/inner"), double("up")
            self.grow = nn.ConvTranspose2d(kernel.shape[3], kernel.shape[2], 2, 2)
            self.grow.weight, self.grow.bias = parameter(kernel.permute(3, 2, 0, 1)), parameter(weights.arrays[name + "/grow/bias"])

    def forward(self, x):
        skip = self.down(x)
        if self.inner is None:
            return skip
        return self.up(torch.cat([skip, self.grow(self.inner(F.max_pool2d(skip, 2)))], 1))


class Pixels(nn.Module):
    """A class for each pixel, classes last."""

    def __init__(self, weights):
        super().__init__()
        self.net, self.head = UNet(weights), weights.conv("head")

    def forward(self, image):
        return self.head(self.net(image)).permute(0, 2, 3, 1)


class Wave(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.convs = nn.ModuleList()
        for i in range(4):
            kernel, bias = (weights.arrays[numbered("conv1d", i) + n] for n in ("/kernel", "/bias"))
            layer = nn.Conv1d(kernel.shape[1], kernel.shape[2], kernel.shape[0], 1 if i else 4, 1 if i else 0)
            layer.weight, layer.bias = parameter(kernel.permute(2, 1, 0)), parameter(bias)
            self.convs.append(layer)
        self.head = weights.dense("dense")

    def forward(self, sound):
        x = sound.transpose(1, 2)
        for i, layer in enumerate(self.convs):
            x = F.relu(layer(x if i == 0 else F.max_pool1d(x, 4)))
        return self.head(x.mean(2))


class Gat(nn.Module):
    """Sums over edges by index_add, scores below that with the largest sender, as the program under test has them."""

    def __init__(self, weights):
        super().__init__()
        self.parts = nn.ParameterDict({n.replace("/", "_"): parameter(a) for n, a in weights.arrays.items()})

    def layer(self, x, name, source, target):
        kernel, send, take, bias = (self.parts[f"{name}_{n}"] for n in ("kernel", "source_weight", "destination_weight", "bias"))
        h = (x @ kernel.flatten(1)).view(x.shape[0], *kernel.shape[1:])
        sends, takes = (h * send).sum(2), (h * take).sum(2)
        most = F.leaky_relu(takes + sends.amax(0), 0.2).detach()
        own = torch.exp(F.leaky_relu(sends + takes, 0.2) - most)
        scores = F.leaky_relu(sends.index_select(0, source) + takes.index_select(0, target), 0.2)
        weight = torch.exp(scores - most.index_select(0, target))
        total = own.index_add(0, target, weight)
        sent = (h * own.unsqueeze(2)).index_add(0, target, h.index_select(0, source) * weight.unsqueeze(2))
        return (sent / total.unsqueeze(2)).flatten(1) + bias

    def forward(self, x, graph):
        source, target = graph[:, 0], graph[:, 1]
        return self.layer(F.elu(self.layer(x, "first", source, target)), "second", source, target)


CASES = {"vit": Vit, "gru": Gru, "mobilenet": mobilenet, "unet": Pixels, "wave": Wave, "gat": Gat}
