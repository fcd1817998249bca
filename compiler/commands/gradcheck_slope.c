/* Slopes of the loss by central differences.
 *
 * With D(h) = (f(x + h) - f(x - h)) / 2h, the slope is (4 D(h) - D(2h)) / 3 (Richardson): its error is of order h^4, so steps
 * are large enough for rounding not to matter. Steps from 1e-3 down to 1e-6 are tried, as smaller ones step less far over the
 * kinks of max, abs and select nearby, and the slope that agrees best counts. An element that agrees with none stands at a kink
 * when the slopes on its two sides differ however small the step is; else it is wrong. */
#include <math.h>

#include "commands/gradcheck.h"
#include "core/element.h"

#define BAR    1e-6
#define ENOUGH 1e-8 /* an agreement that no other step need improve */

typedef struct Place { /* the element */
    Probe  *probe;
    void   *data;
    int     elem;
    int64_t index;
    double  x, middle; /* the element, and the loss there */
} Place;

double probe_loss(Probe *probe) {
    nnrt_fault     fault    = {0};
    nnrt_instance *instance = probe->run->instance;
    nnrt_status status = nnrt_instance_call(instance, probe->fn, probe->inputs, &probe->clock, &fault, &probe->error);
    probe->failed |= status != NNRT_OK;
    return status == NNRT_OK
               ? nnrt_elem_get(instance->model->fns[probe->fn].results[0].tensor.elem, instance->results[0].data, 0)
               : NAN;
}

/* The loss at x + step, and the step as the element's type holds it. */
static double loss_at(const Place *place, double *step) {
    nnrt_elem_put(place->elem, place->data, place->index, place->x + *step);
    *step       = nnrt_elem_get(place->elem, place->data, place->index) - place->x;
    double loss = probe_loss(place->probe);
    nnrt_elem_put(place->elem, place->data, place->index, place->x);
    return loss;
}

/* The second-order difference, also where the element's type rounds the two steps differently. */
static double central(const Place *place, double h, double *above, double *below) {
    double up = h, down = -h;
    *above   = loss_at(place, &up) - place->middle;
    *below   = loss_at(place, &down) - place->middle;
    double a = up, b = -down;
    return (*above * b * b - *below * a * a) / (a * b * (a + b));
}

static double relative(double a, double b, double scale) {
    return fabs(a - b) / fmax(fmax(fabs(a), fabs(b)), scale);
}

/* One-sided slopes at two small steps: at a kink they differ alike, where the loss is smooth their difference shrinks. */
static bool at_kink(const Place *place, double scale, double unit) {
    double jump[2], size = 0;
    for (int i = 0; i < 2; i++) {
        double above, below, h = unit * (i ? 1e-6 : 1e-5);
        central(place, h, &above, &below);
        double right = above / h, left = -below / h;
        jump[i] = fabs(right - left);
        size    = fmax(fmax(fabs(left), fabs(right)), scale);
    }
    return jump[1] > 0.5 * jump[0] && jump[1] > 1e-4 * size;
}

Slope probe_element(Probe *probe, void *data, int elem, int64_t index, double analytic, double scale) {
    Place  place = {probe, data, elem, index, nnrt_elem_get(elem, data, index), probe->loss};
    double unit  = fmax(1.0, fabs(place.x));
    Slope  best  = {ELEMENT_WRONG, NAN, INFINITY};
    double least = elem == NNRT_F32 ? 1e-4 : 1e-6;
    for (double h = 1e-3; h > 0.5 * least && !probe->failed; h /= 10) {
        double above, below;
        double near = central(&place, h * unit, &above, &below), far = central(&place, 2 * h * unit, &above, &below);
        double slope = (4 * near - far) / 3, error = relative(analytic, slope, scale);
        if (error < best.error || isnan(best.numeric)) best = (Slope){ELEMENT_WRONG, slope, error};
        if (best.error <= BAR) best.verdict = ELEMENT_RIGHT;
        if (best.error <= ENOUGH) break;
    }
    if (probe->failed)
        best.verdict = ELEMENT_FAILED;
    else if (best.verdict == ELEMENT_WRONG && at_kink(&place, scale, unit))
        best.verdict = ELEMENT_AT_KINK;
    return best;
}
