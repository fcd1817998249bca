#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "autodiff/autodiff.h"
#include "codegen/convolution_check.h"
#include "codegen/harness.h"
#include "opt/opt.h"

void check_within(uint64_t seed, const Convolution *v, int64_t batch, bool batch_known, ElemType real,
                  double tolerance) {
    Scratch *s        = scratch_new(seed);
    s->program->real  = real;
    const Dim *images = batch_known ? scratch_dim(s, batch) : scratch_symbol(s, "batch", batch);
    for (int part = CONV_FORWARD; part <= CONV_KERNEL_GRADIENT; part++)
        scratch_result(s, scratch_fn(s, FN_PREDICT, "part"), convolution_part(s, v, images, (ConvolutionPart)part));
    assert_true(v->groups == 1 || graph_add_gradients(&s->c, s->program));
    graph_optimise(&s->c, s->program);
    check_program(s, tolerance);
    scratch_free(s);
}

void check_convolution(uint64_t seed, const Convolution *v, int64_t batch, bool batch_known, ElemType real) {
    check_within(seed, v, batch, batch_known, real, real == ELEM_F64 ? 1e-11 : 2e-4);
}
