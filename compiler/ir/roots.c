/* Where the graph is entered from. */
#include "ir/program.h"

RootVec program_roots(Arena *arena, Program *program) {
    RootVec roots = {0};
    for (int i = 0; i < program->slots.len; i++) vec_push(arena, &roots, &program->slots.data[i].init);
    for (int f = 0; f < program->fns.len; f++) {
        Fn *fn = program->fns.data[f];
        for (int i = 0; i < fn->results.len; i++) {
            vec_push(arena, &roots, &fn->results.data[i].value);
            vec_push(arena, &roots, &fn->results.data[i].weight);
        }
        for (int i = 0; i < fn->updates.len; i++) vec_push(arena, &roots, &fn->updates.data[i].value);
    }
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
