"""Training runs: twenty steps of a small network under each optimizer and schedule."""

import math

import torch
import torch.nn.functional as F

from common import PRECISIONS, normal, plan, write_model, write_record

INPUTS, HIDDEN, CLASSES, BATCH, STEPS, EPOCH_STEPS = 10, 17, 5, 8, 20, 5

MODEL = """# {title}: {steps} steps of an MLP, against PyTorch.
import std.nn

model Oracle {{
  dim batch
  input  x: f32[batch, {inputs}]
  target y: i32[batch]
  let logits = x{stages} |> dense({hidden}, activation = {activation}) as hidden |> dense({classes}) as head
  output logits
  loss   {loss}
  metric accuracy(logits, y)
  metric top_k(logits, y, k = 2)
  metric perplexity(logits, y)
  train {{ optimizer = {optimizer}; batch = {batch}; steps = {steps}{settings} }}
}}
"""


def cosine(lr, floor=0.0):
    return lambda t, total: floor + 0.5 * (lr - floor) * (1 + math.cos(math.pi * t / total))


def warmup(inner, steps):
    return lambda t, total: inner(0, total - steps) * (t + 1) / steps if t < steps else inner(t - steps, total - steps)


def stepped(make):
    """The learning rates that one of PyTorch's schedulers gives from 1.0 on."""

    def rate(t, total):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler = make(optimizer, total)
        for _ in range(t):
            optimizer.step()
            scheduler.step()
        return scheduler.get_last_lr()[0]

    return rate


def scaled(lr, make):
    rate = stepped(make)
    return lambda t, total: lr * rate(t, total)


def restarts(lr, first, multiple):
    rate = stepped(lambda optimizer, total: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, first, multiple))
    return lambda t, total: lr * rate(t, total)


def one_cycle(peak):
    return stepped(lambda optimizer, total: torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, total_steps=total))


class Lion(torch.optim.Optimizer):
    """PyTorch has none: the update of Chen et al. 2023, algorithm 2."""

    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta_1, beta_2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                update = (beta_1 * m + (1 - beta_1) * p.grad).sign()
                p -= group["lr"] * (update + group["weight_decay"] * p)
                m.copy_(beta_2 * m + (1 - beta_2) * p.grad)


class Muon(torch.optim.Optimizer):
    """The update of Jordan et al. 2024 (github.com/KellerJordan/Muon) for kernels that are [inputs, outputs], in the parameter's
    precision throughout; vectors move by -vector_lr g."""

    def __init__(self, params, lr=0.02, momentum=0.95, nesterov=True, weight_decay=0.0, vector_lr=0.1):
        super().__init__(params, {"lr": lr, "momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay, "vector_lr": vector_lr})

    @staticmethod
    def orthogonal(g, rounds=5):
        x = g.T if g.shape[0] > g.shape[1] else g
        x = x / (x.norm() + 1e-7)
        for _ in range(rounds):
            a = x @ x.T
            x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
        return x.T if g.shape[0] > g.shape[1] else x

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim < 2:
                    p -= group["vector_lr"] * p.grad
                    continue
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                m.lerp_(p.grad, 1 - group["momentum"])
                g = p.grad.lerp(m, group["momentum"]) if group["nesterov"] else m
                scale = max(1.0, p.shape[1] / p.shape[0]) ** 0.5
                p *= 1 - group["lr"] * group["weight_decay"]
                p -= group["lr"] * scale * self.orthogonal(g)


def sgd(lr, **options):
    return lambda params: torch.optim.SGD(params, lr=lr, **options)


# name: (optimizer in .nnet, PyTorch's, schedule or None)
OPTIMIZERS = {
    "sgd": ("sgd(lr = 0.1)", sgd(0.1), None),
    "sgd_l2": ("sgd(lr = 0.1, l2 = 0.01)", sgd(0.1, weight_decay=0.01), None),
    "sgd_momentum": ("sgd(lr = 0.05, momentum = 0.9, l2 = 0.001)", sgd(0.05, momentum=0.9, weight_decay=0.001), None),
    "sgd_nesterov": ("sgd(lr = 0.05, momentum = 0.9, nesterov = true)", sgd(0.05, momentum=0.9, nesterov=True), None),
    "rmsprop": ("rmsprop(lr = 0.003)", lambda p: torch.optim.RMSprop(p, lr=0.003, alpha=0.9, eps=1e-8), None),
    "adam": ("adam(lr = 0.01)", lambda p: torch.optim.Adam(p, lr=0.01), None),
    "adam_l2": (
        "adam(lr = 0.01, beta_1 = 0.8, beta_2 = 0.99, eps = 1e-6, l2 = 0.02)",
        lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.02),
        None,
    ),
    "adamw": ("adamw(lr = 0.01, weight_decay = 0.1)", lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1), None),
    "adagrad": ("adagrad(lr = 0.05)", lambda p: torch.optim.Adagrad(p, lr=0.05), None),
    "lion": ("lion(lr = 0.003, weight_decay = 0.1)", lambda p: Lion(p, lr=0.003, weight_decay=0.1), None),
}

VECTORS = '; group "*/bias" { optimizer = sgd(lr = 0.1) }'
# The same with other settings in the train block.
MUONS = {
    "muon": ("muon()", lambda p: Muon(p)),
    "muon_plain": ("muon(lr = 0.01, momentum = 0.9, nesterov = false, weight_decay = 0.1)",
                   lambda p: Muon(p, lr=0.01, momentum=0.9, nesterov=False, weight_decay=0.1)),
}


def grouped(params):
    """The parameters come as hidden/kernel, hidden/bias, head/kernel, head/bias; for head/bias the last group counts."""
    return torch.optim.SGD([{"params": params[0], "weight_decay": 0.02}, {"params": params[1]},
                            {"params": params[2], "weight_decay": 0.02, "lr": 0.03}, {"params": params[3]}], lr=0.1)


MOMENTUM = sgd(1.0, momentum=0.9)
SCHEDULES = {
    "cosine": ("cosine(0.1, floor = 0.01)", cosine(0.1, 0.01)),
    "step_decay": ("step_decay(0.1, every = 6, gamma = 0.3)", lambda t, total: 0.1 * 0.3 ** (t // 6)),
    "step_decay_epoch": ("step_decay(0.1, every = epoch(2))", lambda t, total: 0.1 * 0.1 ** (t // (2 * EPOCH_STEPS))),
    "exponential": ("exponential(0.1, every = 4, gamma = 0.5)", lambda t, total: 0.1 * 0.5 ** (t / 4)),
    "polynomial": (
        "polynomial(0.1, power = 2.0, floor = 0.001)",
        lambda t, total: 0.001 + 0.099 * (1 - t / total) ** 2,
    ),
    "constant_lr": ("constant_lr(0.1)", lambda t, total: 0.1),
    "piecewise": ("piecewise([0.1, 0.05, 0.01], boundaries = [4, epoch(2)])", scaled(0.1, lambda optimizer, total:
                  torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1.0 if t < 4 else 0.5 if t < 2 * EPOCH_STEPS else 0.1))),
    "piecewise_steps": ("piecewise([0.1, 0.01, 0.001], boundaries = [6, 13])", scaled(0.1, lambda optimizer, total:
                        torch.optim.lr_scheduler.MultiStepLR(optimizer, [6, 13], gamma=0.1))),
    "exponential_steps": ("exponential(0.1, every = 1, gamma = 0.9)", scaled(0.1, lambda optimizer, total:
                          torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9))),
    "polynomial_zero": ("polynomial(0.1, power = 2.0)", scaled(0.1, lambda optimizer, total:
                        torch.optim.lr_scheduler.PolynomialLR(optimizer, total, power=2.0))),
    "one_cycle_early": ("one_cycle(0.1, pct_start = 0.2, div_factor = 10.0, final_div_factor = 100.0)", stepped(lambda optimizer, total:
                        torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=total, pct_start=0.2, div_factor=10.0,
                                                            final_div_factor=100.0))),
    "cosine_restarts": ("cosine_restarts(0.1, first = 3)", restarts(0.1, 3, 2)),
    "cosine_restarts_even": ("cosine_restarts(0.1, first = 4, t_mult = 1.0)", restarts(0.1, 4, 1)),
    "warmup": ("warmup(cosine(0.1), 7)", warmup(cosine(0.1), 7)),
    "warmup_cosine": ("warmup_cosine(0.1, warmup = 6, floor = 0.002)", warmup(cosine(0.1, 0.002), 6)),
    "one_cycle": ("one_cycle(0.1)", one_cycle(0.1)),
    "noam": ("noam(64, warmup = 6)", lambda t, total: 64**-0.5 * min((t + 1) ** -0.5, (t + 1) * 6**-1.5)),
}


def start(generator):
    def uniform(rows, columns):
        bound = math.sqrt(6 / (rows + columns))
        return (torch.rand(rows, columns, generator=generator) * 2 - 1).mul(bound).float().double()

    return {
        "hidden/kernel": uniform(INPUTS, HIDDEN),
        "hidden/bias": normal(generator, HIDDEN) * 0.125,
        "head/kernel": uniform(HIDDEN, CLASSES),
        "head/bias": normal(generator, CLASSES) * 0.125,
    }


def record(name, optimizer_text, make_optimizer, schedule=None, batches=None, activation=("relu", torch.relu),
           loss=("sparse_cross_entropy(logits, y)", F.cross_entropy), standardize=False,
           settings="", clip=None):
    batches = batches or [BATCH] * STEPS
    write_model(name, MODEL.format(
        title=name, inputs=INPUTS, hidden=HIDDEN, classes=CLASSES, batch=BATCH, steps=len(batches), loss=loss[0],
        settings=settings, optimizer=optimizer_text, activation=activation[0], stages=" |> standardize() as scale" if standardize else ""))
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    samples = sum(batches)
    x = normal(generator, samples, INPUTS) * (3.0 if standardize else 1.0) + (2.0 if standardize else 0.0)
    x = x.float()
    y = torch.randint(0, CLASSES, (samples,), generator=generator)
    initial = start(generator)
    for precision, dtype in PRECISIONS.items():
        run(name, precision, dtype, batches, x, y, initial, make_optimizer, schedule, activation[1], loss[1], standardize, clip)


def run(name, precision, dtype, batches, x, y, initial, make_optimizer, schedule, activate, loss_of, standardize, clip):
    p = {path: value.to(dtype).requires_grad_() for path, value in initial.items()}
    data = x.to(dtype)
    if standardize:
        data = ((x.double() - x.double().mean(0)) / x.double().std(0, unbiased=False)).to(dtype)

    def logits_of(rows):
        return activate(rows @ p["hidden/kernel"] + p["hidden/bias"]) @ p["head/kernel"] + p["head/bias"]

    tensors = {"in/x": x, "in/y": y.int()} | {f"slot/{path}": value.clone() for path, value in p.items()}
    tensors |= plan(batches, EPOCH_STEPS)
    tensors["out/logits"] = logits_of(data[: batches[0]])
    optimizer = make_optimizer(list(p.values()))
    losses, at = [], 0
    for step, size in enumerate(batches):
        if schedule:
            optimizer.param_groups[0]["lr"] = schedule(step, len(batches))
        optimizer.zero_grad()
        loss = loss_of(logits_of(data[at : at + size]), y[at : at + size])
        loss.backward()
        if clip:
            clip(p.values())
        optimizer.step()
        losses.append(loss.detach())
        at += size
    tensors["loss/loss"] = torch.stack(losses)
    tensors |= {f"final/{path}": value for path, value in p.items()}
    with torch.no_grad():
        logits = logits_of(data).double()
        own = logits.gather(1, y[:, None])
        tensors["metric/accuracy"] = (logits.argmax(1) == y).double().mean()[None]
        tensors["metric/top_k"] = ((logits > own).sum(1) < 2).double().mean()[None]
        tensors["metric/perplexity"] = F.cross_entropy(logits, y).exp()[None]
    write_record(name, precision, tensors)


NORMED = """# Batch normalization: twenty steps with the batches' statistics, then evaluation with the running ones.
import std.nn

model Oracle {{
  dim batch
  input x: f32[batch, {inputs}]
  target y: i32[batch]
  let logits = x
    |> dense({hidden}, bias = false) as hidden
    |> batch_norm() as norm
    |> relu
    |> dense({classes}) as head
  output logits
  loss sparse_cross_entropy(logits, y)
  metric accuracy(logits, y)
  metric perplexity(logits, y)
  train {{
    optimizer = adam(lr = 0.01)
    batch = {batch}
    steps = {steps}
  }}
}}
"""


def record_normed():
    write_model("normed", NORMED.format(inputs=INPUTS, hidden=HIDDEN, classes=CLASSES, batch=BATCH, steps=STEPS))
    generator = torch.Generator().manual_seed(7)
    x = normal(generator, BATCH * STEPS, INPUTS).float() + 1.0
    y = torch.randint(0, CLASSES, (BATCH * STEPS,), generator=generator)
    initial = start(generator)
    for precision, dtype in PRECISIONS.items():
        hidden = torch.nn.Linear(INPUTS, HIDDEN, bias=False, dtype=dtype)
        norm = torch.nn.BatchNorm1d(HIDDEN, dtype=dtype)
        head = torch.nn.Linear(HIDDEN, CLASSES, dtype=dtype)
        with torch.no_grad():
            hidden.weight.copy_(initial["hidden/kernel"].T)
            head.weight.copy_(initial["head/kernel"].T)
            head.bias.copy_(initial["head/bias"])
        net = torch.nn.Sequential(hidden, norm, torch.nn.ReLU(), head)

        def slots(prefix):
            values = {"hidden/kernel": hidden.weight.T, "head/kernel": head.weight.T, "head/bias": head.bias, "norm/gamma": norm.weight,
                      "norm/beta": norm.bias, "norm/running_mean": norm.running_mean, "norm/running_variance": norm.running_var}
            return {f"{prefix}/{path}": value.detach().clone() for path, value in values.items()}

        data = x.to(dtype)
        tensors = {"in/x": x, "in/y": y.int()} | plan([BATCH] * STEPS, EPOCH_STEPS) | slots("slot")
        net.eval()
        tensors["out/logits"] = net(data[:BATCH])
        net.train()
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        losses = []
        for rows, classes in zip(data.split(BATCH), y.split(BATCH)):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(rows), classes)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        net.eval()
        logits = net(data).double()
        tensors |= slots("final") | {"loss/loss": torch.stack(losses)}
        tensors["metric/accuracy"] = (logits.argmax(1) == y).double().mean()[None]
        tensors["metric/perplexity"] = F.cross_entropy(logits, y).exp()[None]
        write_record("normed", precision, tensors)


def record_all():
    record_normed()
    for name, (text, make, schedule) in OPTIMIZERS.items():
        record(name, text, make, schedule)
    for name, (text, make) in MUONS.items():
        record(name, text, make, settings=VECTORS)
    for name, (text, rate) in SCHEDULES.items():
        record(name, f"sgd(lr = {text}, momentum = 0.9)", MOMENTUM, rate)
    adam = OPTIMIZERS["adam"]
    record("ragged_batches", adam[0], adam[1], batches=[8, 3, 1, 8, 5, 1, 1, 8, 7, 2, 33, 8, 1, 3, 64, 8, 8, 6, 4, 1])
    record("fitted", adam[0], adam[1], standardize=True, activation=("tanh", torch.tanh))
    record("smoothed", adam[0], adam[1], activation=("gelu", F.gelu),
           loss=("sparse_cross_entropy(logits, y, label_smoothing = 0.1)",
                 lambda logits, y: F.cross_entropy(logits, y, label_smoothing=0.1)))
    momentum = OPTIMIZERS["sgd_momentum"]
    record("clip_norm", momentum[0], momentum[1], settings="; clip_norm = 0.3",
           clip=lambda params: torch.nn.utils.clip_grad_norm_(params, 0.3))
    record("clip_value", momentum[0], momentum[1], settings="; clip_value = 0.02",
           clip=lambda params: torch.nn.utils.clip_grad_value_(params, 0.02))
    record("grouped", "sgd(lr = 0.1, l2 = 0.02)", grouped,
           settings='; group "head/*" { lr = 0.03 }; group "*/bias" { l2 = 0.0 }')
    record("ignored", OPTIMIZERS["sgd"][0], OPTIMIZERS["sgd"][1],
           loss=("sparse_cross_entropy(logits, y, ignore_index = 2)",
                 lambda logits, y: F.cross_entropy(logits, y, ignore_index=2)))
