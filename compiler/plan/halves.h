/* Inside plan/: tables of which half does not matter.
 *
 * A mask is a comparison of two positions, index[low] + low_start <= index[high] + high_start, which selects between a value and 0 or minus
 * infinity. Outside of that half the value selected is not looked at, and what is made of the zeros by multiplication is 0. */
#ifndef NNC_PLAN_HALVES_H
#define NNC_PLAN_HALVES_H

#include "plan/fuse.h"

/* An element matters only where its index along `low` + low_start <= its index along `high` + high_start. */
typedef struct Half {
    int   low, high;              /* axes */
    Node *low_start, *high_start; /* i64; NULL: 0 */
} Half;

typedef struct Halves {
    Fuse *f;
    Map  *users; /* node -> NodeVec * */
} Halves;

Halves halves_new(Fuse *f);
bool   half_is(const Half *a, const Half *b);

/* `value` outside of the half: 0, or minus infinity. */
bool half_outside(const Node *node, double value, Half *half);
/* Nothing outside of the half is looked at. */
bool half_unseen(Halves *h, const Node *node, Half *half);
/* From a movement op's input to its result; false where it is none there. */
bool half_above(const Node *node, Half *half);

/* triangle.c: which side of a product an axis of operand `right`, or of its result, is: alone there but for axes of size 1. */
ProductAxis product_axis_of_operand(const Node *dot, bool right, int axis);
ProductAxis product_axis_of_result(const Node *dot, int axis);

#endif
