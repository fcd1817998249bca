/* .npz: archives that NumPy wrote (npz/: np.savez and np.savez_compressed), our own, and damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/element.h"
#include "extras/array.h"
#include "extras/unpack.h"
#include "runtime_files.h"

static const nnrt_array *find(const nnrt_content *content, const char *name) {
    for (int i = 0; i < content->n_arrays; i++)
        if (strcmp(content->arrays[i].name, name) == 0) return &content->arrays[i];
    fail_msg("no array %s", name);
    return NULL;
}

static void check_numpy(const char *path, int64_t rows) {
    nnrt_content content;
    nnrt_error   error = {0};
    assert_int_equal(nnrt_read_content(path, &content, &error), NNRT_OK);
    assert_int_equal(content.n_arrays, 2);
    assert_string_equal(content.format, ".npz");
    const nnrt_array *x = find(&content, "x"), *y = find(&content, "y");
    assert_int_equal(x->elem, NNRT_F32);
    assert_int_equal(x->shape[0], rows);
    assert_int_equal(x->shape[1], 4);
    for (int64_t i = 0; i < x->count; i++) assert_true(((const float *)x->data)[i] == (float)(i % 12) / 2);
    assert_int_equal(y->elem, NNRT_I64);
    assert_int_equal(((const int64_t *)y->data)[2], 2);
    nnrt_content_free(&content);
}

static void numpy_archives(void **state) {
    (void)state;
    check_numpy(NPZ_FOLDER "/stored.npz", 3);
    check_numpy(NPZ_FOLDER "/deflated.npz", 150);
}

static void written_and_read_again(void **state) {
    (void)state;
    float      x[6]     = {1, 2, 3, 4, 5, -0.5f};
    uint8_t    y[2]     = {7, 255};
    nnrt_array arrays[] = {{.name = "x", .elem = NNRT_F32, .rank = 2, .shape = {2, 3}, .count = 6, .data = x},
                           {.name = "y", .elem = NNRT_U8, .rank = 1, .shape = {2}, .count = 2, .data = y}};
    nnrt_bytes first, second;
    assert_int_equal(nnrt_write_npz("t.npz", arrays, 2, NULL), NNRT_OK);
    assert_int_equal(nnrt_read_file("t.npz", &first, NULL), NNRT_OK);
    nnrt_content content;
    assert_int_equal(nnrt_read_content("t.npz", &content, NULL), NNRT_OK);
    assert_memory_equal(find(&content, "x")->data, x, sizeof x);
    assert_memory_equal(find(&content, "y")->data, y, sizeof y);
    nnrt_content_free(&content);
    assert_int_equal(nnrt_write_npz("t.npz", arrays, 2, NULL), NNRT_OK); /* the same bytes, whenever it is written */
    assert_int_equal(nnrt_read_file("t.npz", &second, NULL), NNRT_OK);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    free(first.data);
    free(second.data);
    nnrt_error error;
    assert_int_equal(nnrt_write_npz("absent/t.npz", arrays, 2, &error), NNRT_ERROR);
    assert_string_equal(error.message, "absent/t.npz: cannot be written: No such file or directory");
}

/* ---- damage ------------------------------------------------------------------------------------------------------ */

static void check_refused(const char *name, const void *bytes, size_t size, const char *message) {
    nnrt_content content;
    nnrt_error   error = {0};
    assert_int_equal(nnrt_read_content(files_write(name, bytes, size), &content, &error), NNRT_BAD_DATA);
    if (strstr(error.message, message) == NULL) assert_string_equal(error.message, message);
}

static unsigned char *find_bytes(const nnrt_bytes *bytes, const char *wanted, size_t size, int nth) {
    for (size_t i = 0; i + size <= bytes->size; i++)
        if (memcmp(bytes->data + i, wanted, size) == 0 && nth-- == 0) return bytes->data + i;
    fail_msg("no such bytes");
    return NULL;
}

static void damaged_archives(void **state) {
    (void)state;
    nnrt_bytes bytes;
    assert_int_equal(nnrt_read_file(NPZ_FOLDER "/stored.npz", &bytes, NULL), NNRT_OK);
    for (size_t n = 4; n < bytes.size; n += 7)
        check_refused("cut.npz", bytes.data, n, "cut.npz: damaged .npz file: it has no directory at its end");
    unsigned char *entry = find_bytes(&bytes, "PK\1\2", 4, 0);
    entry[10]            = 99; /* the method in the directory */
    check_refused("t.npz", bytes.data, bytes.size, "t.npz: 'x.npy' is packed by method 99, which is not read");
    entry[10] = 0;
    entry[8]  = 1; /* the flags */
    check_refused("t.npz", bytes.data, bytes.size, "t.npz: 'x.npy' is encrypted: save it without a password");
    entry[8] = 0;
    memset(entry + 24, 0xF0, 4); /* the unpacked size */
    check_refused("t.npz", bytes.data, bytes.size, "such data is refused; if it is what it should be, unpack it first");
    free(bytes.data);
    assert_int_equal(nnrt_read_file(NPZ_FOLDER "/stored.npz", &bytes, NULL), NNRT_OK);
    find_bytes(&bytes, "\x93NUMPY", 6, 0)[130] ^= 1; /* an element */
    check_refused("t.npz", bytes.data, bytes.size, "t.npz: damaged .npz file: a wrong checksum of x.npy");
    free(bytes.data);
    check_refused("t.npz", "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22,
                  "t.npz: holds no arrays: save them with np.savez(file, name=array)");
}

/* A few kilobytes that unpack to gigabytes, of gzip: refused long before the memory is full. */
static void bombs(void **state) {
    (void)state;
    static const char ZEROS[1 << 16];
    gzFile            file = gzopen("bomb.csv.gz", "wb9");
    assert_non_null(file);
    for (int64_t n = 0; n <= NNRT_UNPACK_FREE; n += (int64_t)sizeof ZEROS)
        assert_int_equal(gzwrite(file, ZEROS, sizeof ZEROS), sizeof ZEROS);
    gzclose(file);
    nnrt_content content;
    nnrt_error   error;
    assert_int_equal(nnrt_read_content("bomb.csv.gz", &content, &error), NNRT_BAD_DATA);
    assert_non_null(strstr(error.message, "or more, over 200 times as many: such data is refused"));
    assert_int_equal(nnrt_check_unpacked("t", 10, 2000, NULL), NNRT_OK); /* small data may be packed ever so well */
    assert_int_equal(nnrt_check_unpacked("t", 2 << 20, 400u << 20, NULL), NNRT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numpy_archives),
        cmocka_unit_test(written_and_read_again),
        cmocka_unit_test(damaged_archives),
        cmocka_unit_test(bombs),
    };
    return cmocka_run_group_tests(tests, files_enter, files_leave);
}
