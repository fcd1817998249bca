"""Layers from image to image, the order of elements, and graphs with masked edges: values and gradients.

Graphs are compared with their formulas over dense matrices."""

import torch
import torch.nn.functional as F

from common import normal
from items import EDGES, NODES
from named import record_named
from windows import conv, first, last

KEPT = torch.tensor([1, 1, 0, 1, 1, 0, 1, 1, 0, 1], dtype=torch.bool)
NONE_KEPT = torch.zeros(10, dtype=torch.bool)
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
}


def record_all():
    generator = torch.Generator().manual_seed(29)
    data = {"edges": EDGES.int(), "kept": KEPT, "none_kept": NONE_KEPT, "graph": GRAPH,
            "at": torch.tensor([[3, 0, 3], [1, 1, 2]], dtype=torch.int32)}
    record_named("images", "Images, order, and graphs with masks", generator, data, CASES)


if __name__ == "__main__":
    record_all()
