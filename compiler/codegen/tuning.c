#include "codegen/tuning.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/contract.h"
#include "codegen/target.h"

Tuning *tuning_new(Arena *arena) {
    Tuning *tuning = ARENA_NEW(arena, Tuning);
    tuning->names  = intern_new(arena);
    tuning->chosen = map_new(arena);
    return tuning;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------------------- */

static uint64_t hash_number(uint64_t seed, int64_t number) {
    return hash_bytes(seed, &number, sizeof number);
}

static uint64_t hash_levels(uint64_t seed, const ContractLevel *levels, int n) {
    for (int i = 0; i < n; i++) seed = hash_number(hash_number(seed, levels[i].extent), levels[i].stride);
    return seed;
}

/* Field by field: what lies between the fields of a struct is not its own. */
static uint64_t window_hash(const ContractWindow *w) {
    int64_t  numbers[] = {w->image_in_k,
                          w->copied,
                          w->n_rows,
                          w->n_depth,
                          w->positions,
                          w->images,
                          w->bands,
                          w->band,
                          w->band_stride,
                          w->image_stride,
                          w->copy_elems,
                          w->copy_origin,
                         w->regions ? w->regions->count : -1,
                         w->plane ? w->plane->winograd : -1};
    uint64_t hash      = HASH_SEED;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) hash = hash_number(hash, numbers[i]);
    return hash_levels(hash_levels(hash, w->rows, w->n_rows), w->depth, w->n_depth);
}

const char *tuning_key(Arena *arena, const ContractShape *s) {
    const char *key = arena_printf(
        arena, "%s m=%" PRId64 " n=%" PRId64 " k=%" PRId64 " a=%" PRId64 ",%" PRId64 " b=%" PRId64 ",%" PRId64,
        s->is_double ? "f64" : "f32", s->m, s->n, s->k, s->a_stride_m, s->a_stride_k, s->b_stride_k, s->b_stride_n);
    int form[] = {s->a_has_load,   s->b_has_load, s->b_has_levels, (int)s->a_split,
                  (int)s->b_split, s->b_packed,   s->groups};
    for (size_t i = 0; i < sizeof form / sizeof *form; i++)
        key = arena_printf(arena, "%s%s%d", key, i ? "," : " form=", form[i]);
    return s->window ? arena_printf(arena, "%s window=%016" PRIx64, key, window_hash(s->window)) : key;
}

static bool is_for(const Tuning *tuning, const Target *target) {
    return tuning->cpu && !strcmp(tuning->target, target->name) && !strcmp(tuning->cpu, target->cpu);
}

const Blocking *tuning_choose(const Tuning *tuning, const Target *target, Arena *arena, const ContractShape *shape) {
    if (!tuning) return &blockings[0];
    if (tuning->candidate) return tuning->candidate;
    if (!is_for(tuning, target)) return &blockings[0];
    const Blocking *chosen = map_get(tuning->chosen, intern(tuning->names, tuning_key(arena, shape)));
    return chosen ? chosen : &blockings[0];
}

int tuning_number(Tuning *tuning, Arena *arena, const ContractShape *shape) {
    const char *key = intern(tuning->names, tuning_key(arena, shape));
    for (int i = 0; i < tuning->keys.len; i++)
        if (tuning->keys.data[i] == key) return i;
    vec_push(arena, &tuning->keys, key);
    return tuning->keys.len - 1;
}

/* ---- the file ----------------------------------------------------------------------------------------------------------------- */

const char *tuning_head(Compilation *c) {
    TargetList  targets = targets_new(c);
    const char *head    = "";
    if (targets.len)
        head = arena_printf(c->arena, "nnc tuning 1\ntarget %s %s\n", targets.data[0]->name, targets.data[0]->cpu);
    targets_free(targets);
    return head;
}

static bool refuse(Compilation *c, const char *path, int line, const char *what) {
    Diag *d = diag_error(c->diags, (Span){0}, E0732, "'%s', line %d: %s", path, line, what);
    diag_help(d, "make it again on this machine with nnc --tune, or leave --tuned out");
    return false;
}

static bool read_head(Compilation *c, Tuning *tuning, const char *path, const char *text, int line) {
    char target[32], cpu[64], rest;
    if (line == 1) return !strcmp(text, "nnc tuning 1") || refuse(c, path, line, "not a tuning file of this nnc");
    if (sscanf(text, "target %31s %63s%c", target, cpu, &rest) != 2) return refuse(c, path, line, "no target");
    tuning->target = intern(tuning->names, target);
    tuning->cpu    = intern(tuning->names, cpu);
    return true;
}

/* "NAME GAIN KEY" */
static bool read_entry(Compilation *c, Tuning *tuning, const char *path, const char *text, int line) {
    char   name[32];
    double gain;
    int    at = 0;
    if (sscanf(text, "%31s %lf f%n", name, &gain, &at) != 2 || !at || !strstr(text, " form="))
        return refuse(c, path, line, "damaged");
    const Blocking *blocking = blocking_named(name);
    if (!blocking) return refuse(c, path, line, arena_printf(c->arena, "there is no blocking '%s'", name));
    map_set(tuning->chosen, intern(tuning->names, text + at - 1), (void *)(uintptr_t)blocking);
    return true;
}

static bool is_of_a_target(Compilation *c, const Tuning *tuning, const char *path) {
    TargetList targets = targets_new(c);
    bool       found   = false;
    for (int i = 0; i < targets.len; i++) found |= is_for(tuning, targets.data[i]);
    if (targets.len && !found)
        refuse(c, path, 2,
               arena_printf(c->arena, "tuned for %s on %s, and what is compiled for is %s on %s", tuning->target,
                            tuning->cpu, targets.data[0]->name, targets.data[0]->cpu));
    targets_free(targets);
    return found;
}

Tuning *tuning_read(Compilation *c, const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) {
        diag_error(c->diags, (Span){0}, E0732, "cannot read '%s': %s", path, strerror(errno));
        return NULL;
    }
    Tuning *tuning = tuning_new(c->arena);
    char   *text   = NULL;
    size_t  room   = 0;
    bool    fine   = true;
    int     line   = 0;
    for (ssize_t length; fine && (length = getline(&text, &room, file)) > 0;) {
        bool whole       = text[length - 1] == '\n' && !memchr(text, 0, (size_t)length);
        text[length - 1] = whole ? 0 : text[length - 1];
        line++;
        if (!whole)
            fine = refuse(c, path, line, "damaged: the line does not end");
        else
            fine = line <= 2 ? read_head(c, tuning, path, text, line) : read_entry(c, tuning, path, text, line);
    }
    free(text);
    fclose(file);
    if (fine && line < 2) fine = refuse(c, path, line + 1, "not a tuning file of this nnc");
    return fine && is_of_a_target(c, tuning, path) ? tuning : NULL;
}
