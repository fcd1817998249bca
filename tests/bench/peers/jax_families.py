"""More of the benchmark's networks in JAX: what the field trains beside those of jax_models.py."""
import jax
import jax.numpy as jnp

from jax_models import conv, dense, layer_norm, max_pool, unit


def numbered(name, i):
    return name + (f"_{i}" if i else "")


def vit_block(w, name, x):
    y = layer_norm(w, name + "/norm_1", x)
    q, k, v = (jnp.einsum("btd,dhk->bhtk", y, w[f"{name}/attend/{n}/kernel"]) + w[f"{name}/attend/{n}/bias"][:, None]
               for n in ("query", "key", "value"))
    share = jax.nn.softmax(jnp.einsum("bhtk,bhsk->bhts", q, k) * q.shape[-1] ** -0.5)
    y = jnp.einsum("bhts,bhsk->bthk", share, v)
    x = x + jnp.einsum("bthk,hkd->btd", y, w[name + "/attend/out/kernel"]) + w[name + "/attend/out/bias"]
    y = dense(w, name + "/forward/wide", layer_norm(w, name + "/norm_2", x))
    return x + dense(w, name + "/forward/narrow", jax.nn.gelu(y, approximate=False))


def vit(w, image):
    layers = len({name.split("/")[0] for name in w if name.startswith("transformer_encoder")})
    x = conv(w, "patch_embedding/project", image, 4)
    x = x.reshape(x.shape[0], -1, x.shape[-1])
    token = jnp.broadcast_to(w["class_token/token"], (x.shape[0], 1, x.shape[-1]))
    x = jnp.concatenate([token, x], 1) + w["place/weight"]
    for i in range(layers):
        x = vit_block(w, numbered("transformer_encoder", i), x)
    return dense(w, "head", layer_norm(w, "layer_norm", x)[:, 0])


def gru(w, x):
    units = w["gru/recurrent"].shape[0]
    u, shift = w["gru/recurrent"].reshape(units, -1), w["gru/recurrent_bias"].reshape(-1)
    given = x @ w["gru/kernel"].reshape(x.shape[-1], -1) + w["gru/bias"].reshape(-1)  # of all steps at once

    def step(h, xt):
        r_x, z_x, n_x = jnp.split(xt, 3, -1)
        r_h, z_h, n_h = jnp.split(h @ u + shift, 3, -1)
        n = jnp.tanh(n_x + jax.nn.sigmoid(r_x + r_h) * n_h)
        h = n + jax.nn.sigmoid(z_x + z_h) * (h - n)
        return h, h

    _, states = jax.lax.scan(step, jnp.zeros((x.shape[0], units)), given.swapaxes(0, 1))
    return dense(w, "dense", states.mean(0))


def batch_norm(w, name, x):
    mean = jnp.mean(x, (0, 1, 2))
    variance = jnp.mean(jnp.square(x - mean), (0, 1, 2))
    return (x - mean) * (w[name + "/gamma"] * jax.lax.rsqrt(variance + 1e-5)) + w[name + "/beta"]


def bottleneck(w, name, x, stride):
    y = jax.nn.relu6(unit(w, name + "/unit", x))
    kernel = w[name + "/depthwise_conv2d/kernel"][:, :, None]
    y = jax.lax.conv_general_dilated(y, kernel, (stride, stride), [(1, 1)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"),
                                     feature_group_count=y.shape[-1])
    y = unit(w, name + "/unit_1", jax.nn.relu6(batch_norm(w, name + "/batch_norm", y)))
    return x + y if x.shape == y.shape else y


def mobilenet(w, image):
    x = jax.nn.relu6(unit(w, "unit", image, 2, 1))
    for i, stride in enumerate((1, 2, 1, 2, 1, 2, 1, 1, 1)):
        x = bottleneck(w, numbered("bottleneck", i), x, stride)
    return dense(w, "dense", jax.nn.relu6(unit(w, "unit_1", x)).mean((1, 2)))


def double_conv(w, name, x):
    for i in range(2):
        x = jax.nn.relu(batch_norm(w, f"{name}/" + numbered("batch_norm", i), conv(w, f"{name}/" + numbered("conv2d", i), x, 1, 1)))
    return x


def unet_level(w, name, x):
    skip = double_conv(w, name + "/down", x)
    if name + "/grow/kernel" not in w:
        return skip
    below = unet_level(w, name + "/inner", max_pool(skip, 2, 2))
    grown = jnp.einsum("bhwc,klfc->bhkwlf", below, w[name + "/grow/kernel"])  # windows side by side
    grown = grown.reshape(skip.shape[:3] + (-1,)) + w[name + "/grow/bias"]
    return double_conv(w, name + "/up", jnp.concatenate([skip, grown], -1))


def unet(w, image):
    return conv(w, "head", unet_level(w, "net", image))


def wave(w, sound):
    x = sound
    for i in range(4):
        name = numbered("conv1d", i)
        x = x if i == 0 else jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 4, 1), (1, 4, 1), "VALID")
        y = jax.lax.conv_general_dilated(x, w[name + "/kernel"], (1 if i else 4,), "SAME" if i else "VALID",
                                         dimension_numbers=("NWC", "WIO", "NWC"))
        x = jax.nn.relu(y + w[name + "/bias"])
    return dense(w, "dense", x.mean(1))


def gat(w, x, graph):
    source, target = graph[:, 0], graph[:, 1]

    def layer(name, x):
        h = jnp.einsum("nf,fhu->nhu", x, w[name + "/kernel"])
        sends, takes = (h * w[name + "/source_weight"]).sum(2), (h * w[name + "/destination_weight"]).sum(2)
        most = jax.lax.stop_gradient(jax.nn.leaky_relu(takes + sends.max(0), 0.2))
        own = jnp.exp(jax.nn.leaky_relu(sends + takes, 0.2) - most)
        weight = jnp.exp(jax.nn.leaky_relu(sends[source] + takes[target], 0.2) - most[target])
        total = own.at[target].add(weight)
        sent = (h * own[..., None]).at[target].add(h[source] * weight[..., None])
        return (sent / total[..., None]).reshape(x.shape[0], -1) + w[name + "/bias"]

    return layer("second", jax.nn.elu(layer("first", x)))


CASES = {"vit": vit, "gru": gru, "mobilenet": mobilenet, "unet": unet, "wave": wave, "gat": gat}
