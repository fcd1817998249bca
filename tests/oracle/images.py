"""Layers from image to image, the order of elements, and graphs with masked edges: values and gradients.

Graphs are compared with their formulas over dense matrices."""

import torch
import torch.nn.functional as F

from common import PRECISIONS, normal, plan, write_model, write_record
from items import EDGES, NODES
from named import record_named
from windows import conv, first, last

KEPT = torch.tensor([1, 1, 0, 1, 1, 0, 1, 1, 0, 1], dtype=torch.bool)
NONE_KEPT = torch.zeros(10, dtype=torch.bool)
ANGLE = torch.tensor([0.3, -0.7, 2.5])
SHARE = torch.tensor([0.25, 1.0, 0.625])
OTHER = torch.tensor([2, 0, 1], dtype=torch.int32)
GRAPH = torch.tensor([0, 3, 0, 1, 1, 1], dtype=torch.int32)


def up(rank):
    """Keras' kernel [size..., filters, channels] is PyTorch's [channels, filters, size...]."""
    run = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[rank - 1]

    def compute(x, p, **options):
        return last(run(first(x), p["kernel"].movedim((-1, -2), (0, 1)), p["bias"], **options))

    return compute


def double(x, p, name):
    for layer in ("conv2d", "conv2d_1"):
        x = torch.tanh(conv(padding=1)(x, p[f"{name}/{layer}/kernel"], p[f"{name}/{layer}/bias"]))
    return x


def double_sizes(channels, filters):
    return {"conv2d/kernel": (3, 3, channels, filters), "conv2d/bias": (filters,),
            "conv2d_1/kernel": (3, 3, filters, filters), "conv2d_1/bias": (filters,)}


def put(name, sizes):
    return {f"{name}/{path}": size for path, size in sizes.items()}


def unet_sizes(channels, filters, depth):
    sizes = put("down", double_sizes(channels, filters))
    if depth:
        sizes |= put("inner", unet_sizes(filters, 2 * filters, depth - 1))
        sizes |= {"grow/kernel": (2, 2, filters, 2 * filters), "grow/bias": (filters,)}
        sizes |= put("up", double_sizes(2 * filters, filters))
    return sizes


def unet(x, p, depth):
    skip = double(x, p, "down")
    if not depth:
        return skip
    inner = {path[len("inner/") :]: value for path, value in p.items() if path.startswith("inner/")}
    below = unet(last(F.max_pool2d(first(skip), 2)), inner, depth - 1)
    grown = up(2)(below, {"kernel": p["grow/kernel"], "bias": p["grow/bias"]}, stride=2)
    return double(torch.cat([skip, grown], -1), p, "up")


def excite(x, p):
    means = x.flatten(1, -2).mean(1)
    h = torch.relu(means @ p["squeeze/kernel"] + p["squeeze/bias"])
    share = torch.sigmoid(h @ p["excite/kernel"] + p["excite/bias"])
    return x * share.reshape(len(x), *[1] * (x.ndim - 2), -1)


def arrivals(x, kept):
    edges = EDGES[kept]
    return torch.zeros(NODES, NODES, dtype=x.dtype).index_put_((edges[:, 1], edges[:, 0]), torch.ones(len(edges), dtype=x.dtype), True)


def graph_conv(x, p, kept):
    adjacency = arrivals(x, kept) + torch.eye(NODES, dtype=x.dtype)
    scale = adjacency.sum(1).rsqrt()
    return scale[:, None] * adjacency * scale @ x @ p["kernel"] + p["bias"]


def sage_conv(x, p, kept):
    adjacency = arrivals(x, kept)
    around = adjacency / adjacency.sum(1, keepdim=True).clamp(min=1) @ x
    return x @ p["self_kernel"] + around @ p["neighbour_kernel"] + p["bias"]


def graph_attention(x, p, kept):
    h = torch.einsum("nf,fhu->nhu", x, p["kernel"])
    scores = F.leaky_relu((h * p["destination_weight"]).sum(-1)[:, None] + (h * p["source_weight"]).sum(-1)[None], 0.2)
    weight = (arrivals(x, kept) + torch.eye(NODES, dtype=x.dtype))[:, :, None] * scores.exp()
    return torch.einsum("ijh,jhu->ihu", weight / weight.sum(1, keepdim=True), h).flatten(1) + p["bias"]


def turned(x, angle):
    """Of square images: affine_grid's unit is half a side."""
    c, s, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    theta = torch.stack([torch.stack([c, s, zero], 1), torch.stack([-s, c, zero], 1)], 1).to(x.dtype)
    grid = F.affine_grid(theta, list(first(x).shape), align_corners=True)
    return last(F.grid_sample(first(x), grid, padding_mode="zeros", align_corners=True))


def mixed(x, share, other):
    share = share.to(x.dtype).reshape(-1, *[1] * (x.ndim - 1))
    return share * x + (1 - share) * x[other.long()]


def of_graphs(x, mean):
    parts = [x[GRAPH == i] for i in range(4)]
    return torch.stack([part.sum(0) / (max(1, len(part)) if mean else 1) for part in parts])


CONV = {"kernel": (3, 2), "bias": (2,)}
ATTENTION = {"kernel": (3, 2, 2), "source_weight": (2, 2), "destination_weight": (2, 2), "bias": (4,)}
CASES = {
    "conv1d_up": ("IN |> conv1d_transpose(3, 4, stride = 3) as OF", (2, 5, 4), {"kernel": (4, 3, 4), "bias": (3,)},
                  lambda x, p: up(1)(x, p, stride=3)),
    "conv3d_up": ("IN |> conv3d_transpose(2, 3, stride = 2, padding = 1) as OF", (1, 2, 3, 2, 3),
                  {"kernel": (3, 3, 3, 2, 3), "bias": (2,)}, lambda x, p: up(3)(x, p, stride=2, padding=1)),
    "max3d": ("IN |> max_pool3d(2, stride = 1) as OF", (2, 3, 4, 3, 5), {},
              lambda x, p: last(F.max_pool3d(first(x), 2, stride=1))),
    "max3d_odd": ("IN |> max_pool3d(3, stride = 2, padding = 1) as OF", (1, 5, 3, 4, 2), {},
                  lambda x, p: last(F.max_pool3d(first(x), 3, stride=2, padding=1))),
    "avg3d": ("IN |> avg_pool3d(3, stride = 2, padding = 1) as OF", (2, 5, 3, 4, 2), {},
              lambda x, p: last(F.avg_pool3d(first(x), 3, stride=2, padding=1, count_include_pad=False))),
    "more1d": ("IN |> upsample1d(3) as OF", (2, 5, 3), {}, lambda x, p: last(F.interpolate(first(x), scale_factor=3.0))),
    "more2d": ("IN |> upsample2d() as OF", (2, 3, 5, 4), {}, lambda x, p: last(F.interpolate(first(x), scale_factor=2.0))),
    "framed": ("IN |> zero_pad2d(2) as OF", (1, 3, 4, 2), {}, lambda x, p: F.pad(x, (0, 0, 2, 2, 2, 2))),
    "unet": ("IN |> unet(2, depth = 2, activation = tanh, norm = false) as OF", (2, 4, 8, 3), unet_sizes(3, 2, 2),
             lambda x, p: unet(x, p, 2)),
    "excite": ("IN |> squeeze_excite(ratio = 2) as OF", (2, 3, 5, 4),
               {"squeeze/kernel": (4, 2), "squeeze/bias": (2,), "excite/kernel": (2, 4), "excite/bias": (4,)}, excite),
    "excite_flat": ("IN |> squeeze_excite(ratio = 3) as OF", (3, 1, 3),
                    {"squeeze/kernel": (3, 1), "squeeze/bias": (1,), "excite/kernel": (1, 3), "excite/bias": (3,)}, excite),
    "still": ("IN |> spatial_dropout(0.0) |> drop_path(0.0) |> gaussian_noise(0.0) as OF", (2, 3, 4), {}, lambda x, p: x),
    "sums": ("cumsum(IN)", (3, 7), {}, lambda x, p: x.cumsum(-1)),
    "sums_first": ("cumsum(IN, axis = 0)", (5, 2, 3), {}, lambda x, p: x.cumsum(0)),
    "sums_back": ("cumsum(IN, axis = 1, reverse = true)", (2, 5, 3), {}, lambda x, p: x.flip(1).cumsum(1).flip(1)),
    "sums_before": ("cumsum(IN, exclusive = true)", (2, 1, 6), {}, lambda x, p: x.cumsum(-1) - x),
    "sums_behind": ("cumsum(IN, reverse = true, exclusive = true)", (6,), {}, lambda x, p: x.flip(0).cumsum(0).flip(0) - x),
    "sums_one": ("cumsum(IN)", (4, 1), {}, lambda x, p: x.cumsum(-1)),
    "most": ("take_along(IN, largest_at(IN, k = 3))", (4, 9), {}, lambda x, p: x.topk(3).values),
    "most_all": ("take_along(IN, largest_at(IN, k = 5))", (2, 3, 5), {}, lambda x, p: x.topk(5).values),
    "places": ("0.0 * IN + cast(argsort(IN), real)", (3, 8), {}, lambda x, p: 0.0 * x + x.argsort(-1).to(x.dtype)),
    "risen": ("sort(IN)", (3, 8), {}, lambda x, p: x.sort(-1).values),
    "fallen": ("sort(IN, descending = true)", (11,), {}, lambda x, p: x.sort(-1, descending=True).values),
    "taken": ("take_along(IN, at)", (2, 4), {}, lambda x, p: x.gather(1, torch.tensor([[3, 0, 3], [1, 1, 2]]))),
    "linked": ("(graph_conv(2, mask = kept) as OF)(IN, edges)", (NODES, 3), CONV, lambda x, p: graph_conv(x, p, KEPT)),
    "linked_none": ("(graph_conv(2, mask = none_kept) as OF)(IN, edges)", (NODES, 3), CONV,
                    lambda x, p: graph_conv(x, p, NONE_KEPT)),
    "sage": ("(sage_conv(2, mask = kept) as OF)(IN, edges)", (NODES, 3),
             {"self_kernel": (3, 2), "neighbour_kernel": (3, 2), "bias": (2,)}, lambda x, p: sage_conv(x, p, KEPT)),
    "attended": ("(graph_attention(2, heads = 2, mask = kept) as OF)(IN, edges)", (NODES, 3), ATTENTION,
                 lambda x, p: graph_attention(x, p, KEPT)),
    "attended_none": ("(graph_attention(2, heads = 2, mask = none_kept) as OF)(IN, edges)", (NODES, 3), ATTENTION,
                      lambda x, p: graph_attention(x, p, NONE_KEPT)),
    "graphs_sum": ("graph_sum(IN, graph, n = 4)", (NODES, 3), {}, lambda x, p: of_graphs(x, False)),
    "graphs_mean": ("graph_mean(IN, graph, n = 4)", (NODES, 3), {}, lambda x, p: of_graphs(x, True)),
    "turned": ("turned_by(IN, angle)", (3, 5, 5, 2), {}, lambda x, p: turned(x, ANGLE.to(x.dtype))),
    "mixed": ("mixed_rows(IN, share, other)", (3, 2, 4), {}, lambda x, p: mixed(x, SHARE, OTHER)),
}


def record_all():
    generator = torch.Generator().manual_seed(29)
    data = {"edges": EDGES.int(), "kept": KEPT, "none_kept": NONE_KEPT, "graph": GRAPH,
            "at": torch.tensor([[3, 0, 3], [1, 1, 2]], dtype=torch.int32), "angle": ANGLE, "share": SHARE, "other": OTHER}
    record_named("images", "Images, order, and graphs with masks", generator, data, CASES)
    record_unet_normed()


# ---- a U-Net with batch norm: steps with the batches' statistics, then evaluation with the running ones

BATCH, STEPS = 4, 8
UNET_NORMED = """# A U-Net with batch norm: steps with the batches' statistics, before and after them predictions with the running ones.
import std.nn

model Oracle {
  dim batch
  input x: f32[batch, 4, 8, 2]
  target y: f32[batch, 4, 8, 3]
  let image = x |> unet(3, depth = 1, activation = tanh) as net
  output image
  loss mse(image, y)
  metric error = mse(image, y)
  train { optimizer = sgd(lr = 0.1, momentum = 0.9); batch = 4; steps = 8 }
}
"""


def normed_sizes(channels, filters):
    norm = {"gamma": (filters,), "beta": (filters,), "running_mean": (filters,), "running_variance": (filters,)}
    return ({"conv2d/kernel": (3, 3, channels, filters)} | put("batch_norm", norm)
            | {"conv2d_1/kernel": (3, 3, filters, filters)} | put("batch_norm_1", norm))


def double_normed(x, p, name, training):
    for end in ("", "_1"):
        norm = f"{name}/batch_norm{end}"
        x = conv(padding=1)(x, p[f"{name}/conv2d{end}/kernel"])
        x = F.batch_norm(first(x), p[f"{norm}/running_mean"], p[f"{norm}/running_variance"], p[f"{norm}/gamma"],
                         p[f"{norm}/beta"], training)
        x = torch.tanh(last(x))
    return x


def unet_normed(x, p, training):
    skip = double_normed(x, p, "net/down", training)
    below = double_normed(last(F.max_pool2d(first(skip), 2)), p, "net/inner/down", training)
    grown = up(2)(below, {"kernel": p["net/grow/kernel"], "bias": p["net/grow/bias"]}, stride=2)
    return double_normed(torch.cat([skip, grown], -1), p, "net/up", training)


def record_unet_normed():
    write_model("unet_normed", UNET_NORMED)
    generator = torch.Generator().manual_seed(31)
    x, y = normal(generator, BATCH * STEPS, 4, 8, 2), normal(generator, BATCH * STEPS, 4, 8, 3)
    sizes = put("net/down", normed_sizes(2, 3)) | put("net/inner/down", normed_sizes(3, 6))
    sizes |= {"net/grow/kernel": (2, 2, 3, 6), "net/grow/bias": (3,)} | put("net/up", normed_sizes(6, 3))
    initial = {path: 0.4 * normal(generator, *size) + (0 if path.endswith(("kernel", "bias", "beta", "mean")) else 1.5)
               for path, size in sizes.items()}
    initial = {path: value.abs() if path.endswith("variance") else value for path, value in initial.items()}
    initial = {path: value.float().double() for path, value in initial.items()}
    for precision, dtype in PRECISIONS.items():
        p = {path: value.to(dtype).clone().requires_grad_("running" not in path) for path, value in initial.items()}
        images, wanted = x.to(dtype), y.to(dtype)
        tensors = {"in/x": x.float(), "in/y": y.float()} | plan([BATCH] * STEPS, STEPS)
        tensors |= {f"slot/{path}": value for path, value in p.items()}
        tensors = {key: value.detach().clone() for key, value in tensors.items()}
        tensors["out/image"] = unet_normed(images[:BATCH], p, False)
        optimizer = torch.optim.SGD([value for value in p.values() if value.requires_grad], lr=0.1, momentum=0.9)
        losses = []
        for at in range(0, BATCH * STEPS, BATCH):
            optimizer.zero_grad()
            loss = F.mse_loss(unet_normed(images[at : at + BATCH], p, True), wanted[at : at + BATCH])
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        tensors["loss/loss"] = torch.stack(losses)
        tensors |= {f"final/{path}": value for path, value in p.items()}
        tensors["metric/error"] = F.mse_loss(unet_normed(images, p, False).double(), y)[None]
        write_record("unet_normed", precision, tensors)


if __name__ == "__main__":
    record_all()
