#include "core/variant.h"

#include <stdio.h>
#include <string.h>

#include "core/status.h"

typedef struct Feature {
    uint64_t    bit;
    const char *name;
} Feature;

#define FEATURE_ROW(bit, name) {UINT64_C(1) << (bit), name},
static const Feature features_known[] = {NNRT_CPU_FEATURES(FEATURE_ROW)};

uint64_t nnrt_cpu_features(void) {
    uint64_t found = 0;
#if defined __x86_64__ || defined __i386__
#define FEATURE_ASK(bit, name)                                                                                         \
    if (__builtin_cpu_supports(name)) found |= UINT64_C(1) << (bit);
    __builtin_cpu_init();
    NNRT_CPU_FEATURES(FEATURE_ASK)
#endif
    return found;
}

static void append(char *text, size_t size, const char *separator, const char *word) {
    size_t length = strlen(text);
    snprintf(text + length, size - length, "%s%s", length ? separator : "", word);
}

/* "avx2, fma" */
static void missing_text(uint64_t missing, char *text, size_t size) {
    *text = 0;
    for (size_t i = 0; i < sizeof features_known / sizeof *features_known; i++)
        if (missing & features_known[i].bit) append(text, size, ", ", features_known[i].name);
}

static void names_text(const nnrt_model *model, char *text, size_t size) {
    *text = 0;
    for (int64_t i = 0; i < model->n_variants; i++) append(text, size, ", ", model->variants[i].name);
}

static const nnrt_variant *named(const nnrt_model *model, const char *name) {
    for (int64_t i = 0; i < model->n_variants; i++)
        if (!strcmp(model->variants[i].name, name)) return &model->variants[i];
    return NULL;
}

static const nnrt_variant *strongest(const nnrt_model *model, uint64_t features) {
    const nnrt_variant *found = NULL;
    for (int64_t i = 0; i < model->n_variants; i++)
        if (!(model->variants[i].needs & ~features)) found = &model->variants[i];
    return found;
}

nnrt_status nnrt_variant_choose(const nnrt_model *model, uint64_t features, const char *wanted,
                                const nnrt_variant **chosen, nnrt_error *error) {
    char names[128], missing[192];
    *chosen = NULL;
    if (!model->n_variants) return NNRT_OK;
    names_text(model, names, sizeof names);
    const nnrt_variant *variant = wanted ? named(model, wanted) : strongest(model, features);
    if (!variant && wanted)
        return nnrt_fail(error, NNRT_USAGE, NNRT_TARGET_VARIABLE "=%.40s: model '%s' is compiled for %s", wanted,
                         model->name, names);
    const nnrt_variant *least = variant ? variant : &model->variants[0];
    missing_text(least->needs & ~features, missing, sizeof missing);
    if (*missing)
        return nnrt_fail(error, NNRT_ERROR,
                         "model '%s' is compiled for %s, and this machine has no %s, which %s needs: compile it for "
                         "this machine (nnc --target)",
                         model->name, names, missing, least->name);
    *chosen = variant;
    return NNRT_OK;
}
