/* Dims: sums of terms, each a coefficient times a sorted product of atoms; terms sorted and distinct. An atom is a
 * symbol or a floor division of two dims. Dims and division atoms are hash-consed, so equality is pointer equality. */
#include "ir/dim.h"

#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/map.h"
#include "base/vec.h"

struct Dim {
    int             n_terms;
    DimTerm        *terms;
    uint64_t        hash;
    Dim            *next; /* same bucket */
    const DimTable *table;
};

enum { FIRST_BUCKETS = 256, MAX_DEGREE = 8 };

typedef VEC(const Dim *) DimVec;

struct DimTable {
    Arena *arena;
    Dim  **buckets;
    size_t n_buckets, n_dims;
    DimVec symbols;
    VEC(const char *) names;
};

DimTable *dim_table_new(Arena *arena) {
    DimTable *table  = ARENA_NEW(arena, DimTable);
    table->arena     = arena;
    table->n_buckets = FIRST_BUCKETS;
    table->buckets   = ARENA_ARRAY(arena, Dim *, table->n_buckets);
    return table;
}

/* ---- normal form ----------------------------------------------------------------------------------------------------- */

static int atom_compare(const DimAtom *a, const DimAtom *b) {
    if (a->symbol != b->symbol) return a->symbol < b->symbol ? -1 : 1;
    if (a->symbol >= 0) return 0;
    if (a->numerator->hash != b->numerator->hash) return a->numerator->hash < b->numerator->hash ? -1 : 1;
    if (a->denominator->hash != b->denominator->hash) return a->denominator->hash < b->denominator->hash ? -1 : 1;
    return 0;
}

/* Higher degree first, then by atoms: so a product's terms print in the usual order. */
static int term_compare(const DimTerm *a, const DimTerm *b) {
    if (a->n_atoms != b->n_atoms) return a->n_atoms > b->n_atoms ? -1 : 1;
    for (int i = 0; i < a->n_atoms; i++) {
        int order = atom_compare(&a->atoms[i], &b->atoms[i]);
        if (order) return order;
    }
    return 0;
}

static uint64_t hash_terms(int n, const DimTerm *terms) {
    uint64_t hash = HASH_SEED;
    for (int i = 0; i < n; i++) {
        hash = hash_bytes(hash, &terms[i].coefficient, sizeof terms[i].coefficient);
        for (int k = 0; k < terms[i].n_atoms; k++) {
            const DimAtom *atom = &terms[i].atoms[k];
            hash                = hash_bytes(hash, &atom->symbol, sizeof atom->symbol);
            if (atom->symbol >= 0) continue;
            hash = hash_bytes(hash, &atom->numerator->hash, sizeof(uint64_t));
            hash = hash_bytes(hash, &atom->denominator->hash, sizeof(uint64_t));
        }
    }
    return hash;
}

static bool terms_equal(const Dim *dim, int n, const DimTerm *terms) {
    if (dim->n_terms != n) return false;
    for (int i = 0; i < n; i++)
        if (dim->terms[i].coefficient != terms[i].coefficient || term_compare(&dim->terms[i], &terms[i])) return false;
    return true;
}

static void grow(DimTable *table) {
    Dim  **old       = table->buckets;
    size_t count     = table->n_buckets;
    table->n_buckets = count * 4;
    table->buckets   = ARENA_ARRAY(table->arena, Dim *, table->n_buckets);
    for (size_t i = 0; i < count; i++)
        for (Dim *dim = old[i], *next; dim; dim = next) {
            next         = dim->next;
            Dim **bucket = &table->buckets[dim->hash % table->n_buckets];
            dim->next    = *bucket;
            *bucket      = dim;
        }
}

/* The dim with these terms, which are in normal form. */
static const Dim *dim_from_terms(DimTable *table, int n, const DimTerm *terms) {
    if (table->n_dims > table->n_buckets) grow(table);
    uint64_t hash   = hash_terms(n, terms);
    Dim    **bucket = &table->buckets[hash % table->n_buckets];
    for (Dim *dim = *bucket; dim; dim = dim->next)
        if (dim->hash == hash && terms_equal(dim, n, terms)) return dim;
    Dim *dim     = ARENA_NEW(table->arena, Dim);
    dim->n_terms = n;
    dim->terms   = ARENA_ARRAY(table->arena, DimTerm, n + 1);
    if (n) memcpy(dim->terms, terms, sizeof *terms * (size_t)n);
    dim->hash  = hash;
    dim->table = table;
    dim->next  = *bucket;
    *bucket    = dim;
    table->n_dims++;
    return dim;
}

/* ---- leaves ----------------------------------------------------------------------------------------------------------- */

const Dim *dim_const(DimTable *table, int64_t value) {
    DimTerm term = {value, 0, NULL};
    return dim_from_terms(table, value != 0, &term);
}

static const Dim *dim_from_atom(DimTable *table, DimAtom atom) {
    DimAtom *copy = ARENA_NEW(table->arena, DimAtom);
    *copy         = atom;
    DimTerm term  = {1, 1, copy};
    return dim_from_terms(table, 1, &term);
}

const Dim *dim_symbol_new(DimTable *table, const char *name) {
    const Dim *dim = dim_from_atom(table, (DimAtom){table->symbols.len, NULL, NULL});
    vec_push(table->arena, &table->symbols, dim);
    vec_push(table->arena, &table->names, name);
    return dim;
}

int dim_symbol_count(const DimTable *table) {
    return table->symbols.len;
}

const Dim *dim_symbol(const DimTable *table, int index) {
    return table->symbols.data[index];
}

const char *dim_symbol_name(const DimTable *table, int index) {
    return table->names.data[index];
}

/* ---- arithmetic -------------------------------------------------------------------------------------------------------- */

static const Dim *add_scaled(DimTable *table, const Dim *a, const Dim *b, int64_t scale) {
    DimTerm *terms = ARENA_ARRAY(table->arena, DimTerm, a->n_terms + b->n_terms + 1);
    int      n = 0, i = 0, k = 0;
    while (i < a->n_terms || k < b->n_terms) {
        int order = i == a->n_terms ? 1 : k == b->n_terms ? -1 : term_compare(&a->terms[i], &b->terms[k]);
        if (order < 0) {
            terms[n++] = a->terms[i++];
            continue;
        }
        DimTerm term = b->terms[k++];
        if (__builtin_mul_overflow(term.coefficient, scale, &term.coefficient)) return NULL;
        if (order == 0 && __builtin_add_overflow(term.coefficient, a->terms[i++].coefficient, &term.coefficient))
            return NULL;
        if (term.coefficient) terms[n++] = term;
    }
    return dim_from_terms(table, n, terms);
}

const Dim *dim_add(DimTable *table, const Dim *a, const Dim *b) {
    return add_scaled(table, a, b, 1);
}

const Dim *dim_sub(DimTable *table, const Dim *a, const Dim *b) {
    return add_scaled(table, a, b, -1);
}

/* One term times another; false on overflow or a degree that nobody means. */
static bool term_mul(DimTable *table, const DimTerm *a, const DimTerm *b, DimTerm *product) {
    int n = a->n_atoms + b->n_atoms;
    if (n > MAX_DEGREE || __builtin_mul_overflow(a->coefficient, b->coefficient, &product->coefficient)) return false;
    DimAtom *atoms = ARENA_ARRAY(table->arena, DimAtom, n + 1);
    for (int i = 0, k = 0, at = 0; at < n; at++) {
        bool from_a = k == b->n_atoms || (i < a->n_atoms && atom_compare(&a->atoms[i], &b->atoms[k]) <= 0);
        atoms[at]   = from_a ? a->atoms[i++] : b->atoms[k++];
    }
    product->n_atoms = n;
    product->atoms   = atoms;
    return true;
}

const Dim *dim_mul(DimTable *table, const Dim *a, const Dim *b) {
    const Dim *sum = dim_const(table, 0);
    for (int i = 0; i < a->n_terms; i++)
        for (int k = 0; k < b->n_terms; k++) {
            DimTerm product;
            if (!term_mul(table, &a->terms[i], &b->terms[k], &product)) return NULL;
            sum = dim_add(table, sum, dim_from_terms(table, 1, &product));
            if (!sum) return NULL;
        }
    return sum;
}

static int64_t floor_div(int64_t a, int64_t b) {
    int64_t quotient = a / b;
    return (a % b != 0 && (a < 0) != (b < 0)) ? quotient - 1 : quotient;
}

/* a / b where b is one term that divides the term a; false otherwise. */
static bool term_div(DimTable *table, const DimTerm *a, const DimTerm *b, DimTerm *quotient) {
    if (b->coefficient == -1 && a->coefficient == INT64_MIN) return false;
    if (a->coefficient % b->coefficient || a->n_atoms < b->n_atoms) return false;
    DimAtom *atoms = ARENA_ARRAY(table->arena, DimAtom, a->n_atoms + 1);
    int      n = 0, k = 0;
    for (int i = 0; i < a->n_atoms; i++) {
        if (k < b->n_atoms && atom_compare(&a->atoms[i], &b->atoms[k]) == 0)
            k++;
        else
            atoms[n++] = a->atoms[i];
    }
    *quotient = (DimTerm){a->coefficient / b->coefficient, n, atoms};
    return k == b->n_atoms;
}

/* Polynomial long division by the leading term; NULL unless it comes out even. */
static const Dim *exact_div(DimTable *table, const Dim *a, const Dim *b) {
    const Dim *quotient = dim_const(table, 0);
    for (int guard = 0; a->n_terms; guard++) {
        DimTerm term;
        if (guard > 64 || !term_div(table, &a->terms[0], &b->terms[0], &term)) return NULL;
        const Dim *part    = dim_from_terms(table, 1, &term);
        const Dim *product = dim_mul(table, part, b);
        quotient           = product ? dim_add(table, quotient, part) : NULL;
        a                  = quotient ? dim_sub(table, a, product) : NULL;
        if (!a) return NULL;
    }
    return quotient;
}

/* By a constant, what divides is taken out: (2 h + 5) // 2 = h + 2, (h + 5) // 2 = (h + 1) // 2 + 2. *whole gets that part; the rest
 * is returned. */
static const Dim *take_whole(DimTable *table, const Dim *a, int64_t by, const Dim **whole) {
    DimTerm *rest   = ARENA_ARRAY(table->arena, DimTerm, a->n_terms + 1);
    DimTerm *out    = ARENA_ARRAY(table->arena, DimTerm, a->n_terms + 1);
    int      n_rest = 0, n_out = 0;
    for (int i = 0; i < a->n_terms; i++) {
        DimTerm whole_part = a->terms[i], rest_part = a->terms[i];
        bool    divides = rest_part.coefficient % by == 0, constant = !rest_part.n_atoms;
        whole_part.coefficient = divides || constant ? floor_div(rest_part.coefficient, by) : 0;
        rest_part.coefficient -= whole_part.coefficient * by;
        if (whole_part.coefficient) out[n_out++] = whole_part;
        if (rest_part.coefficient) rest[n_rest++] = rest_part;
    }
    *whole = dim_from_terms(table, n_out, out);
    return dim_from_terms(table, n_rest, rest);
}

const Dim *dim_floordiv(DimTable *table, const Dim *a, const Dim *b) {
    int64_t    y;
    const Dim *whole = dim_const(table, 0), *exact;
    if (!b->n_terms) BUG("dim divided by zero");
    if (dim_is_const(b, &y)) {
        if (y == -1) return dim_sub(table, whole, a);
        a = take_whole(table, a, y, &whole);
        if (dim_is_const(a, NULL)) return whole; /* what is left is below b */
    }
    exact = exact_div(table, a, b);
    return dim_add(table, whole, exact ? exact : dim_from_atom(table, (DimAtom){-1, a, b}));
}

const Dim *dim_mod(DimTable *table, const Dim *a, const Dim *b) {
    const Dim *quotient = dim_floordiv(table, a, b);
    const Dim *product  = quotient ? dim_mul(table, b, quotient) : NULL;
    return product ? dim_sub(table, a, product) : NULL;
}

/* ---- questions ----------------------------------------------------------------------------------------------------------- */

bool dim_is_const(const Dim *dim, int64_t *value) {
    bool constant = dim->n_terms == 0 || (dim->n_terms == 1 && dim->terms[0].n_atoms == 0);
    if (constant && value) *value = dim->n_terms ? dim->terms[0].coefficient : 0;
    return constant;
}

bool dim_is_one(const Dim *dim) {
    int64_t value;
    return dim_is_const(dim, &value) && value == 1;
}

static bool atom_eval(const DimAtom *atom, const int64_t *values, int64_t *result) {
    int64_t a, b;
    if (atom->symbol >= 0) {
        *result = values[atom->symbol];
        return true;
    }
    if (!dim_eval(atom->numerator, values, &a) || !dim_eval(atom->denominator, values, &b)) return false;
    if (b == 0 || (a == INT64_MIN && b == -1)) return false;
    *result = floor_div(a, b);
    return true;
}

bool dim_eval(const Dim *dim, const int64_t *values, int64_t *result) {
    int64_t sum = 0;
    for (int i = 0; i < dim->n_terms; i++) {
        int64_t product = dim->terms[i].coefficient, value;
        for (int k = 0; k < dim->terms[i].n_atoms; k++) {
            if (!atom_eval(&dim->terms[i].atoms[k], values, &value)) return false;
            if (__builtin_mul_overflow(product, value, &product)) return false;
        }
        if (__builtin_add_overflow(sum, product, &sum)) return false;
    }
    *result = sum;
    return true;
}

/* Values between two bounds; INT64_MIN and INT64_MAX stand for none. */
typedef struct Range {
    int64_t low, high;
} Range;

static int64_t saturated_mul(int64_t a, int64_t b) {
    int64_t product;
    if (!__builtin_mul_overflow(a, b, &product)) return product;
    return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
}

static int64_t saturated_add(int64_t a, int64_t b) {
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return a < 0 ? INT64_MIN : INT64_MAX;
}

static Range range_mul(Range a, Range b) {
    int64_t products[] = {saturated_mul(a.low, b.low), saturated_mul(a.low, b.high), saturated_mul(a.high, b.low),
                          saturated_mul(a.high, b.high)};
    Range   range      = {products[0], products[0]};
    for (int i = 1; i < 4; i++) {
        if (products[i] < range.low) range.low = products[i];
        if (products[i] > range.high) range.high = products[i];
    }
    return range;
}

/* Of floor(a / b); nothing is known unless b is positive. */
static Range range_div(Range a, Range b) {
    if (b.low <= 0) return (Range){INT64_MIN, INT64_MAX};
    int64_t low  = a.low == INT64_MIN ? INT64_MIN : floor_div(a.low, a.low < 0 ? b.low : b.high);
    int64_t high = a.high == INT64_MAX ? INT64_MAX : floor_div(a.high, a.high < 0 ? b.high : b.low);
    return (Range){low, high};
}

static Range range_of(const Dim *dim, const int64_t *bounds);

static Range range_of_atom(const DimAtom *atom, const int64_t *bounds) {
    if (atom->symbol < 0) return range_div(range_of(atom->numerator, bounds), range_of(atom->denominator, bounds));
    int64_t bound = bounds[atom->symbol];
    return (Range){1, bound < 0 ? INT64_MAX : bound}; /* nnrt_instance_bind refuses less */
}

static Range range_of(const Dim *dim, const int64_t *bounds) {
    Range sum = {0, 0};
    for (int i = 0; i < dim->n_terms; i++) {
        Range product = {dim->terms[i].coefficient, dim->terms[i].coefficient};
        for (int k = 0; k < dim->terms[i].n_atoms; k++)
            product = range_mul(product, range_of_atom(&dim->terms[i].atoms[k], bounds));
        bool no_low  = sum.low == INT64_MIN || product.low == INT64_MIN;
        bool no_high = sum.high == INT64_MAX || product.high == INT64_MAX;
        sum.low      = no_low ? INT64_MIN : saturated_add(sum.low, product.low);
        sum.high     = no_high ? INT64_MAX : saturated_add(sum.high, product.high);
    }
    return sum;
}

bool dim_provably_le(DimTable *table, const Dim *a, const Dim *b, const int64_t *bounds) {
    const Dim *rest = dim_sub(table, b, a);
    return rest && range_of(rest, bounds).low >= 0;
}

int dim_term_count(const Dim *dim) {
    return dim->n_terms;
}

const DimTerm *dim_term(const Dim *dim, int index) {
    return &dim->terms[index];
}

/* ---- printing -------------------------------------------------------------------------------------------------------------- */

/* A division is in brackets unless it stands alone in its term. */
static const char *atom_print(Arena *arena, const Dim *owner, const DimAtom *atom, bool alone) {
    if (atom->symbol >= 0) return dim_symbol_name(owner->table, atom->symbol);
    const Dim  *below     = atom->denominator;
    const char *numerator = dim_print(arena, atom->numerator), *denominator = dim_print(arena, below);
    bool        plain =
        dim_is_const(below, NULL) || (below->n_terms == 1 && below->terms[0].n_atoms == 1 &&
                                      below->terms[0].coefficient == 1 && below->terms[0].atoms[0].symbol >= 0);
    if (atom->numerator->n_terms > 1) numerator = arena_printf(arena, "(%s)", numerator);
    if (!plain) denominator = arena_printf(arena, "(%s)", denominator);
    return arena_printf(arena, alone ? "%s // %s" : "(%s // %s)", numerator, denominator);
}

const char *dim_print(Arena *arena, const Dim *dim) {
    if (!dim->n_terms) return "0";
    const char *text = "";
    for (int i = 0; i < dim->n_terms; i++) {
        const DimTerm *term = &dim->terms[i];
        int64_t        size = term->coefficient;
        const char    *sign = i == 0 ? (size < 0 ? "-" : "") : size < 0 ? " - " : " + ";
        text                = arena_printf(arena, "%s%s", text, sign);
        uint64_t magnitude  = size < 0 ? 0 - (uint64_t)size : (uint64_t)size;
        if (!term->n_atoms || magnitude != 1)
            text = arena_printf(arena, "%s%llu%s", text, (unsigned long long)magnitude, term->n_atoms ? "*" : "");
        bool alone = term->n_atoms == 1 && magnitude == 1 && size > 0;
        for (int k = 0; k < term->n_atoms; k++)
            text = arena_printf(arena, "%s%s%s", text, k ? "*" : "", atom_print(arena, dim, &term->atoms[k], alone));
    }
    return text;
}
