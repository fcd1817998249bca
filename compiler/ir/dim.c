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

enum { N_BUCKETS = 1024, MAX_DEGREE = 8 };

typedef VEC(const Dim *) DimVec;

struct DimTable {
    Arena *arena;
    Dim   *buckets[N_BUCKETS];
    DimVec symbols;
    VEC(const char *) names;
};

DimTable *dim_table_new(Arena *arena) {
    DimTable *table = ARENA_NEW(arena, DimTable);
    table->arena    = arena;
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

/* The dim with these terms, which are in normal form. */
static const Dim *dim_from_terms(DimTable *table, int n, const DimTerm *terms) {
    uint64_t hash   = hash_terms(n, terms);
    Dim    **bucket = &table->buckets[hash % N_BUCKETS];
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

const Dim *dim_floordiv(DimTable *table, const Dim *a, const Dim *b) {
    int64_t x, y;
    if (!b->n_terms) BUG("dim divided by zero");
    if (dim_is_const(a, &x) && dim_is_const(b, &y)) {
        if (x == INT64_MIN && y == -1) return NULL;
        return dim_const(table, floor_div(x, y));
    }
    const Dim *exact = exact_div(table, a, b);
    return exact ? exact : dim_from_atom(table, (DimAtom){-1, a, b});
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

/* Smallest value of a term over symbols in [0, bound]: what each may contribute to b - a at least. */
static bool term_minimum(const DimTerm *term, const int64_t *bounds, int64_t *minimum) {
    if (term->coefficient >= 0) {
        *minimum = term->n_atoms ? 0 : term->coefficient;
        return true;
    }
    int64_t product = term->coefficient;
    for (int i = 0; i < term->n_atoms; i++) {
        const DimAtom *atom = &term->atoms[i];
        if (atom->symbol < 0 || bounds[atom->symbol] < 0) return false;
        if (__builtin_mul_overflow(product, bounds[atom->symbol], &product)) return false;
    }
    *minimum = product;
    return true;
}

bool dim_provably_le(DimTable *table, const Dim *a, const Dim *b, const int64_t *bounds) {
    const Dim *rest = dim_sub(table, b, a);
    if (!rest) return false;
    int64_t sum = 0, minimum;
    for (int i = 0; i < rest->n_terms; i++)
        if (!term_minimum(&rest->terms[i], bounds, &minimum) || __builtin_add_overflow(sum, minimum, &sum))
            return false;
    return sum >= 0;
}

int dim_term_count(const Dim *dim) {
    return dim->n_terms;
}

const DimTerm *dim_term(const Dim *dim, int index) {
    return &dim->terms[index];
}

/* ---- printing -------------------------------------------------------------------------------------------------------------- */

static const char *atom_print(Arena *arena, const Dim *owner, const DimAtom *atom) {
    if (atom->symbol >= 0) return dim_symbol_name(owner->table, atom->symbol);
    const char *format = atom->numerator->n_terms > 1 ? "(%s) // %s" : "%s // %s";
    return arena_printf(arena, format, dim_print(arena, atom->numerator), dim_print(arena, atom->denominator));
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
        for (int k = 0; k < term->n_atoms; k++)
            text = arena_printf(arena, "%s%s%s", text, k ? "*" : "", atom_print(arena, dim, &term->atoms[k]));
    }
    return text;
}
