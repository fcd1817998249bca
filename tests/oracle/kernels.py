"""Kernels that are normed: steps of training, and predictions before them. PyTorch's spectral_norm keeps two vectors and moves them at its own
times, so that one is compared with algorithm 1 of Miyato et al. 2018; weight_norm with PyTorch's."""

import torch
import torch.nn.functional as F

from common import PRECISIONS, normal, plan, write_model, write_record
from windows import conv

BATCH, STEPS = 4, 8
MODEL = """# Kernels through weight_norm and spectral_norm: eight steps, against PyTorch.
import std.nn

model Oracle {
  dim batch
  input x: f32[batch, 4, 5, 2]
  target y: f32[batch, 3]
  let logits = x
    |> conv2d(4, 3, padding = same, activation = tanh, kernel_norm = spectral_norm()) as conv
    |> flatten()
    |> dense(6, activation = tanh, kernel_norm = weight_norm()) as middle
    |> dense(3, kernel_norm = spectral_norm()) as head
  output logits
  loss mse(logits, y)
  metric error = mse(logits, y)
  train { optimizer = sgd(lr = 0.1, momentum = 0.9); batch = 4; steps = 8 }
}
"""
SIZES = {"conv/kernel": (3, 3, 2, 4), "conv/bias": (4,), "conv/spectral_norm/of/direction": (18,),
         "middle/kernel": (80, 6), "middle/bias": (6,), "middle/weight_norm/length": (6,),
         "head/kernel": (6, 3), "head/bias": (3,), "head/spectral_norm/of/direction": (6,)}


def spectral(kernel, state, path, training):
    matrix = kernel.reshape(-1, kernel.shape[-1])
    with torch.no_grad():
        left = F.normalize(state[path] @ matrix, dim=0)
        right = F.normalize(matrix @ left, dim=0)
        if training:
            state[path] = right
    return kernel / (left @ (right @ matrix))


def net(x, p, training):
    h = conv(padding=1)(x, spectral(p["conv/kernel"], p, "conv/spectral_norm/of/direction", training), p["conv/bias"])
    h = torch.tanh(h).flatten(1)
    weight = torch._weight_norm(p["middle/kernel"].T, p["middle/weight_norm/length"][:, None], 0)
    h = torch.tanh(F.linear(h, weight, p["middle/bias"]))
    return h @ spectral(p["head/kernel"], p, "head/spectral_norm/of/direction", training) + p["head/bias"]


def record_all():
    write_model("kernels", MODEL)
    generator = torch.Generator().manual_seed(37)
    x, y = normal(generator, BATCH * STEPS, 4, 5, 2), normal(generator, BATCH * STEPS, 3)
    initial = {path: (0.5 * normal(generator, *size)).float().double() for path, size in SIZES.items()}
    for precision, dtype in PRECISIONS.items():
        p = {path: value.to(dtype).clone().requires_grad_("direction" not in path) for path, value in initial.items()}
        images, wanted = x.to(dtype), y.to(dtype)
        tensors = {"in/x": x.float(), "in/y": y.float()} | plan([BATCH] * STEPS, STEPS)
        tensors |= {f"slot/{path}": value.detach().clone() for path, value in p.items()}
        tensors["out/logits"] = net(images[:BATCH], p, False)
        optimizer = torch.optim.SGD([value for value in p.values() if value.requires_grad], lr=0.1, momentum=0.9)
        losses = []
        for at in range(0, BATCH * STEPS, BATCH):
            optimizer.zero_grad()
            loss = F.mse_loss(net(images[at : at + BATCH], p, True), wanted[at : at + BATCH])
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        tensors["loss/loss"] = torch.stack(losses)
        tensors |= {f"final/{path}": value for path, value in p.items()}
        tensors["metric/error"] = F.mse_loss(net(images, p, False).double(), y)[None]
        write_record("kernels", precision, tensors)


if __name__ == "__main__":
    record_all()
