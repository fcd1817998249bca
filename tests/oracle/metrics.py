"""Metrics of two classes and of numbers, over batches of different sizes; the weights stay as they are."""

import torch

from common import PRECISIONS, normal, plan, write_model, write_record

BATCHES = [4, 7, 1, 4]
MODEL = """# Metrics over batches of different sizes.
import std.nn

model Oracle {
  dim batch
  input  x: f32[batch, 3]
  target y: f32[batch, 3]
  let z = x |> dense(3) as scale
  output z
  loss   mse(z, y)
  metric binary_accuracy(z, y)
  metric binary_accuracy_above = binary_accuracy(z, y, threshold = 0.5)
  metric precision(z, y)
  metric recall(z, y)
  metric f1(z, y)
  metric rmse(z, y)
  metric r2(z, y)
  metric absolute = mae(z, y)
  train { optimizer = sgd(lr = 0.0); batch = 4; steps = 4 }
}
"""


def record_all():
    write_model("metrics", MODEL)
    generator = torch.Generator().manual_seed(4)
    x = normal(generator, sum(BATCHES), 3).float()
    y = (torch.rand(sum(BATCHES), 3, generator=generator) < 0.4).float()
    kernel, bias = normal(generator, 3, 3), normal(generator, 3)
    for precision, dtype in PRECISIONS.items():
        z = x.to(dtype) @ kernel.to(dtype) + bias.to(dtype)
        t = y.to(dtype)
        hit = ((z > 0) & (t > 0.5)).sum().double()
        predicted, positives = (z > 0).sum().double(), (t > 0.5).sum().double()
        squares = ((z - t) ** 2).double()
        values = {
            "binary_accuracy": ((z > 0) == (t > 0.5)).double().mean(),
            "binary_accuracy_above": ((z > 0.5) == (t > 0.5)).double().mean(),
            "precision": hit / predicted,
            "recall": hit / positives,
            "f1": 2 * hit / (predicted + positives),
            "rmse": squares.mean().sqrt(),
            "r2": 1 - squares.sum() / ((t - t.mean()) ** 2).double().sum(),
            "absolute": (z - t).abs().double().mean(),
        }
        losses = [((a - b) ** 2).mean() for a, b in zip(z.split(BATCHES), t.split(BATCHES))]
        slots = {"scale/kernel": kernel.to(dtype), "scale/bias": bias.to(dtype)}
        write_record("metrics", precision, {"in/x": x, "in/y": y, "out/z": z[: BATCHES[0]], "loss/loss": torch.stack(losses)}
                     | plan(BATCHES, 4)
                     | {f"slot/{path}": value for path, value in slots.items()}
                     | {f"final/{path}": value for path, value in slots.items()}
                     | {f"metric/{name}": value[None] for name, value in values.items()})
