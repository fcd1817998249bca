/* Inside plan/: tables of scores, and what is computed of them.
 *
 * A region is what becomes of one or several products such as the scores of attention, whose results (batch..., rows, columns) are larger than
 * what they are made of: elementwise work on them, reductions along the columns. It ends in contractions (sinks), whose
 * results are small again. Each axis of a node of the region has a role: a batch axis, the rows or the columns.
 *
 * A part of a region can wait for what comes of another part: the gradient's part for the loss. `level` counts how often.
 * What has the same level can be computed in one loop over batch and rows. */
#ifndef NNC_PLAN_REGIONS_H
#define NNC_PLAN_REGIONS_H

#include "base/map.h"
#include "plan/fuse.h"

enum { ROLE_NONE, ROLE_ROWS, ROLE_COLUMNS, ROLE_BATCH }; /* ROLE_BATCH + i: batch axis i */
typedef struct Roles {
    int8_t of[MAX_RANK]; /* by axis */
} Roles;

typedef struct ScoreRegion {
    struct ScoreRegion *merged; /* into another region; NULL: not */
    bool                sound;  /* all of its large values can stay inside of loops */
    bool                split;  /* a reduction has said which axis the columns are */
    int                 n_batch;
    NodeVec             nodes; /* members and sinks */
} ScoreRegion;

typedef enum Part { PART_OUTSIDE, PART_MEMBER, PART_SINK } Part;

typedef struct RegionFacts { /* one a node of the graph, by id */
    Part         part;
    ScoreRegion *region; /* of members and sinks */
    Roles        roles;
    int          level;        /* of members and sinks: of their loop; of others: the first loops that may read them */
    bool         seed, wanted; /* wanted: its loop has to emit it */
} RegionFacts;

typedef struct Regions {
    Compilation *c;
    Graph       *graph;
    Fn          *fn;
    NodeVec      nodes; /* of the function, in id order */
    RegionFacts *facts;
    VEC(ScoreRegion *) all;
    int n_levels;
} Regions;

/* Finds the regions of a function that are worth loops of their own; false if there are none. */
bool regions_find(Regions *r);
bool is_seed(const Node *node); /* such a product */
/* totals.c: before regions are found, takes totals of such tables apart. True where it has changed the function. */
bool         totals_in_two_steps(Regions *r);
RegionFacts *region_facts(const Regions *r, const Node *node);
ScoreRegion *region_of(ScoreRegion *region); /* what it was merged into */
bool         roles_have(const Roles *roles, int rank, int role);
bool         is_large(const Regions *r, const Node *node); /* a member with rows and columns */
/* The roles of the axes of input `i` of a member or sink. */
Roles input_roles(const Regions *r, const Node *node, int i);

#endif
