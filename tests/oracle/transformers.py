"""Attention with masks and shared heads, blocks of transformers, and pixels between pixels: values and gradients."""

import torch
import torch.nn.functional as F

from common import normal
from items import heads, rotated
from named import record_named
from windows import first, last

SIZE = 6
NORMS = {"gamma": (SIZE,), "beta": (SIZE,)}


def attend(x, context, p, causal=False, mask=None, positions=lambda v: v):
    """Multi-head attention, p by the layer's paths; keys are repeated where fewer heads have them; a row without any is 0."""

    def split(of, name):
        return torch.einsum("btd,dhk->bthk", of, p[f"{name}/kernel"]) + p[f"{name}/bias"]

    q, k, v = positions(split(x, "query")), positions(split(context, "key")), split(context, "value")
    each = q.shape[2] // k.shape[2]
    k, v = k.repeat_interleave(each, 2), v.repeat_interleave(each, 2)
    seen = torch.ones(x.shape[0], x.shape[1], context.shape[1], dtype=torch.bool)
    if causal:
        seen = seen.tril()
    if mask is not None:
        seen = seen & (mask[:, None, :] if mask.ndim == 2 else mask)
    seen = seen[:, None]
    some = seen | ~seen.any(-1, keepdim=True)
    scores = torch.einsum("bthk,bshk->bhts", q, k) / q.shape[-1] ** 0.5
    share = torch.softmax(scores.masked_fill(~some, -torch.inf), -1) * seen
    return torch.einsum("bhts,bshk,hkd->btd", share, v, p["out/kernel"]) + p["out/bias"]


def below(p, name):
    return {path[len(name) + 1 :]: value for path, value in p.items() if path.startswith(name + "/")}


def norm(x, p, name, eps=1e-5):
    return F.layer_norm(x, (x.shape[-1],), p[f"{name}/gamma"], p[f"{name}/beta"], eps)


def forward(x, p, activation=F.gelu):
    h = activation(x @ p["wide/kernel"] + p["wide/bias"])
    return h @ p["narrow/kernel"] + p["narrow/bias"]


def encoder(x, p, norm_first=True, activation=F.gelu, eps=1e-5, **options):
    def attention(v):
        return attend(v, v, below(p, "attend"), **options)

    if norm_first:
        a = x + attention(norm(x, p, "norm_1", eps))
        return a + forward(norm(a, p, "norm_2", eps), below(p, "forward"), activation)
    a = norm(x + attention(x), p, "norm_1", eps)
    return norm(a + forward(a, below(p, "forward"), activation), p, "norm_2", eps)


def decoder(x, p, context, norm_first=True, mask=None, context_mask=None):
    def itself(v):
        return attend(v, v, below(p, "attend"), causal=True, mask=mask)

    def other(v):
        return attend(v, context, below(p, "look"), mask=context_mask)

    if norm_first:
        a = x + itself(norm(x, p, "norm_1"))
        b = a + other(norm(a, p, "norm_2"))
        return b + forward(norm(b, p, "norm_3"), below(p, "forward"))
    a = norm(x + itself(x), p, "norm_1")
    b = norm(a + other(a), p, "norm_2")
    return norm(b + forward(b, below(p, "forward")), p, "norm_3")


def attention_sizes(count, head_dim, kv_heads=None, context=SIZE):
    kv = kv_heads or count
    return (heads("query", SIZE, count, head_dim) | heads("key", context, kv, head_dim) | heads("value", context, kv, head_dim)
            | {"out/kernel": (count, head_dim, SIZE), "out/bias": (SIZE,)})


def put(name, sizes):
    return {f"{name}/{path}": size for path, size in sizes.items()}


def forward_sizes(hidden):
    return {"wide/kernel": (SIZE, hidden), "wide/bias": (hidden,), "narrow/kernel": (hidden, SIZE), "narrow/bias": (SIZE,)}


def encoder_sizes(count, hidden, kv_heads=None):
    return (put("attend", attention_sizes(count, SIZE // count, kv_heads)) | put("norm_1", NORMS) | put("norm_2", NORMS)
            | put("forward", forward_sizes(hidden)))


def decoder_sizes(count):
    return (encoder_sizes(count, 4 * SIZE) | put("look", attention_sizes(count, SIZE // count, context=3)) | put("norm_3", NORMS))


def positions(n, dim, dtype, base=10000.0):
    """Vaswani et al. 2017, section 3.5."""
    angle = torch.arange(n, dtype=dtype)[:, None] / base ** (2 * (torch.arange(dim) // 2).to(dtype) / dim)
    return torch.where(torch.arange(dim) % 2 == 0, angle.sin(), angle.cos())


def between(x, row, column):
    """grid_sample counts from -1 to 1, from the first pixel's middle to the last one's."""
    grid = torch.stack([2 * column / (x.shape[2] - 1) - 1, 2 * row / (x.shape[1] - 1) - 1], -1)
    return last(F.grid_sample(first(x), grid, align_corners=True))


# Five positions, the first sample's last two hidden; the second sample sees nothing at all.
MASK = torch.tensor([[1, 1, 1, 0, 0], [0, 0, 0, 0, 0]], dtype=torch.bool)
SOME = torch.tensor([[1, 0, 1, 1, 0], [0, 1, 1, 1, 1]], dtype=torch.bool)
CONTEXT_MASK = torch.tensor([[1, 0, 1, 1], [0, 0, 0, 1]], dtype=torch.bool)


def cases(data):
    """name: (.nnet of IN, named OF, the shape of IN, the layer's parameters, PyTorch's function of IN and of those by name)."""
    context, pairs = data["context"].double(), data["pairs"]
    return {
        "masked": ("IN |> attention(2, mask = mask) as OF", (2, 5, SIZE), attention_sizes(2, 3),
                   lambda x, p: attend(x, x, p, mask=MASK)),
        "masked_causal": ("IN |> attention(3, causal = true, mask = some) as OF", (2, 5, SIZE), attention_sizes(3, 2),
                          lambda x, p: attend(x, x, p, causal=True, mask=SOME)),
        "masked_pairs": ("IN |> attention(1, mask = pairs) as OF", (2, 5, SIZE), attention_sizes(1, 6),
                         lambda x, p: attend(x, x, p, mask=pairs)),
        "grouped": ("IN |> attention(6, head_dim = 2, kv_heads = 2, positions = rope) as OF", (1, 7, SIZE),
                    attention_sizes(6, 2, 2), lambda x, p: attend(x, x, p, positions=rotated)),
        "grouped_one": ("IN |> attention(2, kv_heads = 1, causal = true) as OF", (3, 1, SIZE), attention_sizes(2, 3, 1),
                        lambda x, p: attend(x, x, p, causal=True)),
        "cross_masked": ("(cross_attention(2, kv_heads = 1, mask = context_mask) as OF)(IN, context)", (2, 3, SIZE),
                         attention_sizes(2, 3, 1, context=3), lambda x, p: attend(x, context, p, mask=CONTEXT_MASK)),
        "softmax_masked": ("masked_softmax(IN, mask)", (2, 5), {},
                           lambda x, p: torch.softmax(x.masked_fill(~MASK & MASK.any(1, keepdim=True), -torch.inf), 1) * MASK),
        "feed": ("IN |> feed_forward(5, activation = relu) as OF", (2, 3, SIZE), forward_sizes(5),
                 lambda x, p: forward(x, p, torch.relu)),
        "encoder": ("IN |> transformer_encoder(2) as OF", (2, 5, SIZE), encoder_sizes(2, 4 * SIZE), encoder),
        "encoder_post": ("IN |> transformer_encoder(3, hidden = 7, activation = relu, norm_first = false, causal = true) as OF",
                         (1, 4, SIZE), encoder_sizes(3, 7),
                         lambda x, p: encoder(x, p, norm_first=False, activation=torch.relu, causal=True)),
        "encoder_masked": ("IN |> transformer_encoder(2, kv_heads = 1, eps = 0.001, mask = mask) as OF", (2, 5, SIZE),
                           encoder_sizes(2, 4 * SIZE, 1), lambda x, p: encoder(x, p, eps=1e-3, mask=MASK)),
        "decoder": ("(transformer_decoder(2, mask = some, context_mask = context_mask) as OF)(IN, context)", (2, 5, SIZE),
                    decoder_sizes(2), lambda x, p: decoder(x, p, context, mask=SOME, context_mask=CONTEXT_MASK)),
        "decoder_post": ("(transformer_decoder(1, norm_first = false) as OF)(IN, context)", (2, 1, SIZE), decoder_sizes(1),
                         lambda x, p: decoder(x, p, context, norm_first=False)),
        "token": ("IN |> class_token() as OF", (2, 3, 4), {"token": (4,)},
                  lambda x, p: torch.cat([p["token"].expand(2, 1, 4), x], 1)),
        "patches": ("IN |> patch_embedding(2, 5) as OF", (2, 4, 6, 3), {"project/kernel": (2, 2, 3, 5), "project/bias": (5,)},
                    lambda x, p: F.conv2d(first(x), p["project/kernel"].permute(3, 2, 0, 1), p["project/bias"], stride=2)
                    .flatten(2).movedim(1, 2)),
        "sines": ("IN .+ sinusoidal_positions(9, 5)", (2, 9, 5), {}, lambda x, p: x + positions(9, 5, x.dtype)),
        "between": ("sample_bilinear(IN, row, column)", (2, 4, 5, 3), {},
                    lambda x, p: between(x, data["row"].double(), data["column"].double())),
    }


def record_all():
    generator = torch.Generator().manual_seed(23)
    data = {
        "mask": MASK, "some": SOME, "context_mask": CONTEXT_MASK, "context": normal(generator, 2, 4, 3).float(),
        "pairs": torch.rand(2, 5, 5, generator=generator) < 0.5,
        "row": (normal(generator, 2, 3, 7) * 2 + 1.5).float(), "column": (normal(generator, 2, 3, 7) * 2 + 2).float(),
    }
    record_named("transformers", "Attention and transformers", generator, data, cases(data))


if __name__ == "__main__":
    record_all()
