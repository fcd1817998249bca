/* Every reader on damaged files: bytes changed, inserted, files cut off. Whatever happens, it is data or an error
 * with a message, never a crash (run it under the sanitizers). The mutants are a function of their number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "extras/vocabulary.h"
#include "fake_model.h"
#include "runtime_files.h"
#include "source_model.h"

enum { MUTANTS = 1000, EDITS = 4, ROOM = 64, HEAD = 160 /* where headers are */ };

static uint32_t draw(uint32_t mutant, uint32_t index, uint32_t limit) {
    const uint32_t counter[4] = {mutant, index, 0, 0}, key[2] = {0, 0};
    uint32_t       r[4];
    nnrt_philox(counter, key, r);
    return r[0] % limit;
}

/* Edits `size` bytes in place (ROOM more are there); returns the new size. */
static size_t mutate(unsigned char *bytes, size_t size, uint32_t mutant) {
    static const char INSERTED[] = "09,.\"\n-{}[]:'(x";
    for (uint32_t edit = 0; edit <= draw(mutant, 0, EDITS); edit++) {
        uint32_t draws = 10 * edit;
        size_t   limit = draw(mutant, draws + 1, 2) && size > HEAD ? HEAD : size;
        size_t   at    = draw(mutant, draws + 2, (uint32_t)limit);
        switch (draw(mutant, draws + 3, 4)) {
        case 0: bytes[at] = (unsigned char)draw(mutant, draws + 4, 256); break;
        case 1: bytes[at] ^= (unsigned char)(1u << draw(mutant, draws + 4, 8)); break;
        case 2: size = at + 1; break;
        default:
            memmove(bytes + at + 1, bytes + at, size - at);
            bytes[at] = (unsigned char)INSERTED[draw(mutant, draws + 4, sizeof INSERTED - 1)];
            size++;
        }
    }
    return size;
}

/* Loads, and makes numbers of texts. */
static void load_for(const nnrt_model *model, const char *argument, const bool *needed) {
    nnrt_dataset      set;
    nnrt_vocabularies vocabularies = {0};
    nnrt_error        error        = {0};
    nnrt_status       status       = nnrt_dataset_load(&set, model, &argument, 1, needed, NULL, &error);
    assert_int_equal(status == NNRT_OK, error.message[0] == 0);
    if (status != NNRT_OK) return;
    const nnrt_split all = nnrt_split_all(&set);
    status               = nnrt_vocabularies_build(&vocabularies, &all, &error);
    if (status == NNRT_OK) status = nnrt_dataset_encode(&set, &vocabularies, &error);
    assert_int_equal(status == NNRT_OK, error.message[0] == 0);
    nnrt_vocabularies_free(&vocabularies);
    nnrt_dataset_free(&set);
}

static void load(const char *argument, bool x, bool y) {
    const bool needed[] = {x, y};
    load_for(&nnrt_model_main, argument, needed);
}

static void survive(const char *name, const void *bytes, size_t size) {
    char           argument[64] = "x=";
    unsigned char *copy         = malloc(size + ROOM);
    strcat(argument, name);
    for (uint32_t mutant = 0; mutant < MUTANTS; mutant++) {
        memcpy(copy, bytes, size);
        files_write(name, copy, mutate(copy, size, mutant));
        load(name, true, true);
        load(argument, true, false);
    }
    free(copy);
}

static void csv(void **state) {
    (void)state;
    static const char TEXT[] = "y,x_0,\"x_1\",x_2,x_3\n1,2,3,4.5,-6e2\r\n2,0.25,\"4\",5,6\n\n0,1,2,3,4\n";
    static const char NAMED[] =
        "3,4,setosa,versicolor,virginica\n5.1,3.5,1.4,0.2,0\n4.9,3.0,1.4,0.2,1\n4.7,3.2,1.3,0.2,2\n";
    survive("t.csv", TEXT, sizeof TEXT - 1);
    survive("t.csv", NAMED, sizeof NAMED - 1);
}

static void texts(void **state) {
    (void)state;
    static const bool ALL[SOURCE_INPUTS] = {true, true, true, true, true, true};
    static const char TEXT[] =
        "age;fare;n;job;note;class\n20;1.5;3;cook;\"The cat; the \"\"CAT\"\"\";no\n?;2.5;NA;sailor;"
        "caf\xE9 \xC3\xA9;yes\n40;;7;cook;\"dog\n cat\";no\n60;6.5;9;;;yes\n";
    unsigned char copy[sizeof TEXT + ROOM];
    load_for(&source_model, files_write_text("t.csv", TEXT), ALL);
    for (uint32_t mutant = 0; mutant < MUTANTS; mutant++) {
        memcpy(copy, TEXT, sizeof TEXT);
        files_write("t.csv", copy, mutate(copy, sizeof TEXT - 1, mutant));
        load_for(&source_model, "t.csv", ALL);
    }
}

/* The vocabularies of a file of weights. */
static void vocabularies(void **state) {
    (void)state;
    static const char JSON[] =
        "{\"x\":{\"means\":[40,3.5]},\"job\":{\"texts\":[\"cook\",\"sailor\"]},\"note\":{\"texts\":"
        "[\"cat\",\"dog\"]},\"y\":{\"texts\":[\"no\",\"yes\"]}}";
    unsigned char copy[sizeof JSON + ROOM];
    for (uint32_t mutant = 0; mutant < 3 * MUTANTS; mutant++) {
        nnrt_vocabularies v;
        nnrt_error        error = {0};
        memcpy(copy, JSON, sizeof JSON);
        copy[mutate(copy, sizeof JSON - 1, mutant)] = 0;
        nnrt_status status = nnrt_vocabularies_from_json(&v, &source_model, (const char *)copy, "w", &error);
        assert_int_equal(status == NNRT_OK, error.message[0] == 0);
        nnrt_vocabularies_free(&v);
    }
}

static void npz(void **state) {
    (void)state;
    float      x[12]    = {1, 2, 3};
    int32_t    y[3]     = {0, 1, 2};
    nnrt_array arrays[] = {{.name = "x", .elem = NNRT_F32, .rank = 2, .shape = {3, 4}, .count = 12, .data = x},
                           {.name = "y", .elem = NNRT_I32, .rank = 1, .shape = {3}, .count = 3, .data = y}};
    nnrt_bytes bytes;
    assert_int_equal(nnrt_write_npz("t.npz", arrays, 2, NULL), NNRT_OK);
    load("t.npz", true, true);
    assert_int_equal(nnrt_read_file("t.npz", &bytes, NULL), NNRT_OK);
    survive("t.npz", bytes.data, bytes.size);
    free(bytes.data);
}

static void npy(void **state) {
    (void)state;
    float      values[12] = {1, 2, 3};
    nnrt_array array      = {.elem = NNRT_F32, .rank = 2, .shape = {3, 4}, .count = 12, .data = values};
    nnrt_bytes bytes;
    assert_int_equal(nnrt_write_npy("t.npy", &array, NULL), NNRT_OK);
    assert_int_equal(nnrt_read_file("t.npy", &bytes, NULL), NNRT_OK);
    survive("t.npy", bytes.data, bytes.size);
    free(bytes.data);
}

static void idx(void **state) {
    (void)state;
    static const unsigned char BYTES[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2,  0,  0,
                                          0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    survive("t.idx", BYTES, sizeof BYTES);
}

static void safetensors(void **state) {
    (void)state;
    float      values[12] = {1, 2, 3};
    int32_t    labels[3]  = {0, 1, 2};
    nnrt_array arrays[]   = {{.name = "x", .elem = NNRT_F32, .rank = 2, .shape = {3, 4}, .count = 12, .data = values},
                             {.name = "y", .elem = NNRT_I32, .rank = 1, .shape = {3}, .count = 3, .data = labels}};
    const char *const metadata[] = {"format", "nnc"};
    nnrt_bytes        bytes;
    assert_int_equal(nnrt_write_safetensors("t.safetensors", arrays, 2, metadata, 1, NULL), NNRT_OK);
    load("t.safetensors", true, true);
    assert_int_equal(nnrt_read_file("t.safetensors", &bytes, NULL), NNRT_OK);
    survive("t.safetensors", bytes.data, bytes.size);
    free(bytes.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv), cmocka_unit_test(texts), cmocka_unit_test(vocabularies), cmocka_unit_test(npy),
        cmocka_unit_test(npz), cmocka_unit_test(idx),   cmocka_unit_test(safetensors)};
    return cmocka_run_group_tests(tests, files_enter, files_leave);
}
