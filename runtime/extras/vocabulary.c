/* Vocabularies: counting texts, ordering them, looking them up. */
#include "extras/vocabulary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"

void nnrt_vocabulary_free(nnrt_vocabulary *v) {
    for (int64_t i = 0; i < v->n_texts; i++) free(v->texts[i]);
    free(v->texts);
    free(v->counts);
    free(v->means);
    free(v->slots);
    *v = (nnrt_vocabulary){0};
}

void nnrt_vocabularies_free(nnrt_vocabularies *vocabularies) {
    for (int i = 0; vocabularies->inputs && i < vocabularies->model->n_inputs; i++)
        nnrt_vocabulary_free(&vocabularies->inputs[i]);
    free(vocabularies->inputs);
    *vocabularies = (nnrt_vocabularies){0};
}

int64_t nnrt_vocabulary_limit(const nnrt_input *input) {
    int64_t limit = input->source.max;
    if (input->class_limit > 0 && (limit == 0 || input->class_limit < limit)) limit = input->class_limit;
    return limit;
}

const nnrt_vocabulary *nnrt_vocabularies_classes(const nnrt_vocabularies *vocabularies, int *input) {
    const nnrt_vocabulary *found = NULL;
    for (int i = 0; vocabularies->inputs && i < vocabularies->model->n_inputs; i++) {
        if (!vocabularies->model->inputs[i].is_target || vocabularies->inputs[i].n_texts == 0) continue;
        if (found) return NULL;
        found = &vocabularies->inputs[i];
        if (input) *input = i;
    }
    return found;
}

/* ---- counting ---------------------------------------------------------------------------------------------------- */

typedef struct Entry {
    nnrt_field text;
    int64_t    count;
    double     number; /* its value, NaN where it is none */
} Entry;

typedef struct Counter { /* a hash table of texts, open addressing */
    Entry   *entries;    /* in order of their first occurrence */
    int64_t  n, capacity;
    int64_t *slots; /* index + 1 */
    int64_t  n_slots;
} Counter;

/* FNV-1a, 64 bits (Fowler, Noll, Vo). */
static uint64_t hash(const nnrt_field *text) {
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < text->size; i++) h = (h ^ (unsigned char)text->text[i]) * UINT64_C(1099511628211);
    return h ^ h >> 32;
}

static bool same(const nnrt_field *a, const nnrt_field *b) {
    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

static bool grow(Counter *c) {
    if (c->n == c->capacity) {
        int64_t capacity = c->capacity ? 2 * c->capacity : 64;
        Entry  *entries  = realloc(c->entries, (size_t)capacity * sizeof *entries);
        if (!entries) return false;
        c->entries  = entries;
        c->capacity = capacity;
    }
    if (2 * c->n < c->n_slots) return true;
    int64_t  n_slots = c->n_slots ? 2 * c->n_slots : 128;
    int64_t *slots   = calloc((size_t)n_slots, sizeof *slots);
    if (!slots) return false;
    for (int64_t i = 0; i < c->n; i++) {
        uint64_t at = hash(&c->entries[i].text) & (uint64_t)(n_slots - 1);
        while (slots[at]) at = (at + 1) & (uint64_t)(n_slots - 1);
        slots[at] = i + 1;
    }
    free(c->slots);
    c->slots   = slots;
    c->n_slots = n_slots;
    return true;
}

static bool count(Counter *c, nnrt_field text) {
    if (!grow(c)) return false;
    uint64_t at = hash(&text) & (uint64_t)(c->n_slots - 1);
    for (; c->slots[at]; at = (at + 1) & (uint64_t)(c->n_slots - 1)) {
        Entry *entry = &c->entries[c->slots[at] - 1];
        if (!same(&entry->text, &text)) continue;
        entry->count++;
        return true;
    }
    c->entries[c->n] = (Entry){text, 1, NAN};
    c->slots[at]     = ++c->n;
    return true;
}

/* Counts the texts of one sample: the text, or its words. */
static bool count_sample(Counter *c, const nnrt_texts *texts, int64_t sample, int kind) {
    nnrt_field text = nnrt_texts_at(texts, sample), word;
    if (kind == NNRT_FROM_CATEGORY) return text.size == 0 || count(c, text);
    while (nnrt_next_word(&text, &word))
        if (!count(c, word)) return false;
    return true;
}

static int by_bytes(const void *a, const void *b) {
    const nnrt_field *x = &((const Entry *)a)->text, *y = &((const Entry *)b)->text;
    int               order = memcmp(x->text, y->text, x->size < y->size ? x->size : y->size);
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

static int by_count(const void *a, const void *b) {
    int64_t x = ((const Entry *)a)->count, y = ((const Entry *)b)->count;
    return x != y ? (x < y) - (x > y) : by_bytes(a, b);
}

static int by_number(const void *a, const void *b) {
    double x = ((const Entry *)a)->number, y = ((const Entry *)b)->number;
    return x != y ? (x > y) - (x < y) : by_bytes(a, b);
}

/* Are all texts whole numbers? Then they have an order of their own. */
static bool read_numbers(Counter *c) {
    for (int64_t i = 0; i < c->n; i++) {
        Entry *entry = &c->entries[i];
        char   copy[32]; /* nnrt_parse_number writes behind the text */
        if (entry->text.size >= sizeof copy) return false;
        memcpy(copy, entry->text.text, entry->text.size);
        const nnrt_field field = {copy, entry->text.size};
        if (!nnrt_parse_number(&field, &entry->number) || entry->number != floor(entry->number)) return false;
    }
    return true;
}

static bool keep_texts(nnrt_vocabulary *v, const Counter *c, int64_t n) {
    v->texts  = calloc((size_t)n + 1, sizeof *v->texts);
    v->counts = calloc((size_t)n + 1, sizeof *v->counts);
    for (int64_t i = 0; v->texts && v->counts && i < n; i++) {
        if (!(v->texts[i] = strndup(c->entries[i].text.text, c->entries[i].text.size))) return false;
        v->counts[i] = c->entries[i].count;
        v->n_texts++;
    }
    v->n_left_out = c->n - n;
    return v->texts && v->counts && nnrt_vocabulary_index(v);
}

/* ---- looking up -------------------------------------------------------------------------------------------------- */

bool nnrt_vocabulary_index(nnrt_vocabulary *v) {
    for (v->n_slots = 16; v->n_slots < 2 * v->n_texts;) v->n_slots *= 2;
    v->slots = calloc((size_t)v->n_slots, sizeof *v->slots);
    for (int64_t i = 0; v->slots && i < v->n_texts; i++) {
        const nnrt_field text = {v->texts[i], strlen(v->texts[i])};
        uint64_t         at   = hash(&text) & (uint64_t)(v->n_slots - 1);
        while (v->slots[at]) at = (at + 1) & (uint64_t)(v->n_slots - 1);
        v->slots[at] = i + 1;
    }
    return v->slots != NULL;
}

int64_t nnrt_vocabulary_find(const nnrt_vocabulary *v, const nnrt_field *text) {
    if (!v->slots) return -1;
    for (uint64_t at = hash(text) & (uint64_t)(v->n_slots - 1); v->slots[at];
         at          = (at + 1) & (uint64_t)(v->n_slots - 1)) {
        const char *known = v->texts[v->slots[at] - 1];
        if (strlen(known) == text->size && memcmp(known, text->text, text->size) == 0) return v->slots[at] - 1;
    }
    return -1;
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

static nnrt_status fail_classes(const nnrt_model *model, int input, const Counter *c, int64_t limit,
                                nnrt_error *error) {
    char   list[160] = "";
    size_t used      = 0;
    for (int64_t i = 0; i < c->n && i < 6 && used < sizeof list; i++)
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%.*s", i ? ", " : "",
                             c->entries[i].text.size > 20 ? 20 : (int)c->entries[i].text.size, c->entries[i].text.text);
    return nnrt_fail(error, NNRT_BAD_DATA,
                     "the training data has %lld classes for target '%s' (%s%s), the model has %lld: make its 'max' "
                     "and the layer that predicts it larger",
                     (long long)c->n, model->inputs[input].tensor.name, list, c->n > 6 ? ", ..." : "",
                     (long long)limit);
}

/* The rows that training has of an input of n_rows: those of its samples, or all where the whole input is one sample. */
typedef struct {
    const int64_t *rows; /* NULL: 0 .. n - 1 */
    int64_t        n;
} TrainRows;

static TrainRows train_rows(const nnrt_split *train, int64_t n_rows) {
    bool is_whole = train->set->n_samples != n_rows;
    return is_whole ? (TrainRows){NULL, n_rows} : (TrainRows){train->samples, train->n};
}

static nnrt_status build_texts(nnrt_vocabulary *v, const nnrt_split *train, int input, nnrt_error *error) {
    const nnrt_input *declared = &train->set->model->inputs[input];
    const nnrt_texts *texts    = &train->set->columns[input].texts;
    int64_t           limit    = nnrt_vocabulary_limit(declared);
    TrainRows         seen     = declared->is_target ? (TrainRows){NULL, texts->n} : train_rows(train, texts->n);
    Counter           c        = {0};
    bool              whole    = true;
    for (int64_t i = 0; i < seen.n && whole; i++)
        whole = count_sample(&c, texts, seen.rows ? seen.rows[i] : i, declared->source.kind);
    bool numbers = declared->is_target && whole && read_numbers(&c);
    if (c.n > 0)
        qsort(c.entries, (size_t)c.n, sizeof *c.entries,
              numbers               ? by_number
              : declared->is_target ? by_bytes
                                    : by_count);
    int64_t     room = limit == 0 ? c.n : declared->is_target ? limit : limit - 1, n = c.n < room ? c.n : room;
    nnrt_status status = NNRT_OK;
    if (declared->is_target && c.n > room)
        status = fail_classes(train->set->model, input, &c, limit, error);
    else if (!whole || !keep_texts(v, &c, n))
        status = nnrt_fail_memory(error, 0, "a vocabulary");
    free(c.entries);
    free(c.slots);
    return status;
}

bool nnrt_vocabulary_of(nnrt_vocabulary *v, const nnrt_texts *texts, nnrt_source_kind kind) {
    Counter c     = {0};
    bool    whole = true;
    for (int64_t i = 0; i < texts->n && whole; i++) whole = count_sample(&c, texts, i, kind);
    if (c.n > 0) qsort(c.entries, (size_t)c.n, sizeof *c.entries, by_count);
    whole = whole && keep_texts(v, &c, c.n);
    free(c.entries);
    free(c.slots);
    return whole;
}

/* Means over the training samples that have a number. */
static nnrt_status build_means(nnrt_vocabulary *v, const nnrt_split *train, int input, nnrt_error *error) {
    const nnrt_array *array = &train->set->columns[input].array;
    TrainRows         seen  = train_rows(train, array->shape[0]);
    int64_t           width = array->shape[1];
    v->means                = calloc((size_t)width + 1, sizeof *v->means);
    if (!v->means) return nnrt_fail_memory(error, 0, "means");
    v->n_means = width;
    for (int64_t k = 0; k < width; k++) {
        double  mean = 0;
        int64_t n    = 0;
        for (int64_t i = 0; i < seen.n; i++) {
            int64_t row   = seen.rows ? seen.rows[i] : i;
            double  value = nnrt_elem_get(array->elem, array->data, row * width + k);
            if (!isnan(value)) mean += (value - mean) / (double)++n;
        }
        v->means[k] = mean;
        if (n == 0)
            return nnrt_fail(
                error, NNRT_BAD_DATA,
                "%s: column %lld, of input '%s', has no number in the training data: its mean is not known",
                array->source, (long long)nnrt_column_number(&train->set->columns[input], k) + 1,
                train->set->model->inputs[input].tensor.name);
    }
    return NNRT_OK;
}

/* The names that a CSV's first line gives to the classes of its only target. */
static nnrt_status take_class_names(nnrt_vocabulary *v, const nnrt_dataset *set, nnrt_error *error) {
    v->texts = calloc((size_t)set->n_classes + 1, sizeof *v->texts);
    for (int64_t i = 0; v->texts && i < set->n_classes; i++) {
        if (!(v->texts[i] = strdup(set->classes[i]))) return nnrt_fail_memory(error, 0, "class names");
        v->n_texts++;
    }
    return v->texts && nnrt_vocabulary_index(v) ? NNRT_OK : nnrt_fail_memory(error, 0, "class names");
}

nnrt_status nnrt_vocabularies_build(nnrt_vocabularies *vocabularies, const nnrt_split *train, nnrt_error *error) {
    const nnrt_dataset *set   = train->set;
    const nnrt_model   *model = set->model;
    *vocabularies      = (nnrt_vocabularies){model, calloc((size_t)model->n_inputs + 1, sizeof(nnrt_vocabulary))};
    nnrt_status status = vocabularies->inputs ? NNRT_OK : nnrt_fail_memory(error, 0, "vocabularies");
    for (int i = 0; i < model->n_inputs && status == NNRT_OK; i++) {
        const nnrt_column *column = &set->columns[i];
        const nnrt_source *source = &model->inputs[i].source;
        if (column->texts.text && source->kind != NNRT_FROM_BYTES)
            status = build_texts(&vocabularies->inputs[i], train, i, error);
        else if (column->array.data && column->array.lines && source->missing == NNRT_MISSING_MEAN)
            status = build_means(&vocabularies->inputs[i], train, i, error);
        else if (nnrt_dataset_names_classes(set, i))
            status = take_class_names(&vocabularies->inputs[i], set, error);
    }
    return status;
}
