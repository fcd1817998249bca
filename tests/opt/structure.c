/* What rewriting leaves: for each rule a small graph and the ops that remain, sorted by name (the
 * order in which they are made depends on the C compiler). */
#include "opt/structure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opt/opt.h"

static Build build_new(void) {
    Build b = {.s = scratch_new(1)};
    b.g     = b.s->graph;
    b.n     = scratch_symbol(b.s, "n", 2);
    b.m     = scratch_symbol(b.s, "m", 3);
    b.one   = scratch_dim(b.s, 1);
    b.two   = scratch_dim(b.s, 2);
    b.four  = scratch_dim(b.s, 4);
    b.mat   = scratch_type(ELEM_F64, 2, DIMS(b.n, b.m));
    b.row   = scratch_type(ELEM_F64, 1, DIMS(b.m));
    b.cell  = scratch_type(ELEM_F64, 0, NULL);
    b.wide  = scratch_type(ELEM_F64, 2, DIMS(b.n, b.four));
    return b;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *ops_of(Scratch *s) {
    int          count = graph_node_count(s->program->graph);
    const char **names = ARENA_ARRAY(s->arena, const char *, count + 1), *text = "";
    for (int i = 0; i < count; i++) names[i] = op_info[graph_node_at(s->program->graph, i)->op].name;
    qsort(names, (size_t)count, sizeof *names, by_name);
    for (int i = 0; i < count; i++) text = arena_printf(s->arena, "%s%s%s", text, i ? " " : "", names[i]);
    return text;
}

static bool check_case(const Case *c) {
    Build b  = build_new();
    Fn   *fn = scratch_fn(b.s, FN_PREDICT, "f");
    scratch_result(b.s, fn, c->build(&b));
    graph_optimise(&b.s->c, b.s->program);
    program_verify(b.s->program, c->name);
    const char *found = ops_of(b.s);
    bool        ok    = strcmp(found, c->ops) == 0;
    if (!ok) printf("FAILED %s: \"%s\", expected \"%s\"\n", c->name, found, c->ops);
    scratch_free(b.s);
    return ok;
}

int main(void) {
    int failed = 0, count = structure_case_count;
    for (int i = 0; i < count; i++) failed += !check_case(&structure_cases[i]);
    printf("%d cases, %d failed\n", count, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
