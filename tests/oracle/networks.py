"""Whole networks: a transformer with tied weights, and a graph convolution. Twenty steps each."""

import math

import torch
import torch.nn.functional as F

from common import PRECISIONS, normal, plan, write_model, write_record

STEPS, BATCH, TIME, VOCAB, SIZE, HEADS = 20, 4, 7, 19, 12, 3

GPT = f"""# A transformer that predicts the next token, with tied weights.
import std.nn

layer block(heads: int)(x: real[B, T, D]) -> real[B, T, D] {{
  let a = x + (x |> layer_norm() |> attention(heads, causal = true))
  return a + (a |> layer_norm() |> dense(4 * D, activation = gelu) |> dense(D))
}}

model Oracle {{
  dim batch, time <= 16
  input tokens: i32[batch, time]
  target next: i32[batch, time]
  part tok = embedding({VOCAB}, {SIZE})
  let x = tok(tokens) .+ position_embedding(16, {SIZE})(time)
  let h = x |> repeat 2 {{ block(heads = {HEADS}) }} |> layer_norm()
  let logits = einsum(h, tok.weight, "b t d, v d -> b t v")
  output logits
  loss sparse_cross_entropy(logits, next)
  metric accuracy(logits, next)
  train {{
    optimizer = adamw(lr = warmup_cosine(0.01, warmup = 5), beta_2 = 0.99)
    batch = {BATCH}
    steps = {STEPS}
  }}
}}
"""


def gpt_start(generator):
    shapes = {"tok/weight": (VOCAB, SIZE), "position_embedding/weight": (16, SIZE), "layer_norm/gamma": (SIZE,), "layer_norm/beta": (SIZE,)}
    for block in ("block", "block_1"):
        for norm in ("layer_norm", "layer_norm_1"):
            shapes |= {f"{block}/{norm}/gamma": (SIZE,), f"{block}/{norm}/beta": (SIZE,)}
        for head in ("query", "key", "value"):
            shapes |= {f"{block}/attention/{head}/kernel": (SIZE, HEADS, SIZE // HEADS),
                       f"{block}/attention/{head}/bias": (HEADS, SIZE // HEADS)}
        shapes |= {f"{block}/attention/out/kernel": (HEADS, SIZE // HEADS, SIZE), f"{block}/attention/out/bias": (SIZE,),
                   f"{block}/dense/kernel": (SIZE, 4 * SIZE), f"{block}/dense/bias": (4 * SIZE,),
                   f"{block}/dense_1/kernel": (4 * SIZE, SIZE), f"{block}/dense_1/bias": (SIZE,)}
    return {path: normal(generator, *shape) / 4 + (1.0 if path.endswith("gamma") else 0.0) for path, shape in shapes.items()}


def gpt_logits(p, tokens):
    def norm(x, path):
        return F.layer_norm(x, (SIZE,), p[f"{path}/gamma"], p[f"{path}/beta"])

    def attend(x, path):
        q, k, v = ((torch.einsum("btd,dhk->bthk", x, p[f"{path}/{head}/kernel"]) + p[f"{path}/{head}/bias"]).transpose(1, 2)
                   for head in ("query", "key", "value"))
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return torch.einsum("bhtk,hkd->btd", seen, p[f"{path}/out/kernel"]) + p[f"{path}/out/bias"]

    x = p["tok/weight"][tokens] + p["position_embedding/weight"][: tokens.shape[1]]
    for block in ("block", "block_1"):
        x = x + attend(norm(x, f"{block}/layer_norm"), f"{block}/attention")
        wide = F.gelu(norm(x, f"{block}/layer_norm_1") @ p[f"{block}/dense/kernel"] + p[f"{block}/dense/bias"])
        x = x + wide @ p[f"{block}/dense_1/kernel"] + p[f"{block}/dense_1/bias"]
    return norm(x, "layer_norm") @ p["tok/weight"].T


def record_gpt():
    write_model("gpt", GPT)
    generator = torch.Generator().manual_seed(11)
    tokens = torch.randint(0, VOCAB, (BATCH * STEPS, TIME), generator=generator)
    following = (tokens * 3 + 1) % VOCAB
    initial = gpt_start(generator)
    for precision, dtype in PRECISIONS.items():
        p = {path: value.to(dtype).clone().requires_grad_() for path, value in initial.items()}
        tensors = {"in/tokens": tokens.int(), "in/next": following.int()} | plan([BATCH] * STEPS, 5)
        tensors |= {f"slot/{path}": value.detach().clone() for path, value in p.items()}
        tensors["out/logits"] = gpt_logits(p, tokens[:BATCH])
        optimizer = torch.optim.AdamW(p.values(), lr=0.01, betas=(0.9, 0.99), weight_decay=0.01)
        losses = []
        for step, (rows, targets) in enumerate(zip(tokens.split(BATCH), following.split(BATCH))):
            optimizer.param_groups[0]["lr"] = (
                0.01 * (step + 1) / 5 if step < 5 else 0.005 * (1 + math.cos(math.pi * (step - 5) / (STEPS - 5))))
            optimizer.zero_grad()
            loss = F.cross_entropy(gpt_logits(p, rows).reshape(-1, VOCAB), targets.reshape(-1))
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        tensors["loss/loss"] = torch.stack(losses)
        # A key's bias has a true gradient of zero, and Adam makes steps of its rounding.
        tensors |= {f"final/{path}": value for path, value in p.items() if not path.endswith("key/bias")}
        hits = gpt_logits(p, tokens).argmax(-1) == following
        tensors["metric/accuracy"] = hits.double().mean()[None]
        write_record("gpt", precision, tensors)


NODES, EDGES, FEATURES, UNITS, CLASSES = 15, 40, 6, 8, 3

GRAPH = f"""# A graph convolution over a whole graph: gather, scatter_add and their gradients.
import std.nn

layer graph_conv(units: int)(x: real[N, F], edges: i32[E, 2]) -> real[N, units] {{
  param w: real[F, units] = glorot_uniform()
  let src, dst = unstack(edges, axis = 1)
  let deg = 1.0 + scatter_add(full([E], 1.0), dst, N)
  let coef = rsqrt(gather(deg, src) * gather(deg, dst))
  let xw = x @ w
  return scatter_add(gather(xw, src) .* unsqueeze(coef, axis = -1), dst, N) + xw ./ unsqueeze(deg, axis = -1)
}}

model Oracle {{
  dim nodes, links
  input x: f32[nodes, {FEATURES}]
  input edges: i32[links, 2]
  target y: i32[nodes]
  part first = graph_conv({UNITS})
  part second = graph_conv({CLASSES})
  let logits = second(tanh(first(x, edges)), edges)
  output logits
  loss sparse_cross_entropy(logits, y)
  metric accuracy(logits, y)
  train {{
    optimizer = sgd(lr = 0.5, momentum = 0.9)
    steps = {STEPS}
  }}
}}
"""


def record_graph():
    write_model("graph", GRAPH)
    generator = torch.Generator().manual_seed(12)
    x = normal(generator, NODES, FEATURES).float()
    edges = torch.randint(0, NODES, (EDGES, 2), generator=generator)
    y = torch.randint(0, CLASSES, (NODES,), generator=generator)
    initial = {"first/w": normal(generator, FEATURES, UNITS) / 2, "second/w": normal(generator, UNITS, CLASSES) / 2}
    for precision, dtype in PRECISIONS.items():
        p = {path: value.to(dtype).clone().requires_grad_() for path, value in initial.items()}
        adjacency = torch.zeros(NODES, NODES, dtype=dtype).index_put_((edges[:, 1], edges[:, 0]), torch.ones(EDGES, dtype=dtype), True)
        degree = 1 + adjacency.sum(1)
        scaled = adjacency * torch.rsqrt(degree[:, None] * degree[None, :]) + torch.diag(1 / degree)

        def logits():
            return scaled @ torch.tanh(scaled @ (x.to(dtype) @ p["first/w"])) @ p["second/w"]

        tensors = {"in/x": x, "in/edges": edges.int(), "in/y": y.int()} | plan([0] * STEPS, 1)
        tensors |= {f"slot/{path}": value.detach().clone() for path, value in p.items()} | {"out/logits": logits()}
        optimizer = torch.optim.SGD(p.values(), lr=0.5, momentum=0.9)
        losses = []
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = F.cross_entropy(logits(), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        tensors |= {f"final/{path}": value for path, value in p.items()} | {"loss/loss": torch.stack(losses)}
        tensors["metric/accuracy"] = (logits().argmax(1) == y).double().mean()[None]
        write_record("graph", precision, tensors)


def record_all():
    record_gpt()
    record_graph()
