#include "bench/driver/bench.h"

#define GPT2(context) {"layers=12", "heads=12", "width=768", "context=" context, "positions=1024", "vocabulary=50257"}

/* Flops: 2 batch (forward + gradient of the input, where one is needed + gradient of the weights), of products alone; windows at an
 * image's edge count without the zeros around it, causal attention with the half of its scores that count; attention alone with its
 * five products backward, of which one computes the scores again. */
const Case CASES[] = {
    {"tiny", "tiny", "tiny", {0}, {"batch=16"}, "2", "tiny:adam:1e-3", 243712, 20},
    {"small", "small", "small", {0}, {"batch=256"}, "4", "small:adam:1e-3", 1015808, 10},
    {"mlp-sgd", "mlp_sgd", "mlp", {0}, {"batch=64"}, "10", "mlp:sgd:1e-2", 104726528, 1.5},
    {"mlp-adam", "mlp_adam", "mlp", {0}, {"batch=64"}, "10", "mlp:adam:1e-3", 104726528, 1.5},
    {"mlp-wide", "mlp_wide", "mlp", {0}, {"batch=128"}, "10", "mlp:sgd:1e-2", 3229089792, 1.5},
    {"lenet", "lenet", "lenet", {0}, {"batch=64"}, "10", "lenet:adam:1e-3", 142365696, 3},
    {"resnet20", "resnet20", "resnet20", {0}, {"batch=32"}, "10", "resnet20:momentum:1e-2", 7119028224, 2},
    {"resnet50", "resnet50", "resnet50", {0}, {"batch=4"}, "1000", "resnet50:momentum:1e-6", 93828329472, 1.3},
    {"lstm-128", "lstm", "lstm", {0}, {"batch=32"}, "10", "lstm:adam:1e-3", 1677967360, 3},
    {"lstm-512", "lstm", "lstm", {"units=512"}, {"batch=64"}, "10", "lstm:adam:1e-3", 43622727680, 3},
    {"gpt", "gpt", "gpt", {0}, {"batch=16"}, "256", "gpt:adamw:3e-4", 10877927424, 1.3},
    {"gpt2-64", "gpt", "gpt", GPT2("64"), {"batch=4"}, "50257", "gpt:adamw:3e-4", 190665326592, 1.3},
    {"gpt2-1024", "gpt", "gpt", GPT2("1024"), {"batch=1"}, "50257", "gpt:adamw:3e-4", 817019486208, 1.3},
    {"gcn", "gcn", "gcn", {0}, {"nodes=2708", "edges=10556"}, "2708", "gcn:adam:1e-2", 250175872, 1},
    {"vit", "vit", "vit", {0}, {"batch=32"}, "10", "vit:adamw:3e-4", 35069386752, 1},
    {"gru", "gru", "gru", {0}, {"batch=32"}, "10", "gru:adam:1e-3", 1258536960, 1},
    {"mobilenet", "mobilenet", "mobilenet", {0}, {"batch=16"}, "100", "mobilenet:momentum:1e-4", 2387907072, 1},
    {"unet", "unet", "unet", {0}, {"batch=8"}, "4", "unet:adam:1e-3", 26031304704, 1},
    {"wave", "wave", "wave", {0}, {"batch=32"}, "35", "wave:adam:1e-3", 2364882944, 1},
    {"gat", "gat", "gat", {0}, {"nodes=2708", "edges=10556"}, "2708", "gat:adam:1e-2", 1000703488, 1},
    {"attention", "attention", "attention", {0}, {"batch=1"}, "1", NULL, 11274289152, 0},
    {"attention-causal", "attention", "attention", {"causal=true"}, {"batch=1"}, "1", NULL, 5637144576, 0},
    {"attention-forward", "attention_forward", "attention", {0}, {"batch=1"}, "1", NULL, 3221225472, 0},
    {"attention-causal-forward",
     "attention_forward",
     "attention",
     {"causal=true"},
     {"batch=1"},
     "1",
     NULL,
     1610612736,
     0},
};
const int N_CASES = sizeof CASES / sizeof *CASES;

const Peer PEERS[N_PEERS] = {
    {"eager", "peer_torch.py", "eager", "torch"},
    {"compile", "peer_torch.py", "compile", "torch"},
    {"jit", "peer_jax.py", "jit", "jax"},
};
