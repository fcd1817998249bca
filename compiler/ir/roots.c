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
