/* Where the graph is entered from. */
#include "ir/program.h"

static void push_roots(Arena *arena, Fn *fn, RootVec *roots) {
    for (int i = 0; i < fn->results.len; i++) {
        vec_push(arena, roots, &fn->results.data[i].value);
        vec_push(arena, roots, &fn->results.data[i].weight);
    }
    for (int i = 0; i < fn->updates.len; i++) vec_push(arena, roots, &fn->updates.data[i].value);
}

RootVec fn_roots(Arena *arena, Fn *fn) {
    RootVec roots = {0};
    push_roots(arena, fn, &roots);
    return roots;
}

RootVec program_roots(Arena *arena, Program *program) {
    RootVec roots = {0};
    for (int i = 0; i < program->slots.len; i++) vec_push(arena, &roots, &program->slots.data[i].init);
    for (int f = 0; f < program->fns.len; f++) push_roots(arena, program->fns.data[f], &roots);
    return roots;
}

void fn_substitute(Graph *graph, Fn *fn, Map *replacement) {
    for (int i = 0; i < fn->results.len; i++) {
        Result *result = &fn->results.data[i];
        result->value  = graph_substitute(graph, result->value, replacement);
        if (result->weight) result->weight = graph_substitute(graph, result->weight, replacement);
    }
    for (int i = 0; i < fn->updates.len; i++)
        fn->updates.data[i].value = graph_substitute(graph, fn->updates.data[i].value, replacement);
}
