/* Finding regions: roles spread from products to what reads them; what cannot stay inside is given up; levels follow. */
#include "plan/regions.h"

RegionFacts *region_facts(const Regions *r, const Node *node) {
    return &r->facts[node->id];
}

ScoreRegion *region_of(ScoreRegion *region) {
    while (region->merged) region = region->merged;
    return region;
}

bool roles_have(const Roles *roles, int rank, int role) {
    for (int i = 0; i < rank; i++)
        if (roles->of[i] == role) return true;
    return false;
}

static bool is_member(const Regions *r, const Node *node) {
    return region_facts(r, node)->part == PART_MEMBER;
}

bool is_large(const Regions *r, const Node *node) {
    const RegionFacts *facts = region_facts(r, node);
    return facts->part == PART_MEMBER && roles_have(&facts->roles, node->type.rank, ROLE_ROWS) &&
           roles_have(&facts->roles, node->type.rank, ROLE_COLUMNS);
}

/* ---- roles ---------------------------------------------------------------------------------------------------------- */

static bool same_roles(const Roles *a, const Roles *b, int rank) {
    for (int i = 0; i < rank; i++)
        if (a->of[i] != b->of[i]) return false;
    return true;
}

static Roles flipped(Roles roles) {
    for (int i = 0; i < MAX_RANK; i++) {
        int8_t *role = &roles.of[i];
        *role        = *role == ROLE_ROWS ? ROLE_COLUMNS : *role == ROLE_COLUMNS ? ROLE_ROWS : *role;
    }
    return roles;
}

static void flip(Regions *r, ScoreRegion *region) {
    for (int i = 0; i < region->nodes.len; i++) {
        Roles *roles = &region_facts(r, region->nodes.data[i])->roles;
        *roles       = flipped(*roles);
    }
}

static void enter(Regions *r, Node *node, Part part, ScoreRegion *region, const Roles *roles) {
    RegionFacts *facts = region_facts(r, node);
    facts->part        = part;
    facts->region      = region;
    facts->roles       = *roles;
    vec_push(r->c->arena, &region->nodes, node);
}

/* Makes one region of two whose nodes `a` and `b` of one shape are read together. */
static bool unite(Regions *r, const Node *a, const Node *b) {
    ScoreRegion *x = region_of(region_facts(r, a)->region), *y = region_of(region_facts(r, b)->region);
    const Roles *of_a = &region_facts(r, a)->roles, *of_b = &region_facts(r, b)->roles;
    if (x == y) return same_roles(of_a, of_b, a->type.rank);
    if (!same_roles(of_a, of_b, a->type.rank)) {
        Roles other = flipped(*of_b);
        if (!same_roles(of_a, &other, a->type.rank) || (x->split && y->split)) return false;
        flip(r, x->split ? y : x);
    }
    for (int i = 0; i < y->nodes.len; i++) vec_push(r->c->arena, &x->nodes, y->nodes.data[i]);
    x->split |= y->split;
    y->merged = x;
    return true;
}

static bool enter_elementwise(Regions *r, Node *node) {
    const Node *first = NULL;
    for (int i = 0; i < node->n_inputs; i++) {
        const Node *input = node->inputs[i];
        if (!is_member(r, input)) continue;
        if (first && !unite(r, first, input)) return false;
        first = input;
    }
    const RegionFacts *facts = region_facts(r, first);
    enter(r, node, PART_MEMBER, region_of(facts->region), &facts->roles);
    return true;
}

static bool has_axis(const Node *node, int axis) {
    for (int i = 0; i < node->attr.axes.count; i++)
        if (node->attr.axes.axes[i] == axis) return true;
    return false;
}

/* The columns' size, wherever a node of the region has them. */
static const Dim *columns_of(const Regions *r, const ScoreRegion *region) {
    const Node  *node  = region->nodes.data[0];
    const Roles *roles = &region_facts(r, node)->roles;
    for (int i = 0; i < node->type.rank; i++)
        if (roles->of[i] == ROLE_COLUMNS) return node->type.dims[i];
    return NULL;
}

/* A value a row, repeated along the columns. */
static bool enter_expand(Regions *r, Node *node) {
    const RegionFacts *facts = region_facts(r, node->inputs[0]);
    Roles              roles = {{0}};
    for (int i = 0, at = 0; i < node->type.rank; i++)
        roles.of[i] = has_axis(node, i) ? ROLE_COLUMNS : facts->roles.of[at++];
    int axis = node->attr.axes.axes[0];
    if (node->attr.axes.count != 1 || roles_have(&facts->roles, node->inputs[0]->type.rank, ROLE_COLUMNS)) return false;
    if (node->type.dims[axis] != columns_of(r, region_of(facts->region))) return false;
    enter(r, node, PART_MEMBER, region_of(facts->region), &roles);
    return true;
}

static bool enter_permute(Regions *r, Node *node) {
    const RegionFacts *facts = region_facts(r, node->inputs[0]);
    Roles              roles = {{0}};
    for (int i = 0; i < node->type.rank; i++) roles.of[i] = facts->roles.of[node->attr.axes.axes[i]];
    enter(r, node, PART_MEMBER, region_of(facts->region), &roles);
    return true;
}

/* Along the columns a reduction gives a value a row, a member; a sum over the rows is a sink. */
static bool enter_reduction(Regions *r, Node *node) {
    const RegionFacts *facts  = region_facts(r, node->inputs[0]);
    ScoreRegion       *region = region_of(facts->region);
    if (!is_large(r, node->inputs[0])) return false;
    int axis = node->op == OP_ARGMAX || node->attr.axes.count == 1 ? node->attr.axes.axes[0] : -1;
    if (axis < 0 || facts->roles.of[axis] >= ROLE_BATCH) return false;
    if (!region->split && facts->roles.of[axis] == ROLE_ROWS) flip(r, region);
    region->split = true;
    bool along    = facts->roles.of[axis] == ROLE_COLUMNS;
    if (!along && node->op != OP_SUM) return false;
    Roles roles = {{0}};
    for (int i = 0, at = 0; i < node->inputs[0]->type.rank; i++)
        if (i != axis) roles.of[at++] = facts->roles.of[i];
    enter(r, node, along ? PART_MEMBER : PART_SINK, region, &roles);
    return true;
}

/* ---- contractions ------------------------------------------------------------------------------------------------------ */

static bool listed(const int8_t *axes, int count, int axis) {
    for (int i = 0; i < count; i++)
        if (axes[i] == axis) return true;
    return false;
}

/* Copies the roles of one side's free axes to the output's axes from `at` on; returns the next. */
static int free_roles(const Node *dot, int side, const Roles *from, Roles *to, int at) {
    const DotAxes *axes = &dot->attr.dot;
    for (int i = 0; i < dot->inputs[side]->type.rank; i++) {
        const int8_t *batch = side ? axes->right_batch : axes->left_batch;
        const int8_t *deep  = side ? axes->right_contract : axes->left_contract;
        if (listed(batch, axes->n_batch, i) || listed(deep, axes->n_contract, i)) continue;
        to->of[at++] = from->of[i];
    }
    return at;
}

/* The roles of the side that is no member, by the axes with which its own are paired. */
static Roles paired_roles(const Node *dot, int member, const Roles *of_member) {
    const DotAxes *axes  = &dot->attr.dot;
    Roles          roles = {{0}};
    for (int i = 0; i < axes->n_batch; i++) {
        int a = member ? axes->right_batch[i] : axes->left_batch[i];
        roles.of[(int)(member ? axes->left_batch[i] : axes->right_batch[i])] = of_member->of[a];
    }
    for (int i = 0; i < axes->n_contract; i++) {
        int a = member ? axes->right_contract[i] : axes->left_contract[i];
        roles.of[(int)(member ? axes->left_contract[i] : axes->right_contract[i])] = of_member->of[a];
    }
    return roles;
}

/* A contraction of a large value with something small. */
static bool enter_sink(Regions *r, Node *dot) {
    int member = is_member(r, dot->inputs[0]) ? 0 : 1;
    if (is_member(r, dot->inputs[1 - member]) || !is_large(r, dot->inputs[member])) return false;
    const RegionFacts *facts = region_facts(r, dot->inputs[member]);
    const DotAxes     *axes  = &dot->attr.dot;
    for (int i = 0; i < dot->inputs[member]->type.rank; i++)
        if (facts->roles.of[i] >= ROLE_BATCH &&
            !listed(member ? axes->right_batch : axes->left_batch, axes->n_batch, i))
            return false;
    Roles other = paired_roles(dot, member, &facts->roles), roles = {{0}};
    for (int i = 0; i < axes->n_batch; i++)
        roles.of[i] = facts->roles.of[(int)(member ? axes->right_batch[i] : axes->left_batch[i])];
    int next = free_roles(dot, 0, member ? &other : &facts->roles, &roles, axes->n_batch);
    free_roles(dot, 1, member ? &facts->roles : &other, &roles, next);
    if (roles_have(&roles, dot->type.rank, ROLE_ROWS) && roles_have(&roles, dot->type.rank, ROLE_COLUMNS)) return false;
    enter(r, dot, PART_SINK, region_of(facts->region), &roles);
    return true;
}

/* Multiplications for one batch element from which on loops pay; -1: known only at run time. */
enum { WORTH_A_LOOP = 32 * 32 * 16, ROWS_AT_LEAST = 16 };

static int64_t constant(const Dim *dim) {
    int64_t value;
    return dim_is_const(dim, &value) ? value : -1;
}

/* A batch of products with one free axis on each side, whose results are no smaller than their operands. */
bool is_seed(const Node *dot) {
    const DotAxes *axes = &dot->attr.dot;
    if (dot->op != OP_DOT || axes->n_batch < 1 || dot->type.rank != axes->n_batch + 2 || !elem_is_float(dot->type.elem))
        return false;
    if (dot->inputs[0]->type.rank != axes->n_batch + axes->n_contract + 1) return false;
    int64_t rows = constant(dot->type.dims[axes->n_batch]), columns = constant(dot->type.dims[axes->n_batch + 1]);
    int64_t depth = 1;
    for (int i = 0; i < axes->n_contract; i++) {
        int64_t extent = constant(dot->inputs[0]->type.dims[(int)axes->left_contract[i]]);
        if (extent < 0) return false;
        depth *= extent;
    }
    if (rows < 0 || columns < 0) return depth <= 256;
    return rows >= ROWS_AT_LEAST && columns >= ROWS_AT_LEAST && rows * columns * depth >= WORTH_A_LOOP &&
           rows * columns >= depth * (rows + columns) / 2;
}

static void enter_seed(Regions *r, Node *dot) {
    ScoreRegion *region = ARENA_NEW(r->c->arena, ScoreRegion);
    Roles        roles  = {{0}};
    region->n_batch     = dot->attr.dot.n_batch;
    region->sound       = true;
    for (int i = 0; i < region->n_batch; i++) roles.of[i] = (int8_t)(ROLE_BATCH + i);
    roles.of[region->n_batch]     = ROLE_ROWS;
    roles.of[region->n_batch + 1] = ROLE_COLUMNS;
    vec_push(r->c->arena, &r->all, region);
    enter(r, dot, PART_MEMBER, region, &roles);
    region_facts(r, dot)->seed = true;
}

static bool enter_node(Regions *r, Node *node) {
    switch (op_info[node->op].class) {
    case ELEMENTWISE: return enter_elementwise(r, node);
    case REDUCTION: return enter_reduction(r, node);
    case CONTRACTION: return enter_sink(r, node);
    case EFFECT: return node->n_inputs == 1 && enter_elementwise(r, node);
    case MOVEMENT:
        if (node->op == OP_EXPAND) return enter_expand(r, node);
        return node->op == OP_PERMUTE && enter_permute(r, node);
    default: return false;
    }
}

static void spread_roles(Regions *r) {
    for (int i = 0; i < r->nodes.len; i++) {
        Node *node = r->nodes.data[i];
        bool  any  = false;
        for (int k = 0; k < node->n_inputs; k++) any |= is_member(r, node->inputs[k]);
        if (any)
            enter_node(r, node);
        else if (is_seed(node))
            enter_seed(r, node);
    }
}

/* ---- what stays inside ---------------------------------------------------------------------------------------------------- */

/* A large value that is read from outside is computed outside, unless all of its region is given up for it. */
static void give_up(Regions *r, const Node *node) {
    RegionFacts *facts = region_facts(r, node);
    if (!is_large(r, node)) return;
    if (facts->seed) region_of(facts->region)->sound = false;
    facts->part = PART_OUTSIDE;
}

static void give_up_roots(Regions *r) {
    for (int i = 0; i < r->fn->results.len; i++) {
        give_up(r, r->fn->results.data[i].value);
        if (r->fn->results.data[i].weight) give_up(r, r->fn->results.data[i].weight);
    }
    for (int i = 0; i < r->fn->updates.len; i++) give_up(r, r->fn->updates.data[i].value);
}

static bool needs_member(const Node *node) {
    OpClass class = op_info[node->op].class;
    return class == REDUCTION || class == MOVEMENT || class == EFFECT;
}

static void give_up_escapes(Regions *r) {
    give_up_roots(r);
    for (int i = r->nodes.len - 1; i >= 0; i--) { /* users before inputs */
        Node        *node  = r->nodes.data[i];
        RegionFacts *facts = region_facts(r, node);
        bool         any   = false;
        for (int k = 0; k < node->n_inputs; k++) any |= is_large(r, node->inputs[k]);
        if (facts->part == PART_SINK && !any) facts->part = PART_OUTSIDE;
        for (int k = 0; k < node->n_inputs && facts->part == PART_OUTSIDE; k++) give_up(r, node->inputs[k]);
    }
    for (int i = 0; i < r->nodes.len; i++) {
        const Node *node = r->nodes.data[i];
        if (is_member(r, node) && needs_member(node) && !is_member(r, node->inputs[0]))
            region_of(region_facts(r, node)->region)->sound = false;
    }
    for (int i = 0; i < r->nodes.len; i++) {
        RegionFacts *facts = region_facts(r, r->nodes.data[i]);
        if (facts->part != PART_OUTSIDE && !region_of(facts->region)->sound) facts->part = PART_OUTSIDE;
    }
}

/* ---- levels ------------------------------------------------------------------------------------------------------------------ */

static void set_levels(Regions *r) {
    for (int i = 0; i < r->nodes.len; i++) {
        Node        *node  = r->nodes.data[i];
        RegionFacts *facts = region_facts(r, node);
        facts->level       = 0;
        for (int k = 0; k < node->n_inputs; k++) {
            const RegionFacts *input = region_facts(r, node->inputs[k]);
            bool               inner = input->part == PART_MEMBER && facts->part != PART_OUTSIDE;
            int                level = input->level + (input->part != PART_OUTSIDE && !inner);
            if (level > facts->level) facts->level = level;
        }
        if (facts->level + 1 > r->n_levels) r->n_levels = facts->level + 1;
    }
}

Roles input_roles(const Regions *r, const Node *node, int i) {
    const RegionFacts *facts = region_facts(r, node);
    const Node        *input = node->inputs[i];
    Roles              roles = {{0}};
    if (is_member(r, input)) return region_facts(r, input)->roles;
    if (op_info[node->op].class == ELEMENTWISE) return facts->roles;
    if (node->op != OP_DOT) BUG("node %d reads what its region cannot part", node->id);
    if (facts->part == PART_SINK) {
        const Node *member = node->inputs[1 - i];
        return paired_roles(node, 1 - i, &region_facts(r, member)->roles);
    }
    const DotAxes *axes  = &node->attr.dot;
    int            n     = axes->n_batch;
    const int8_t  *batch = i ? axes->right_batch : axes->left_batch,
                 *deep   = i ? axes->right_contract : axes->left_contract;
    for (int a = 0; a < input->type.rank; a++)
        if (!listed(deep, axes->n_contract, a)) roles.of[a] = facts->roles.of[i ? n + 1 : n];
    for (int a = 0; a < n; a++) roles.of[(int)batch[a]] = facts->roles.of[a];
    return roles;
}

bool regions_find(Regions *r) {
    bool any = false;
    for (int i = 0; i < r->nodes.len && !any; i++) any = is_seed(r->nodes.data[i]);
    if (!any) return false;
    spread_roles(r);
    give_up_escapes(r);
    set_levels(r);
    for (int i = 0; i < r->nodes.len; i++)
        if (region_facts(r, r->nodes.data[i])->part == PART_SINK) return true;
    return false;
}
