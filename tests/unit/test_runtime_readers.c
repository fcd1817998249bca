/* Readers: what they accept, and the exact words with which they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "extras/array.h"
#include "runtime_files.h"

/* ---- CSV --------------------------------------------------------------------------------------------------------- */

typedef struct CsvCase {
    const char *text;
    const char *message; /* NULL: accepted */
    int         rows, columns;
    double      last; /* value */
} CsvCase;

static const CsvCase CSV[] = {
    {"1,2\n3,4\n", NULL, 2, 2, 4},
    {"1;2\n3;4\n", NULL, 2, 2, 4},
    {"1\t2\n3\t4\n", NULL, 2, 2, 4},
    {"  1 2\n3   4 \n", NULL, 2, 2, 4},
    {"a,b;c\n1;2,5\n2,5;3\n", "t.csv:2: column 2 (c): '2,5' has a decimal comma: write numbers with a point, as in 1.5",
     0, 0, 0},
    {"|1x3 validator\n1,2\n3,4\n", NULL, 2, 2, 4},
    {"\"a\nb\",c\n1,\"2\"\n", NULL, 1, 2, 2},
    {"# x\ty\n1\t2\n", NULL, 1, 2, 2},
    {"1,2\r\n3,4", NULL, 2, 2, 4},
    {"\xEF\xBB\xBF"
     "a,b\n1,2\n",
     NULL, 1, 2, 2},
    {"a,b\n\n1,2\n   \n3,-4.5e-1\n", NULL, 2, 2, -0.45},
    {"\"a, b\",\"c \"\"d\"\"\"\n\"1\" , 2\n", NULL, 1, 2, 2},
    {"2,1,no,yes\n0.5,0\n0.25,1\n", NULL, 2, 2, 1},
    {".5,5.,+3,-0\n", NULL, 1, 4, 0},
    {"0.1234567890123456789\n", NULL, 1, 1, 0.1234567890123456789},
    {"123456789012345678901234567890\n", NULL, 1, 1, 123456789012345678901234567890.0},
    {"1e-310\n", NULL, 1, 1, 1e-310},
    {"1,2\n3\n", "t.csv:2: the row has 1 column where 2 are expected: complete or remove it", 0, 0, 0},
    {"a,b\n1,2\n3,4,5\n", "t.csv:3: the row has 3 columns where 2 are expected: complete or remove it", 0, 0, 0},
    {"a,b\n1,2\n3,x\n",
     "t.csv:3: column 2 (b): 'x' is not a number: give texts to an input 'from category(...)', or write classes as 0, "
     "1, 2, ...",
     0, 0, 0},
    {"1,2\n3,4\n3;4,5\n",
     "t.csv:3: column 1: '3;4' is not a number: give texts to an input 'from category(...)', or write classes as 0, 1, "
     "2, ...",
     0, 0, 0},
    {"1,0x10\n",
     "t.csv:1: column 2: '0x10' is not a number: give texts to an input 'from category(...)', or write classes as 0, "
     "1, 2, ...",
     0, 0, 0},
    {"1,2\n3,nan\n",
     "t.csv:2: column 2 is 'nan', a missing number: say in the model what it becomes, as in 'from column(\"name\", "
     "missing = mean)', or remove the row",
     0, 0, 0},
    {"1,2\n3,-inf\n", "t.csv:2: column 2: '-inf' is not a finite number: fill in a number or remove the row", 0, 0, 0},
    {"1,2\n1e999,3\n", "t.csv:2: column 1: '1e999' is not a finite number: fill in a number or remove the row", 0, 0,
     0},
    {"a,b\n1,\n",
     "t.csv:2: column 2 (b) is empty, a missing number: say in the model what it becomes, as in 'from column(\"b\", "
     "missing = mean)', or remove the row",
     0, 0, 0},
    {"\n\n", "t.csv: has no rows of data", 0, 0, 0},
    {"", "t.csv: the file is empty", 0, 0, 0},
    {"1,\"2\n", "t.csv:1: column 2: a quote is opened and not closed", 0, 0, 0},
    {"1,\"2\"3\n", "t.csv:1: column 2: text after a closing quote", 0, 0, 0},
    {"3,1,no,yes\n0.5,0\n0.25,1\n", "t.csv: its first line promises 3 rows, it has 2: get the file again", 0, 0, 0},
    {"2,9,no,yes\n0.5,0\n", "t.csv:2: the row has 2 columns where 4 are expected: complete or remove it", 0, 0, 0},
    {"1,2e\n",
     "t.csv:1: column 2: '2e' is not a number: give texts to an input 'from category(...)', or write classes as 0, 1, "
     "2, ...",
     0, 0, 0},
};

/* The numbers of a table; the last one's value. */
static nnrt_status read_numbers(const char *path, nnrt_table *table, double *last, nnrt_error *error) {
    nnrt_field fields[8];
    nnrt_table_settle(table, true);
    for (int64_t row = 0; row < table->n_rows; row++) {
        nnrt_table_row(table, row, fields);
        for (int64_t i = 0; i < table->n_columns; i++)
            if (!nnrt_parse_number(&fields[i], last) || *last - *last != 0)
                return nnrt_fail_cell(path, table, row, i, &fields[i], error);
    }
    return table->n_rows > 0 ? NNRT_OK : NNRT_BAD_DATA;
}

static void csv_cases(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof CSV / sizeof *CSV; i++) {
        nnrt_content content;
        nnrt_error   error  = {0};
        double       last   = 0;
        nnrt_status  status = nnrt_read_content(files_write_text("t.csv", CSV[i].text), &content, &error);
        bool         read   = status == NNRT_OK;
        if (read) status = read_numbers("t.csv", &content.table, &last, &error);
        assert_string_equal(error.message, CSV[i].message ? CSV[i].message : "");
        assert_int_equal(status, CSV[i].message ? NNRT_BAD_DATA : NNRT_OK);
        if (read && status != NNRT_OK) nnrt_content_free(&content);
        if (status != NNRT_OK) continue;
        assert_int_equal(content.table.n_rows, CSV[i].rows);
        assert_int_equal(content.table.n_columns, CSV[i].columns);
        assert_true(last == CSV[i].last);
        nnrt_content_free(&content);
    }
}

static void csv_names_and_classes(void **state) {
    (void)state;
    nnrt_content content;
    assert_int_equal(
        nnrt_read_content(files_write_text("t.csv.gz", "\"a, b\",\"c \"\"d\"\"\"\n\n1,2\n"), &content, NULL), NNRT_OK);
    assert_string_equal(content.table.names[0], "a, b");
    assert_string_equal(content.table.names[1], "c \"d\"");
    assert_int_equal(content.table.lines[0], 3);
    nnrt_content_free(&content);
    assert_int_equal(nnrt_read_content(files_write_text("t.csv", "1,1,no,yes\n0.5,0\n"), &content, NULL), NNRT_OK);
    assert_int_equal(content.table.n_classes, 2);
    assert_string_equal(content.table.classes[1], "yes");
    assert_null(content.table.names);
    nnrt_content_free(&content);
}

/* Every decimal of up to 17 digits must come out as strtod reads it. */
static void csv_numbers_are_correctly_rounded(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 2000; i++) {
        const uint32_t counter[4] = {i, 0, 0, 0}, key[2] = {1, 2};
        uint32_t       r[4];
        char           text[64];
        nnrt_philox(counter, key, r);
        snprintf(text, sizeof text, "%s%u.%0*u\n", r[3] & 1 ? "-" : "", r[0] >> (r[2] & 31), 1 + (int)(r[3] >> 8 & 7),
                 r[1] >> (r[2] >> 8 & 31));
        nnrt_content content;
        assert_int_equal(nnrt_read_content(files_write_text("t.csv", text), &content, NULL), NNRT_OK);
        double value;
        assert_int_equal(read_numbers("t.csv", &content.table, &value, NULL), NNRT_OK);
        assert_true(value == strtod(text, NULL));
        nnrt_content_free(&content);
    }
}

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

/* Reads `bytes` as `name`; compares the message and, where it is accepted, shape and last element. */
static void check_array(const char *name, const void *bytes, size_t size, const char *message, int elem, int rank,
                        const int64_t *shape, double last) {
    nnrt_content content;
    nnrt_error   error  = {0};
    nnrt_status  status = nnrt_read_content(files_write(name, bytes, size), &content, &error);
    assert_string_equal(error.message, message ? message : "");
    assert_int_equal(status, message ? NNRT_BAD_DATA : NNRT_OK);
    if (status != NNRT_OK) return;
    const nnrt_array *array = content.arrays;
    assert_int_equal(content.n_arrays, 1);
    assert_int_equal(array->elem, elem);
    assert_int_equal(array->rank, rank);
    for (int axis = 0; axis < rank; axis++) assert_int_equal(array->shape[axis], shape[axis]);
    assert_true(nnrt_elem_get(elem, array->data, array->count - 1) == last);
    nnrt_content_free(&content);
}

static size_t make_npy(unsigned char *out, int version, const char *header, const void *data, size_t nbytes) {
    size_t size = strlen(header), start = version == 1 ? 10 : 12;
    memcpy(out, "\x93NUMPY", 6);
    out[6] = (unsigned char)version;
    memset(out + 7, 0, 5);
    out[8] = (unsigned char)size;
    out[9] = (unsigned char)(size >> 8);
    memcpy(out + start, header, size);
    memcpy(out + start + size, data, nbytes);
    return start + size + nbytes;
}

static void npy_types_and_orders(void **state) {
    (void)state;
    unsigned char bytes[512];
    const float   f[6]    = {1, 2, 3, 4, 5, 6};
    const int64_t shape[] = {2, 3};
    for (int version = 1; version <= 3; version++) {
        size_t n =
            make_npy(bytes, version, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", f, sizeof f);
        check_array("t.npy", bytes, n, NULL, NNRT_F32, 2, shape, 6);
        check_array("t.npy.gz", bytes, n, NULL, NNRT_F32, 2, shape, 6);
    }
    const uint16_t f2[] = {0x3c00, 0x8001};
    size_t         n = make_npy(bytes, 1, "{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }\n", f2, sizeof f2);
    check_array("t.npy", bytes, n, NULL, NNRT_F16, 1, (int64_t[]){2}, -0x1p-24);
    const int8_t i1[] = {1, -2};
    n = make_npy(bytes, 1, "{'descr': '|i1', 'fortran_order': False, 'shape': (2,), }\n", i1, sizeof i1);
    check_array("t.npy", bytes, n, NULL, NNRT_I32, 1, (int64_t[]){2}, -2);
    const uint16_t u2[] = {1, 65535};
    n = make_npy(bytes, 1, "{'descr': '<u2', 'fortran_order': False, 'shape': (2,), }\n", u2, sizeof u2);
    check_array("t.npy", bytes, n, NULL, NNRT_I32, 1, (int64_t[]){2}, 65535);
    const int64_t i8[] = {-1, 1ll << 40};
    n = make_npy(bytes, 1, "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 2), }\n", i8, sizeof i8);
    check_array("t.npy", bytes, n, NULL, NNRT_I64, 2, (int64_t[]){1, 2}, (double)(1ll << 40));
    const double scalar = 2.5;
    n = make_npy(bytes, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (), }\n", &scalar, sizeof scalar);
    check_array("t.npy", bytes, n, NULL, NNRT_F64, 0, NULL, 2.5);
}

static void npy_fortran_order_becomes_row_major(void **state) {
    (void)state;
    unsigned char bytes[512];
    const float   f[6] = {1, 4, 2, 5, 3, 6}; /* columns of ((1, 2, 3), (4, 5, 6)) */
    size_t        n = make_npy(bytes, 1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", f, sizeof f);
    nnrt_content  content;
    assert_int_equal(nnrt_read_content(files_write("t.npy", bytes, n), &content, NULL), NNRT_OK);
    for (int i = 0; i < 6; i++) assert_true(((float *)content.arrays->data)[i] == (float)(i + 1));
    nnrt_content_free(&content);
}

static void npy_hostile(void **state) {
    (void)state;
    static const struct {
        const char *header, *message;
    } CASES[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
         "t.npy: is cut off: its header says [3], 8 bytes of elements follow: save it again"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999, 9999999999), }",
         "t.npy: is cut off: its header says [9999999999, 9999999999, 9999999999], 8 bytes of elements follow: save it "
         "again"},
        {"{'descr': '<U8', 'fortran_order': False, 'shape': (1,), }",
         "t.npy: elements of type '<U8' are not read: save numbers, as in np.save(file, array.astype('float32'))"},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }",
         "t.npy: elements of type '>f4' are not read: save numbers, as in np.save(file, array.astype('float32'))"},
        {"{'fortran_order': False, 'shape': (1,), }",
         "t.npy: damaged .npy file: the header names no element type: save it again with np.save"},
        {"{'descr': '<f4', 'fortran_order': False}",
         "t.npy: damaged .npy file: the header names no shape: save it again with np.save"},
        {"{'descr': '<f4', 'shape': (1, x), }",
         "t.npy: damaged .npy file: its shape is no list of sizes: save it again with np.save"},
        {"{'descr': '<f4', 'shape': (-1, ), }",
         "t.npy: damaged .npy file: its shape is no list of sizes: save it again with np.save"},
        {"{'descr': '<f4', 'shape': (1",
         "t.npy: damaged .npy file: its shape is no list of sizes: save it again with np.save"},
        {"{'descr': '<f4', 'shape': (1,1,1,1,1,1,1,1,1), }", "t.npy: has more than 8 axes"},
    };
    unsigned char bytes[512];
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        size_t n = make_npy(bytes, 1, CASES[i].header, "\0\0\0\0\0\0\0\0", 8);
        check_array("t.npy", bytes, n, CASES[i].message, 0, 0, NULL, 0);
    }
    size_t n = make_npy(bytes, 4, "{}", "", 0);
    check_array("t.npy", bytes, n, "t.npy: damaged .npy file: its version is not 1, 2 or 3: save it again with np.save",
                0, 0, NULL, 0);
    for (n = 6; n < 60; n++) { /* every way of being cut off inside the header */
        nnrt_content content;
        make_npy(bytes, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "", 0);
        assert_int_equal(nnrt_read_content(files_write("t.npy", bytes, n), &content, NULL), NNRT_BAD_DATA);
    }
}

static void idx_types_and_damage(void **state) {
    (void)state;
    static const unsigned char U8[]    = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 200};
    static const unsigned char I16[]   = {0, 0, 11, 1, 0, 0, 0, 2, 0, 1, 0xFF, 0xFE};
    static const unsigned char F32[]   = {0, 0, 13, 1, 0, 0, 0, 1, 0x3F, 0xC0, 0, 0};
    static const unsigned char HUGE_[] = {0,    0,    8,    3,    0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                          0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1};
    static const unsigned char MANY[]  = {0, 0, 8, 200, 0, 0, 0, 1};
    static const unsigned char TYPE[]  = {0, 0, 10, 1, 0, 0, 0, 1, 1};
    check_array("t.idx", U8, sizeof U8, NULL, NNRT_U8, 2, (int64_t[]){2, 2}, 200);
    check_array("t.idx.gz", U8, sizeof U8, NULL, NNRT_U8, 2, (int64_t[]){2, 2}, 200);
    check_array("t.idx", I16, sizeof I16, NULL, NNRT_I32, 1, (int64_t[]){2}, -2);
    check_array("t.idx", F32, sizeof F32, NULL, NNRT_F32, 1, (int64_t[]){1}, 1.5);
    check_array("t.idx", U8, sizeof U8 - 1,
                "t.idx: is cut off: its header says [2, 2], 3 bytes of elements follow: get the file again", 0, 0, NULL,
                0);
    check_array("t.idx", U8, 7, "t.idx: is cut off inside its IDX header: get the file again", 0, 0, NULL, 0);
    check_array("t.idx", HUGE_, sizeof HUGE_,
                "t.idx: is cut off: its header says [4294967295, 4294967295, 4294967295], 1 bytes of elements follow: "
                "get the file again",
                0, 0, NULL, 0);
    check_array("t.idx", MANY, sizeof MANY, "t.idx: has 200 axes, at most 8 are read", 0, 0, NULL, 0);
    check_array("t.idx", TYPE, sizeof TYPE, "t.idx: IDX element type 0x0a does not exist: the file is damaged", 0, 0,
                NULL, 0);
}

static void cifar_records(void **state) {
    (void)state;
    enum { RECORD = 3073 };
    unsigned char *bytes = calloc(2, RECORD);
    nnrt_content   content;
    bytes[0]              = 9;
    bytes[1]              = 10; /* the first pixel's red, green and blue */
    bytes[1 + 1024]       = 20;
    bytes[1 + 2048]       = 30;
    bytes[RECORD]         = 3;
    bytes[2 * RECORD - 1] = 40; /* the last one's blue */
    assert_int_equal(nnrt_read_content(files_write("t.bin", bytes, 2 * RECORD), &content, NULL), NNRT_OK);
    const unsigned char *image = content.arrays[0].data, *label = content.arrays[1].data;
    assert_int_equal(content.arrays[0].shape[0], 2);
    assert_int_equal(content.arrays[0].shape[3], 3);
    assert_true(image[0] == 10 && image[1] == 20 && image[2] == 30 && image[2 * 3072 - 1] == 40);
    assert_true(label[0] == 9 && label[1] == 3);
    nnrt_content_free(&content);
    check_array(
        "t.bin", bytes, RECORD + 1,
        "t.bin: is no CIFAR-10 file: its 3074 bytes are no whole number of records of 3073: get the file again, "
        "or save arrays as .npy",
        0, 0, NULL, 0);
    bytes[RECORD] = 10;
    check_array("t.bin", bytes, 2 * RECORD,
                "t.bin: is no CIFAR-10 file, or damaged: record 1 has class 10, beyond 0 to 9", 0, 0, NULL, 0);
    free(bytes);
}

static size_t make_safetensors(unsigned char *out, const char *header, size_t nbytes) {
    size_t size = strlen(header);
    for (int i = 0; i < 8; i++) out[i] = (unsigned char)(size >> (8 * i));
    memcpy(out + 8, header, size);
    memset(out + 8 + size, 0, nbytes);
    return 8 + size + nbytes;
}

static void safetensors_hostile(void **state) {
    (void)state;
    static const struct {
        const char *header, *message;
    } CASES[] = {
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", NULL},
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}",
         "t.safetensors: damaged safetensors file: it ends before the elements of w: get or save it again"},
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}",
         "t.safetensors: damaged safetensors file: it ends before the elements of w: get or save it again"},
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}",
         "t.safetensors: damaged safetensors file: shape and data_offsets disagree for w: get or save it again"},
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}}",
         "t.safetensors: damaged safetensors file: shape and data_offsets disagree for w: get or save it again"},
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}",
         "t.safetensors: damaged safetensors file: bad shape of w: get or save it again"},
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,8]}}",
         "t.safetensors: damaged safetensors file: bad shape of w: get or save it again"},
        {"{\"w\":{\"dtype\":\"Q4\",\"shape\":[2],\"data_offsets\":[0,8]}}",
         "t.safetensors: 'w' has type Q4, which is not read"},
        {"{\"w\":{\"dtype\":\"F32\"}}",
         "t.safetensors: damaged safetensors file: no dtype, shape and data_offsets for w: get or save it again"},
        {"{\"w\":7}",
         "t.safetensors: damaged safetensors file: no dtype, shape and data_offsets for w: get or save it again"},
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}",
         "t.safetensors: 'w' has more than 8 axes"},
        {"{\"w\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},\"v\":{\"dtype\":\"U8\",\"shape\":[1],\"data_"
         "offsets\":[7,8]}}",
         "t.safetensors: damaged safetensors file: arrays share elements: v: get or save it again"},
        {"{}", "t.safetensors: holds no arrays"},
        {"{\"__metadata__\":{\"a\":\"b\"}}", "t.safetensors: holds no arrays"},
        {"[1]", "t.safetensors: damaged safetensors file: its header is no JSON object: get or save it again"},
        {"{\"w\":", "t.safetensors: damaged safetensors file: its header is no JSON object: get or save it again"},
    };
    unsigned char bytes[512];
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        size_t n = make_safetensors(bytes, CASES[i].header, 8);
        check_array("t.safetensors", bytes, n, CASES[i].message, NNRT_F32, 1, (int64_t[]){2}, 0);
    }
    size_t n = make_safetensors(bytes, CASES[0].header, 8);
    for (size_t cut = 0; cut < n; cut++) {
        nnrt_content content;
        assert_int_equal(nnrt_read_content(files_write("t.safetensors", bytes, cut), &content, NULL), NNRT_BAD_DATA);
    }
    memset(bytes, 0xFF, 8);
    check_array("t.safetensors", bytes, n,
                "t.safetensors: damaged safetensors file: it ends inside the header: get or save it again", 0, 0, NULL,
                0);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void unreadable_files(void **state) {
    (void)state;
    nnrt_content content;
    nnrt_error   error;
    assert_int_equal(nnrt_read_content("absent.csv", &content, &error), NNRT_BAD_DATA);
    assert_string_equal(error.message, "absent.csv: no such file");
    assert_int_equal(nnrt_read_content(".", &content, &error), NNRT_BAD_DATA);
    assert_string_equal(error.message, ".: is a directory, not a data file");
    check_array("t.npz", "PK\3\4zzzzzzzz", 12,
                "t.npz: damaged .npz file: it has no directory at its end: save it again with np.savez", 0, 0, NULL, 0);
    check_array(
        "t.dat", "abc\0def", 7,
        "t.dat: of no known format: CSV, .npy, .npz, IDX, CIFAR-10 (.bin) and .safetensors are read, gzipped or not", 0,
        0, NULL, 0);
    check_array("t.dat", "\x93NUM", 4,
                "t.dat: is cut off after 4 bytes, inside the beginning of a .npy file: get the file again", 0, 0, NULL,
                0);
    check_array("t.dat", "\x1f", 1,
                "t.dat: is cut off after 1 byte, inside the beginning of a gzip file: get the file again", 0, 0, NULL,
                0);
    check_array("t.npz", "1,2\n", 4, "t.npz: is no .npz file: it begins otherwise", 0, 0, NULL, 0);
    check_array("t.npy", "1,2\n", 4, "t.npy: is no .npy file: it begins otherwise", 0, 0, NULL, 0);
    check_array("t.h5", "\x89HDF\r\n\x1a\n", 8,
                "t.h5: HDF5 files are not read: save the arrays with np.savez(file, name=array)", 0, 0, NULL, 0);
}

static void damaged_gzip(void **state) {
    (void)state;
    char text[4000], packed[4000];
    for (size_t i = 0; i < sizeof text; i++) text[i] = i % 8 == 7 ? '\n' : (char)('0' + (i * 7919 >> 3) % 10);
    files_write("t.csv.gz", text, sizeof text);
    FILE  *file = fopen("t.csv.gz", "rb");
    size_t n    = fread(packed, 1, sizeof packed, file);
    fclose(file);
    nnrt_content content;
    nnrt_error   error;
    files_write("cut.csv", packed, n / 2);
    assert_int_equal(nnrt_read_content("cut.csv", &content, &error), NNRT_BAD_DATA);
    assert_string_equal(error.message, "cut.csv: the gzip data is damaged (it ends early): get the file again");
    packed[n - 6] ^= 1; /* the checksum */
    files_write("bad.csv", packed, n);
    assert_int_equal(nnrt_read_content("bad.csv", &content, &error), NNRT_BAD_DATA);
    assert_non_null(strstr(error.message, "bad.csv: the gzip data is damaged ("));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_cases),
        cmocka_unit_test(csv_names_and_classes),
        cmocka_unit_test(csv_numbers_are_correctly_rounded),
        cmocka_unit_test(npy_types_and_orders),
        cmocka_unit_test(npy_fortran_order_becomes_row_major),
        cmocka_unit_test(npy_hostile),
        cmocka_unit_test(idx_types_and_damage),
        cmocka_unit_test(cifar_records),
        cmocka_unit_test(safetensors_hostile),
        cmocka_unit_test(unreadable_files),
        cmocka_unit_test(damaged_gzip),
    };
    return cmocka_run_group_tests(tests, files_enter, files_leave);
}
