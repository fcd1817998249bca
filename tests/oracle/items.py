"""Activations, losses and layers by themselves: their values and gradients, at moderate and at extreme inputs.

The models hold each item's input as a parameter and train with an optimizer that stores the gradient, so one step leaves the
gradients where the harness looks for them."""

import torch
import torch.nn.functional as F

from common import PRECISIONS, normal, plan, write_model, write_record

HEAD = """# {title}: values and gradients, against PyTorch.
import std.nn

# Leaves the gradient in place of the parameter.
optimizer gradient()(p: real[...S], g: real[...S], t: steps) {{
  p := g
}}

# A parameter, to be filled with an item's input. `like` gives its shape.
layer held()(like: real[...S]) -> real[...S] {{
  param x: real[...S] = zeros()
  return x
}}

"""


def softplus(x):
    return torch.logaddexp(x, torch.zeros_like(x))


def clip(p):
    return p.clamp(2**-23, 1 - 2**-23)


def focal(x, y, alpha=0.25, gamma=2.0):
    """As torchvision's sigmoid_focal_loss."""
    p = torch.sigmoid(x)
    right = p * y + (1 - p) * (1 - y)
    loss = F.binary_cross_entropy_with_logits(x, y, reduction="none") * (1 - right) ** gamma
    return ((alpha * y + (1 - alpha) * (1 - y)) * loss).mean()


# Which of six pairs belong together.
ALIKE = [1.0, 0.0, 1.0, 0.0, 0.0, 1.0]


def contrastive(x, y, margin):
    """Hadsell, Chopra, LeCun 2006, equation 4, with 1 for pairs that belong together."""
    distance, alike = F.pairwise_distance(x, y), torch.tensor(ALIKE, dtype=x.dtype)
    return (alike * distance**2 / 2 + (1 - alike) * F.relu(margin - distance) ** 2 / 2).mean()


def kl_normal(centre, log_variance):
    ours = torch.distributions.Normal(centre, (0.5 * log_variance).exp())
    return torch.distributions.kl_divergence(ours, torch.distributions.Normal(torch.zeros_like(centre), 1.0)).sum(1).mean()


def dice(x, y, smooth):
    p = torch.sigmoid(x)
    return (1 - (2 * (p * y).sum(1) + smooth) / (p.sum(1) + y.sum(1) + smooth)).mean()


def soft_iou(x, y, smooth):
    p = torch.sigmoid(x)
    both = (p * y).sum(1)
    return (1 - (both + smooth) / (p.sum(1) + y.sum(1) - both + smooth)).mean()


# Weights of seven classes, as .nnet and as a tensor.
WEIGHTS = [1.0, 0.25, 2.0, 0.5, 1.5, 3.0, 0.75]
W = torch.tensor(WEIGHTS, dtype=torch.float64)


def sparse_weighted(**options):
    return lambda x, y: F.cross_entropy(x, y, weight=W, **options)


def rotated(x, base=10000.0):
    """Su et al. 2021 (RoFormer), with the halves paired as in LLaMA: x is [batch, time, heads, size]."""
    size = x.shape[-1]
    frequency = base ** (-2 * torch.arange(size // 2, dtype=x.dtype) / size)
    angle = (torch.arange(x.shape[1], dtype=x.dtype)[:, None] * frequency)[None, :, None]
    a, b = x[..., : size // 2], x[..., size // 2 :]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)


def last_half_gate(x):
    return F.glu(x, dim=-1)


# name: (.nnet of x, PyTorch's, where it is tried)
PLAIN, WIDE, CUBE, ONE = "plain", "wide", "cube", "one"
ACTIVATIONS = {
    "linear": ("linear(x)", lambda x: x, [PLAIN]),
    "relu": ("relu(x)", torch.relu, [PLAIN, WIDE]),
    "relu6": ("relu6(x)", F.relu6, [PLAIN, WIDE]),
    "leaky_relu": ("leaky_relu(x)", F.leaky_relu, [PLAIN, WIDE]),
    "leaky_relu_2": ("leaky_relu(x, slope = 0.2)", lambda x: F.leaky_relu(x, 0.2), [PLAIN, WIDE]),
    "elu": ("elu(x)", F.elu, [PLAIN, WIDE]),
    "elu_2": ("elu(x, alpha = 0.5)", lambda x: F.elu(x, 0.5), [PLAIN, CUBE]),
    "selu": ("selu(x)", F.selu, [PLAIN, WIDE]),
    "silu": ("silu(x)", F.silu, [PLAIN, WIDE]),
    "mish": ("mish(x)", lambda x: x * torch.tanh(softplus(x)), [PLAIN, WIDE]),
    "gelu": ("gelu(x)", F.gelu, [PLAIN, WIDE]),
    "gelu_tanh": ("gelu(x, approximate = true)", lambda x: F.gelu(x, approximate="tanh"), [PLAIN, WIDE]),
    "sigmoid": ("sigmoid(x)", torch.sigmoid, [PLAIN, WIDE, ONE]),
    "tanh": ("tanh(x)", torch.tanh, [PLAIN, WIDE]),
    "softplus": ("softplus(x)", softplus, [PLAIN, WIDE]),
    "softsign": ("softsign(x)", F.softsign, [PLAIN, WIDE]),
    "hard_tanh": ("hard_tanh(x)", F.hardtanh, [PLAIN, WIDE]),
    # PyTorch rounds 1 / 6 to f32 in the gradient of F.hardsigmoid.
    "hard_sigmoid": ("hard_sigmoid(x)", lambda x: F.relu6(x + 3) / 6, [PLAIN, WIDE]),
    "hard_swish": ("hard_swish(x)", F.hardswish, [PLAIN, WIDE]),
    "heaviside": ("heaviside(x)", lambda x: (x > 0).to(x.dtype) + 0 * x, [PLAIN, WIDE]),
    "softmax": ("softmax(x)", lambda x: torch.softmax(x, -1), [PLAIN, WIDE, CUBE, ONE]),
    "softmax_first": ("softmax(x, axis = 0)", lambda x: torch.softmax(x, 0), [PLAIN, CUBE, ONE]),
    "softmax_middle": ("softmax(x, axis = 1)", lambda x: torch.softmax(x, 1), [CUBE]),
    "log_softmax": ("log_softmax(x)", lambda x: torch.log_softmax(x, -1), [PLAIN, WIDE, CUBE]),
    "glu": ("glu(x)", last_half_gate, [WIDE, CUBE]),
}

# name: (.nnet of x and y, PyTorch's, kind of y)
LOSSES = {
    "mse": ("mse(x, y)", F.mse_loss, "real"),
    "mse_sum": ("mse(x, y, reduction = sum)", lambda x, y: F.mse_loss(x, y, reduction="sum"), "real"),
    "mse_none": ("mse(x, y, reduction = none)", lambda x, y: F.mse_loss(x, y, reduction="none"), "real"),
    "mae": ("mae(x, y)", F.l1_loss, "real"),
    "huber": ("huber(x, y)", F.huber_loss, "real"),
    "huber_2": ("huber(x, y, delta = 0.3)", lambda x, y: F.huber_loss(x, y, delta=0.3), "real"),
    "bce": ("bce_with_logits(x, y)", F.binary_cross_entropy_with_logits, "unit"),
    "bce_none": (
        "bce_with_logits(x, y, reduction = none)",
        lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none"),
        "unit",
    ),
    "bce_scalar": ("bce_with_logits(x, 0.9)",
                   lambda x, y: F.binary_cross_entropy_with_logits(x, torch.full_like(x, 0.9)), "unused"),
    "bce_pos": ("bce_with_logits(x, y, pos_weight = 2.5)",
                lambda x, y: F.binary_cross_entropy_with_logits(x, y, pos_weight=torch.tensor(2.5)), "unit"),
    "bce_pos_list": (f"bce_with_logits(x, y, pos_weight = {WEIGHTS})",
                     lambda x, y: F.binary_cross_entropy_with_logits(x, y, pos_weight=W), "unit"),
    # PyTorch has no label smoothing here: Keras's definition.
    "bce_smooth": ("bce_with_logits(x, y, label_smoothing = 0.2)",
                   lambda x, y: F.binary_cross_entropy_with_logits(x, 0.8 * y + 0.1), "unit"),
    "cross_entropy_weights": (f"cross_entropy(x, y, weights = {WEIGHTS})", sparse_weighted(), "row"),
    "cross_entropy_weights_smooth": (f"cross_entropy(x, y, weights = {WEIGHTS}, label_smoothing = 0.2)",
                                     sparse_weighted(label_smoothing=0.2), "row"),
    "sparse_weights": (f"sparse_cross_entropy(x, y, weights = {WEIGHTS})", sparse_weighted(), "class"),
    "sparse_weights_none": (f"sparse_cross_entropy(x, y, weights = {WEIGHTS}, reduction = none)",
                            sparse_weighted(reduction="none"), "class"),
    "sparse_weights_ignore": (f"sparse_cross_entropy(x, y, weights = {WEIGHTS}, ignore_index = 1)",
                              sparse_weighted(ignore_index=1), "class"),
    "sparse_weights_smooth": (f"sparse_cross_entropy(x, y, weights = {WEIGHTS}, label_smoothing = 0.1)",
                              sparse_weighted(label_smoothing=0.1), "class"),
    "sparse_weights_smooth_ignore": (
        f"sparse_cross_entropy(x, y, weights = {WEIGHTS}, label_smoothing = 0.1, ignore_index = 1)",
        sparse_weighted(label_smoothing=0.1, ignore_index=1), "class"),
    "sparse_smooth_ignore": ("sparse_cross_entropy(x, y, label_smoothing = 0.1, ignore_index = 1)",
                             lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1, ignore_index=1), "class"),
    "nll_weights": (f"nll(log_softmax(x), y, weights = {WEIGHTS}, ignore_index = 6)",
                    lambda x, y: F.nll_loss(torch.log_softmax(x, -1), y, weight=W, ignore_index=6), "class"),
    "triplet": ("triplet(x, y, 0.5 * y)", lambda x, y: F.triplet_margin_loss(x, y, 0.5 * y), "real"),
    "triplet_margin": ("triplet(x, y, 0.5 * y, margin = 0.2)",
                       lambda x, y: F.triplet_margin_loss(x, y, 0.5 * y, margin=0.2), "real"),
    "cross_entropy": ("cross_entropy(x, y)", F.cross_entropy, "row"),
    "cross_entropy_smooth": ("cross_entropy(x, y, label_smoothing = 0.2)",
                             lambda x, y: F.cross_entropy(x, y, label_smoothing=0.2), "row"),
    "sparse": ("sparse_cross_entropy(x, y)", F.cross_entropy, "class"),
    "sparse_sum": ("sparse_cross_entropy(x, y, reduction = sum)", lambda x, y: F.cross_entropy(x, y, reduction="sum"), "class"),
    "sparse_none": ("sparse_cross_entropy(x, y, reduction = none)",
                    lambda x, y: F.cross_entropy(x, y, reduction="none"), "class"),
    "sparse_smooth": ("sparse_cross_entropy(x, y, label_smoothing = 0.1)",
                      lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1), "class"),
    "sparse_ignore": ("sparse_cross_entropy(x, y, ignore_index = 1)",
                      lambda x, y: F.cross_entropy(x, y, ignore_index=1), "class"),
    "nll": ("nll(log_softmax(x), y)", lambda x, y: F.nll_loss(torch.log_softmax(x, -1), y), "class"),
    "kl_div": ("kl_div(log_softmax(x), y)",
               lambda x, y: F.kl_div(torch.log_softmax(x, -1), y, reduction="batchmean"), "row"),
    "bce_probs": ("bce_probs(sigmoid(x), y)", lambda x, y: F.binary_cross_entropy(clip(torch.sigmoid(x)), y), "unit"),
    "cross_entropy_probs": ("cross_entropy_probs(softmax(x), y)",
                            lambda x, y: -(y * clip(torch.softmax(x, -1)).log()).sum(-1).mean(), "row"),
    "sparse_probs": ("sparse_cross_entropy_probs(softmax(x), y)",
                     lambda x, y: F.nll_loss(clip(torch.softmax(x, -1)).log(), y), "class"),
    "focal": ("focal(x, y)", focal, "unit"),
    "log_cosh": ("log_cosh(x, y)", lambda x, y: torch.log(torch.cosh(x - y)).mean(), "real"),
    "quantile": ("quantile(x, y, q = 0.3)", lambda x, y: torch.maximum(0.3 * (y - x), -0.7 * (y - x)).mean(), "real"),
    "mape": ("mape(x, y)", lambda x, y: (100 * (x - y).abs() / y.abs()).mean(), "real"),
    "gaussian_nll": ("gaussian_nll(x, y, 0.5 + sigmoid(x))", lambda x, y: F.gaussian_nll_loss(x, y, 0.5 + torch.sigmoid(x)), "real"),
    "poisson_nll": ("poisson_nll(x, y)", F.poisson_nll_loss, "unit"),
    "kl_normal": ("kl_normal(x, y)", lambda x, y: kl_normal(x, y), "real"),
    "cosine_similarity": ("cosine_similarity(x, y)", lambda x, y: F.cosine_similarity(x, y).mean(), "real"),
    "cosine_distance": ("cosine_distance(x, y)", lambda x, y: F.cosine_embedding_loss(x, y, torch.ones(len(x))), "real"),
    "contrastive": (f"contrastive(x, y, {ALIKE}, margin = 4.0)", lambda x, y: contrastive(x, y, 4.0), "real"),
    "multi_hinge": ("multi_hinge(x, y)", F.multi_margin_loss, "class"),
    "multi_hinge_2": ("multi_hinge(x, y, margin = 0.5)", lambda x, y: F.multi_margin_loss(x, y, margin=0.5), "class"),
    "dice": ("dice(x, y)", lambda x, y: dice(x, y, 1.0), "unit"),
    "dice_exact": ("dice(x, y, smooth = 0.0)", lambda x, y: dice(x, y, 0.0), "unit"),
    "soft_iou": ("soft_iou(x, y)", lambda x, y: soft_iou(x, y, 1.0), "unit"),
    "hinge": ("hinge(x, y)", lambda x, y: torch.relu(1 - y * x).mean(), "sign"),
    "perceptron": ("perceptron(x, y)", lambda x, y: torch.relu(-y * x).mean(), "sign"),
}

# Shapes of the inputs of losses: moderate, extreme.
LOSS_SHAPE = (6, 7)


def inputs(generator):
    """Inputs where items are tried: zero, kinks, both signs, small and (wide) so large that exp overflows in f32."""
    plain = normal(generator, 5, 9) * 2
    plain[0, :5] = torch.tensor([0.0, 1e-3, -1e-3, 4.0, -4.0])
    wide = torch.tensor([[0.0, 100.0, -100.0, 50.0, -50.0, 20.0, -20.0, 5.0], [-100.0, -100.0, -90.0, 88.0, -88.0, 12.0, 0.5, -0.5]])
    return {PLAIN: plain, WIDE: wide.double(), CUBE: normal(generator, 2, 3, 4) * 3, ONE: normal(generator, 4, 1)}


def shape_text(tensor):
    return "[" + ", ".join(map(str, tensor.shape)) + "]"


def add_layers(layers, generator, data, lines, call="{name}_in |> {text} as {name}_of", scale=1.0):
    """Adds each layer's call, on an input that is a parameter, and its loss to the model's lines and inputs; returns its cases.

    layers maps a name to (.nnet, shape of x, the parameters' shapes by path, PyTorch's function of x and them); scale is of the
    parameters' values."""
    cases = {}
    for name, (text, shape, params, compute) in layers.items():
        slots = {f"{name}_at/x": normal(generator, *shape)}
        slots |= {f"{name}_of/{path}": normal(generator, *size) * scale for path, size in params.items()}
        data[f"like_{name}"] = torch.zeros(shape, dtype=torch.float32)
        data[f"w_{name}"] = normal(generator, *compute(*slots.values()).shape).float()
        lines += [f"  input like_{name}: f32{shape_text(data[f'like_{name}'])}",
                  f"  input w_{name}: f32{shape_text(data[f'w_{name}'])}",
                  f"  let {name}_in = like_{name} |> held() as {name}_at",
                  f"  output {name}_out = {call.format(name=name, text=text)}",
                  f"  loss {name}_loss = sum(w_{name} * {name}_out)"]
        cases[name] = (slots, compute, f"w_{name}")
    return cases


def finish(name, data, cases):
    """Writes the records: cases maps a name to (slots: path -> f64 tensor, function of them, weight's input name)."""
    for precision, dtype in PRECISIONS.items():
        tensors = {f"in/{key}": value for key, value in data.items()} | plan([0], 1)
        for case, (slots, compute, weight) in cases.items():
            held = {path: value.double().detach().clone().requires_grad_() for path, value in slots.items()}
            out = compute(*held.values())
            total = (data[weight].double() * out).sum() if weight else out.sum()
            total.backward()
            tensors[f"out/{case}_out"] = out.to(dtype)
            tensors[f"loss/{case}_loss"] = total[None].to(dtype)
            for path, value in held.items():
                tensors[f"slot/{path}"] = value.to(dtype)
                if not 0 < value.grad.abs().max() < 1e-12:  # a true gradient of zero, as a key's bias has: only rounding
                    tensors[f"final/{path}"] = value.grad.to(dtype)
        write_record(name, precision, tensors)


def record_activations():
    generator = torch.Generator().manual_seed(1)
    places = inputs(generator)
    data = {f"w_{place}": normal(generator, *x.shape).float() for place, x in places.items()}
    data["w_half_wide"] = normal(generator, 2, 4).float()
    data["w_half_cube"] = normal(generator, 2, 3, 2).float()
    lines = [f"  input {name}: f32{shape_text(x)}" for name, x in data.items()]
    cases = {}
    for item, (text, compute, where) in ACTIVATIONS.items():
        for place in where:
            name = f"{item}_{place}"
            weight = f"w_half_{place}" if item == "glu" else f"w_{place}"
            lines += [
                f"  let {name}_in = w_{place} |> held() as {name}",
                f"  output {name}_out = {text.replace('(x', f'({name}_in')}",
                f"  loss {name}_loss = sum({weight} * {name}_out)",
            ]
            cases[name] = ({f"{name}/x": places[place]}, compute, weight)
    text = HEAD.format(title="Activations") + "model Oracle {\n" + "\n".join(lines)
    write_model("activations", text + "\n  train { optimizer = gradient(); steps = 1 }\n}\n")
    finish("activations", data, cases)


def record_losses():
    generator = torch.Generator().manual_seed(2)
    rows, classes = LOSS_SHAPE
    plain = normal(generator, rows, classes)
    wide = normal(generator, rows, classes) * 10
    wide[0, :4] = torch.tensor([100.0, -100.0, 0.0, 80.0])
    wide[1] = torch.tensor([100.0] + [-100.0] * (classes - 1))
    soft = torch.rand(rows, classes, generator=generator)
    hot = F.one_hot(torch.tensor([0, 1, 2, 3, 4, 6]), classes)
    data = {
        "w": normal(generator, rows, classes).float(),
        "w_row": normal(generator, rows).float(),
        "real": normal(generator, rows, classes).float(),
        "unit": torch.where(torch.rand(rows, classes, generator=generator) < 0.5, soft.round(), soft).float(),
        "row": (0.5 * soft / soft.sum(1, keepdim=True) * (soft > 0.3) + 0.5 * hot).float(),
        "sign": (torch.randint(0, 2, (rows, classes), generator=generator) * 2 - 1).float(),
        "class": torch.tensor([0, 1, 6, 1, 3, 2], dtype=torch.int32),
    }
    lines = [f"  input {name}: {'i32' if name == 'class' else 'f32'}{shape_text(x)}" for name, x in data.items()]
    cases = {}
    for item, (text, compute, kind) in LOSSES.items():
        for place, x in (("plain", plain), ("wide", wide)):
            if item in ("bce_probs", "poisson_nll") and place == "wide":
                continue  # 1 - sigmoid(x) has no digits left in f32, and exp(100) none at all
            name = f"{item}_{place}"
            weight = None
            if item.endswith("_none"):
                weight = "w_row" if kind == "class" else "w"
            target = data.get(kind)
            if target is not None:
                target = target.long() if kind == "class" else target.double()
            expression = text.replace("(x,", f"({name}_in,").replace("(x)", f"({name}_in)").replace(" y", f" {kind}")
            lines += [
                f"  let {name}_in = w |> held() as {name}",
                f"  output {name}_out = {expression}",
                f"  loss {name}_loss = " + (f"sum({weight} * {name}_out)" if weight else f"{name}_out"),
            ]
            cases[name] = ({f"{name}/x": x}, lambda v, compute=compute, target=target: compute(v, target), weight)
    text = HEAD.format(title="Losses") + "model Oracle {\n" + "\n".join(lines)
    write_model("losses", text + "\n  train { optimizer = gradient(); steps = 1 }\n}\n")
    finish("losses", data, cases)


def rms_norm(x, gamma, eps=1e-6):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps) * gamma


def heads(name, size, count, head_dim):
    return {f"{name}/kernel": (size, count, head_dim), f"{name}/bias": (count, head_dim)}


def attention(x, query, query_bias, key, key_bias, value, value_bias, out, out_bias, causal=False, context=None,
              positions=lambda v: v):
    def split(of, kernel, bias):
        return torch.einsum("btd,dhk->bthk", of, kernel) + bias

    source = x if context is None else context.to(x.dtype)
    q, k = positions(split(x, query, query_bias)), positions(split(source, key, key_bias))
    v = split(source, value, value_bias)
    seen = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=causal)
    return torch.einsum("bhtk,hkd->btd", seen, out) + out_bias


def channels_second(norm):
    """PyTorch's norms take the channels as the second axis."""
    return lambda x, *params: norm(x.movedim(-1, 1), *params).movedim(1, -1)


# Ten edges among six nodes; nothing arrives at node 5, and one edge is there twice.
EDGES = torch.tensor([[0, 1], [1, 0], [2, 1], [1, 2], [3, 4], [4, 3], [5, 0], [5, 4], [0, 1], [3, 3]])
NODES = 6


def arrivals(x):
    return torch.zeros(NODES, NODES, dtype=x.dtype).index_put_((EDGES[:, 1], EDGES[:, 0]), torch.ones(len(EDGES), dtype=x.dtype), True)


def graph_conv(x, kernel, bias):
    adjacency = arrivals(x) + torch.eye(NODES, dtype=x.dtype)
    scale = adjacency.sum(1).rsqrt()
    return scale[:, None] * adjacency * scale @ x @ kernel + bias


def sage_conv(x, self_kernel, neighbour_kernel, bias):
    adjacency = arrivals(x)
    return x @ self_kernel + adjacency / adjacency.sum(1, keepdim=True).clamp(min=1) @ x @ neighbour_kernel + bias


def graph_attention(x, kernel, source_weight, destination_weight, bias):
    h = torch.einsum("nf,fhu->nhu", x, kernel)
    scores = F.leaky_relu((h * destination_weight).sum(-1)[:, None] + (h * source_weight).sum(-1)[None], 0.2)  # [to, from, head]
    weight = (arrivals(x) + torch.eye(NODES, dtype=x.dtype))[:, :, None] * scores.exp()
    return torch.einsum("ijh,jhu->ihu", weight / weight.sum(1, keepdim=True), h).flatten(1) + bias


# name: (.nnet of x and edges, shape of x, parameters, function)
GRAPHS = {
    "graph_conv": ("graph_conv(4)", (NODES, 3), {"kernel": (3, 4), "bias": (4,)}, graph_conv),
    "sage_conv": ("sage_conv(4)", (NODES, 3), {"self_kernel": (3, 4), "neighbour_kernel": (3, 4), "bias": (4,)}, sage_conv),
    "graph_attention": ("graph_attention(4, heads = 2)", (NODES, 3),
                        {"kernel": (3, 2, 4), "source_weight": (2, 4), "destination_weight": (2, 4), "bias": (8,)},
                        graph_attention),
}


def record_graphs():
    generator = torch.Generator().manual_seed(5)
    data = {"edges": EDGES.int()}
    lines = [f"  input edges: i32[{len(EDGES)}, 2]"]
    cases = add_layers(GRAPHS, generator, data, lines, "({text} as {name}_of)({name}_in, edges)")
    text = HEAD.format(title="Layers over graphs") + "model Oracle {\n" + "\n".join(lines)
    write_model("graphs", text + "\n  train { optimizer = gradient(); steps = 1 }\n}\n")
    finish("graphs", data, cases)


def record_layers():
    """name: (.nnet of x, shape of x, the layer's parameters, PyTorch's function of x and them)."""
    norm = torch.nn.functional.layer_norm
    layers = {
        "dense": ("dense(4)", (3, 5), {"kernel": (5, 4), "bias": (4,)}, lambda x, k, b: x @ k + b),
        "dense_cube": ("dense(3, activation = tanh)", (2, 3, 4), {"kernel": (4, 3), "bias": (3,)},
                       lambda x, k, b: torch.tanh(x @ k + b)),
        "dense_plain": ("dense(1, bias = false)", (7, 33), {"kernel": (33, 1)}, lambda x, k: x @ k),
        "dense_one": ("dense(70, activation = relu)", (1, 1), {"kernel": (1, 70), "bias": (70,)},
                      lambda x, k, b: torch.relu(x @ k + b)),
        "layer_norm": ("layer_norm()", (4, 9), {"gamma": (9,), "beta": (9,)}, lambda x, g, b: norm(x, (9,), g, b)),
        "layer_norm_cube": ("layer_norm(eps = 0.001)", (2, 3, 5), {"gamma": (5,), "beta": (5,)},
                            lambda x, g, b: norm(x, (5,), g, b, 1e-3)),
        "rms_norm": ("rms_norm()", (4, 9), {"gamma": (9,)}, rms_norm),
        "residual": ("residual(dense(6, activation = silu))", (3, 6), {"dense/kernel": (6, 6), "dense/bias": (6,)},
                     lambda x, k, b: x + F.silu(x @ k + b)),
        "flatten": ("flatten()", (2, 3, 4), {}, lambda x: x.reshape(2, 12)),
        "global_avg_pool": ("global_avg_pool()", (2, 3, 4, 5), {}, lambda x: x.mean((1, 2))),
        "global_max_pool": ("global_max_pool()", (2, 3, 5), {}, lambda x: x.amax(1)),
        "attention": ("attention(2)", (2, 5, 6), heads("query", 6, 2, 3) | heads("key", 6, 2, 3) | heads("value", 6, 2, 3)
                      | {"out/kernel": (2, 3, 6), "out/bias": (6,)}, attention),
        "attention_causal": ("attention(3, head_dim = 4, causal = true, bias = false)", (2, 5, 6),
                             {f"{name}/kernel": (6, 3, 4) for name in ("query", "key", "value")} | {"out/kernel": (3, 4, 6)},
                             lambda x, q, k, v, o: attention(x, q, 0.0, k, 0.0, v, 0.0, o, 0.0, causal=True)),
        "dropout": ("dropout(0.0)", (3, 4), {}, lambda x: x),
        "group_norm": ("group_norm(groups = 3)", (2, 4, 5, 6), {"gamma": (6,), "beta": (6,)},
                       channels_second(lambda x, g, b: F.group_norm(x, 3, g, b))),
        "group_norm_one": ("group_norm(groups = 1, eps = 0.001)", (3, 4), {"gamma": (4,), "beta": (4,)},
                           channels_second(lambda x, g, b: F.group_norm(x, 1, g, b, 1e-3))),
        "instance_norm": ("instance_norm()", (2, 5, 4, 3), {}, channels_second(F.instance_norm)),
        "instance_norm_affine": ("instance_norm(affine = true)", (2, 7, 3), {"gamma": (3,), "beta": (3,)},
                                 channels_second(lambda x, g, b: F.instance_norm(x, weight=g, bias=b))),
        "attention_rope": ("attention(2, head_dim = 4, causal = true, positions = rope)", (2, 5, 6),
                           heads("query", 6, 2, 4) | heads("key", 6, 2, 4) | heads("value", 6, 2, 4)
                           | {"out/kernel": (2, 4, 6), "out/bias": (6,)},
                           lambda *args: attention(*args, causal=True, positions=rotated)),
    }
    generator = torch.Generator().manual_seed(3)
    data, lines = {}, []
    cases = add_layers(layers, generator, data, lines)
    index = torch.tensor([[3, 0, 3], [5, 1, 3]], dtype=torch.int32)
    data["index"], data["w_embedding"] = index, normal(generator, 2, 3, 4).float()
    data["w_position"] = normal(generator, 3, 4).float()
    lines += ["  input index: i32[2, 3]", "  input w_embedding: f32[2, 3, 4]", "  input w_position: f32[3, 4]",
              "  output embedding_out = index |> embedding(6, 4) as table",
              "  loss embedding_loss = sum(w_embedding * embedding_out)",
              "  output position_out = (position_embedding(5, 4) as positions)(3)",
              "  loss position_loss = sum(w_position * position_out)"]
    cases["embedding"] = ({"table/weight": normal(generator, 6, 4)}, lambda t: t[index.long()], "w_embedding")
    cases["position"] = ({"positions/weight": normal(generator, 5, 4)}, lambda t: t[:3], "w_position")
    context = data["context"] = normal(generator, 2, 4, 3).float()
    sizes = (heads("query", 6, 2, 3) | {"key/kernel": (3, 2, 3), "key/bias": (2, 3), "value/kernel": (3, 2, 3), "value/bias": (2, 3)}
             | {"out/kernel": (2, 3, 6), "out/bias": (6,)})
    slots = {"cross_at/x": normal(generator, 2, 5, 6)} | {f"cross_of/{path}": normal(generator, *size) for path, size in sizes.items()}
    data["like_cross"], data["w_cross"] = torch.zeros(2, 5, 6), normal(generator, 2, 5, 6).float()
    lines += ["  input context: f32[2, 4, 3]", "  input like_cross: f32[2, 5, 6]", "  input w_cross: f32[2, 5, 6]",
              "  let cross_in = like_cross |> held() as cross_at",
              "  output cross_out = (cross_attention(2) as cross_of)(cross_in, context)",
              "  loss cross_loss = sum(w_cross * cross_out)"]
    cases["cross"] = (slots, lambda *args: attention(*args, context=context), "w_cross")
    text = HEAD.format(title="Layers") + "model Oracle {\n" + "\n".join(lines)
    write_model("layers", text + "\n  train { optimizer = gradient(); steps = 1 }\n}\n")
    finish("layers", data, cases)


def record_all():
    record_activations()
    record_losses()
    record_layers()
    record_graphs()
