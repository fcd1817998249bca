"""Metrics over batches of different sizes, against scikit-learn on all samples at once; the weights stay as they are."""

import math

import torch
import torch.nn.functional as F
from sklearn import metrics as sk

from common import PRECISIONS, normal, plan, write_model, write_record

BATCHES = [4, 7, 1, 4]
BINARY = """# Metrics of two classes and of numbers, over batches of different sizes.
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
  metric precision_above = precision(z, y, threshold = 0.5)
  metric recall(z, y)
  metric f1(z, y)
  metric f1_none = f1(z, y, threshold = 1e9)
  metric auc(z, y)
  metric auc_ten = auc(z, y, bins = 10)
  metric auc_probs = auc(sigmoid(z), y, probs = true)
  metric specificity(z, y)
  metric matthews(z, y)
  metric rmse(z, y)
  metric r2(z, y)
  metric absolute = mae(z, y)
  metric cross = bce_with_logits(z, y, pos_weight = 2.0)
  train { optimizer = sgd(lr = 0.0); batch = 4; steps = 4 }
}
"""

CLASSES, FEATURES = 6, 5
SEVERAL = f"""# Metrics of several classes, over batches of different sizes. Class 4 occurs and is never predicted, class 5 neither.
import std.nn

model Oracle {{
  dim batch
  input  x: f32[batch, {FEATURES}]
  target y: i32[batch]
  let z = x |> dense({CLASSES}) as scale
  output z
  loss   sparse_cross_entropy(z, y)
  metric accuracy(z, y)
  metric top_k(z, y, k = 3)
  metric confusion_matrix(z, y)
  metric mean_iou(z, y)
  metric macro_precision(z, y)
  metric macro_recall(z, y)
  metric macro_f1(z, y)
  metric balanced_accuracy(z, y)
  metric perplexity(z, y)
  metric weighted = sparse_cross_entropy(z, y, weights = [1.0, 2.0, 0.5, 1.5, 3.0, 1.0], ignore_index = 0)
  train {{ optimizer = sgd(lr = 0.0); batch = 4; steps = 4 }}
}}
"""


def record(name, precision, x, y, slots, z, losses, values):
    """What a case with unchanging weights gives; values are of all samples."""
    write_record(name, precision, {"in/x": x, "in/y": y, "out/z": z[: BATCHES[0]], "loss/loss": torch.stack(losses)}
                 | plan(BATCHES, 4)
                 | {f"slot/{path}": value for path, value in slots.items()}
                 | {f"final/{path}": value for path, value in slots.items()}
                 | {f"metric/{name}": torch.as_tensor(value, dtype=torch.float64).reshape(-1) for name, value in values.items()})


def binned(p, bins):
    return (p * bins).floor().clamp(max=bins - 1)


def record_binary():
    write_model("metrics", BINARY)
    generator = torch.Generator().manual_seed(4)
    x = normal(generator, sum(BATCHES), 3).float()
    y = (torch.rand(sum(BATCHES), 3, generator=generator) < 0.4).float()
    kernel, bias = normal(generator, 3, 3), normal(generator, 3)
    for precision, dtype in PRECISIONS.items():
        z = x.to(dtype) @ kernel.to(dtype) + bias.to(dtype)
        t = y.to(dtype)
        ours, truth, p = z.double().flatten(), y.flatten().numpy() > 0.5, torch.sigmoid(z).flatten()
        above, higher = (ours > 0).numpy(), (ours > 0.5).numpy()
        values = {
            "binary_accuracy": sk.accuracy_score(truth, above),
            "binary_accuracy_above": sk.accuracy_score(truth, higher),
            "precision": sk.precision_score(truth, above),
            "precision_above": sk.precision_score(truth, higher),
            "recall": sk.recall_score(truth, above),
            "f1": sk.f1_score(truth, above),
            "f1_none": 0.0,
            "auc": sk.roc_auc_score(truth, binned(p, 200)),
            "auc_ten": sk.roc_auc_score(truth, binned(p, 10)),
            "auc_probs": sk.roc_auc_score(truth, binned(p, 200)),
            "specificity": sk.recall_score(truth, above, pos_label=0),
            "matthews": sk.matthews_corrcoef(truth, above),
            "rmse": sk.root_mean_squared_error(y.flatten(), ours),
            "r2": sk.r2_score(y.flatten(), ours),
            "absolute": sk.mean_absolute_error(y.flatten(), ours),
            "cross": F.binary_cross_entropy_with_logits(ours, y.flatten().double(), pos_weight=torch.tensor(2.0)),
        }
        losses = [((a - b) ** 2).mean() for a, b in zip(z.split(BATCHES), t.split(BATCHES))]
        record("metrics", precision, x, y, {"scale/kernel": kernel.to(dtype), "scale/bias": bias.to(dtype)}, z, losses, values)


def record_several():
    write_model("metrics_classes", SEVERAL)
    generator = torch.Generator().manual_seed(6)
    x = normal(generator, sum(BATCHES), FEATURES).float()
    kernel = normal(generator, FEATURES, CLASSES)
    bias = torch.tensor([0.5, 0.0, -0.5, 0.0, -9.0, -9.0], dtype=torch.float64)
    y = torch.randint(0, 5, (sum(BATCHES),), generator=generator)
    y[0] = 4
    weight = torch.tensor([1.0, 2.0, 0.5, 1.5, 3.0, 1.0], dtype=torch.float64)
    for precision, dtype in PRECISIONS.items():
        z = x.to(dtype) @ kernel.to(dtype) + bias.to(dtype)
        chosen, logits, labels = z.argmax(1), z.double(), list(range(CLASSES))
        values = {
            "accuracy": sk.accuracy_score(y, chosen),
            "top_k": sk.top_k_accuracy_score(y, logits, k=3, labels=labels),
            "confusion_matrix": sk.confusion_matrix(y, chosen, labels=labels),
            "mean_iou": sk.jaccard_score(y, chosen, average="macro"),
            "macro_precision": sk.precision_score(y, chosen, average="macro", zero_division=0),
            "macro_recall": sk.recall_score(y, chosen, average="macro", zero_division=0),
            "macro_f1": sk.f1_score(y, chosen, average="macro", zero_division=0),
            "balanced_accuracy": sk.balanced_accuracy_score(y, chosen),
            "perplexity": math.exp(sk.log_loss(y, torch.softmax(logits, 1), labels=labels)),
            "weighted": F.cross_entropy(logits, y, weight=weight, ignore_index=0),
        }
        losses = [F.cross_entropy(a, b) for a, b in zip(z.split(BATCHES), y.split(BATCHES))]
        record("metrics_classes", precision, x, y.int(), {"scale/kernel": kernel.to(dtype), "scale/bias": bias.to(dtype)}, z, losses, values)


def record_all():
    record_binary()
    record_several()
