"""Several minimize lines, tied weights and losses inside layers: twenty steps each."""

import torch
import torch.nn.functional as F

from common import PRECISIONS, normal, plan, write_model, write_record

INPUTS, OUTPUTS, BATCH, STEPS, EPOCH_STEPS = 6, 3, 8, 20, 5

LINES = f"""# Two networks that train against each other, each by its own line, with averages of the parameters.
import std.nn

model Oracle {{
  dim batch
  input x: f32[batch, {INPUTS}]
  target y: f32[batch, {OUTPUTS}]
  part maker = chain(dense(7, activation = tanh) as hidden, dense({OUTPUTS}) as head)
  part judge = chain(dense(5, activation = tanh) as seen, dense(1) as verdict)
  let made = maker(cast(x, real))
  output made
  let real_ones = full([batch, 1], 1.0)
  loss j_loss = bce_with_logits(judge(cast(y, real)), 0.9 * real_ones) + bce_with_logits(judge(stop_grad(made)), 0.0 * real_ones)
  loss m_loss = bce_with_logits(judge(made), real_ones) + 0.5 * mse(made, cast(y, real))
  train {{
    minimize j_loss over judge with adam(lr = 0.02, beta_1 = 0.5)
    minimize m_loss over maker with sgd(lr = 0.1, momentum = 0.9)
    group "*/bias" {{ lr = 0.05 }}
    batch = {BATCH}
    steps = {STEPS}
    clip_norm = 0.4
    ema = 0.8
  }}
}}
"""

INNER = f"""# An autoencoder with tied weights whose layers add losses of their own; one has a name, one is weighted.
import std.nn

layer code(units: int)(x: real[batch, D], w: real[batch]) -> real[batch, units] {{
  param kernel: real[D, units] = zeros()
  param bias: real[units] = zeros()
  let c = tanh(x @ kernel .+ bias)
  loss spread = 0.1 * mean(c * c)
  loss 0.05 * weighted_mean(mean(abs(c), axis = 1), w)
  return c
}}

model Oracle {{
  dim batch
  input x: f32[batch, {INPUTS}]
  target w: f32[batch]
  part encoder = code(4)
  param offset: real[{INPUTS}] = zeros()
  let c = encoder(cast(x, real), cast(w, real))
  output back = einsum(c, encoder.kernel, "b c, d c -> b d") .+ offset
  loss error = mse(back, cast(x, real))
  train {{ optimizer = adam(lr = 0.02); batch = {BATCH}; steps = {STEPS}; clip_value = 0.05 }}
}}
"""


def tensors_for(x, params, **others):
    tensors = {"in/x": x.float()} | {f"in/{name}": value.float() for name, value in others.items()}
    return tensors | {f"slot/{path}": value for path, value in params.items()} | plan([BATCH] * STEPS, EPOCH_STEPS)


def batches(*data):
    for step in range(STEPS):
        yield step, *(value[step * BATCH:(step + 1) * BATCH] for value in data)


def dense(p, path, x):
    return x @ p[f"{path}/kernel"] + p[f"{path}/bias"]


def record_lines():
    write_model("lines", LINES)
    generator = torch.Generator().manual_seed(11)
    sizes = {"maker/hidden": (INPUTS, 7), "maker/head": (7, OUTPUTS), "judge/seen": (OUTPUTS, 5), "judge/verdict": (5, 1)}
    start = {}
    for path, (rows, columns) in sizes.items():
        start[f"{path}/kernel"] = normal(generator, rows, columns) * 0.5
        start[f"{path}/bias"] = normal(generator, columns) * 0.125
    x, y = normal(generator, BATCH * STEPS, INPUTS), normal(generator, BATCH * STEPS, OUTPUTS)
    for precision, dtype in PRECISIONS.items():
        p = {path: value.to(dtype).requires_grad_() for path, value in start.items()}
        average = {path: value.detach().clone() for path, value in p.items()}
        maker = lambda x: dense(p, "maker/head", torch.tanh(dense(p, "maker/hidden", x)))
        judge = lambda x: dense(p, "judge/verdict", torch.tanh(dense(p, "judge/seen", x)))
        own = lambda name, bias: [value for path, value in p.items() if path.startswith(name) and path.endswith("bias") == bias]
        groups = lambda name, lr: [{"params": own(name, False), "lr": lr}, {"params": own(name, True), "lr": 0.05}]
        judge_step = torch.optim.Adam(groups("judge", 0.02), betas=(0.5, 0.999))
        maker_step = torch.optim.SGD(groups("maker", 0.1), momentum=0.9)
        tensors = tensors_for(x, {path: value.clone() for path, value in p.items()}, y=y)
        tensors["out/made"] = maker(x[:BATCH].to(dtype))
        j_losses, m_losses = [], []

        def step(loss, optimizer, name, t):
            optimizer.zero_grad()
            loss.backward()
            chosen = [value for path, value in p.items() if path.startswith(name)]
            torch.nn.utils.clip_grad_norm_(chosen, 0.4)
            optimizer.step()
            keep = min(0.8, (1 + t) / (10 + t))
            with torch.no_grad():
                for path in p:
                    if path.startswith(name):
                        average[path] += (1 - keep) * (p[path] - average[path])

        ones = torch.ones(BATCH, 1, dtype=dtype)
        bce = F.binary_cross_entropy_with_logits
        for t, rows, targets in batches(x.to(dtype), y.to(dtype)):
            j_loss = bce(judge(targets), 0.9 * ones) + bce(judge(maker(rows).detach()), 0 * ones)
            step(j_loss, judge_step, "judge", t)
            made = maker(rows)
            m_loss = bce(judge(made), ones) + 0.5 * F.mse_loss(made, targets)
            step(m_loss, maker_step, "maker", t)
            j_losses.append(j_loss.detach())
            m_losses.append(m_loss.detach())
        tensors |= {"loss/j_loss": torch.stack(j_losses), "loss/m_loss": torch.stack(m_losses)}
        tensors |= {f"final/{path}": value for path, value in p.items()}
        tensors |= {f"final/ema/{path}": value for path, value in average.items()}
        write_record("lines", precision, tensors)


def record_inner():
    write_model("inner_losses", INNER)
    generator = torch.Generator().manual_seed(12)
    start = {"encoder/kernel": normal(generator, INPUTS, 4) * 0.5, "encoder/bias": normal(generator, 4) * 0.125,
             "offset": normal(generator, INPUTS) * 0.125}
    x = normal(generator, BATCH * STEPS, INPUTS)
    w = torch.randint(0, 4, (BATCH * STEPS,), generator=generator).double()
    for precision, dtype in PRECISIONS.items():
        p = {path: value.to(dtype).requires_grad_() for path, value in start.items()}
        encode = lambda x: torch.tanh(x @ p["encoder/kernel"] + p["encoder/bias"])
        decode = lambda c: c @ p["encoder/kernel"].T + p["offset"]
        optimizer = torch.optim.Adam(list(p.values()), lr=0.02)
        tensors = tensors_for(x, {path: value.clone() for path, value in p.items()}, w=w)
        tensors["out/back"] = decode(encode(x[:BATCH].to(dtype)))
        losses = {"loss": [], "error": [], "encoder/spread": []}
        for _, rows, weights in batches(x.to(dtype), w.to(dtype)):
            c = encode(rows)
            spread = 0.1 * (c * c).mean()
            sparse = 0.05 * (c.abs().mean(1) * weights).sum() / weights.sum()
            error = F.mse_loss(decode(c), rows)
            loss = spread + sparse + error
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_value_(p.values(), 0.05)
            optimizer.step()
            for name, value in (("loss", loss), ("error", error), ("encoder/spread", spread)):
                losses[name].append(value.detach())
        tensors |= {f"loss/{name}": torch.stack(values) for name, values in losses.items()}
        tensors |= {f"final/{path}": value for path, value in p.items()}
        write_record("inner_losses", precision, tensors)


def record_all():
    record_lines()
    record_inner()
