/* Checkpoints: a round trip is exact, what does not fit is listed, and a failed save leaves the old file alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "extras/array.h"
#include "extras/checkpoint.h"
#include "fake_model.h"
#include "runtime_files.h"

static nnrt_instance *make_instance(uint64_t seed) {
    nnrt_instance *instance = nnrt_instance_new(&nnrt_model_main, NULL, NULL);
    nnrt_settings  settings = nnrt_settings_default(&nnrt_model_main);
    assert_non_null(instance);
    settings.seed = (int64_t)seed;
    assert_int_equal(nnrt_init(instance, &settings, NULL), NNRT_OK);
    return instance;
}

static nnrt_status save(const nnrt_instance *instance, const char *path, nnrt_error *error) {
    const nnrt_settings settings = nnrt_settings_default(&nnrt_model_main);
    return nnrt_checkpoint_save(instance, &settings, 7, path, error);
}

static nnrt_bytes contents(const char *path) {
    nnrt_bytes bytes;
    assert_int_equal(nnrt_read_file(path, &bytes, NULL), NNRT_OK);
    return bytes;
}

static int count_files(void) {
    int  n    = 0;
    DIR *open = opendir(".");
    for (struct dirent *entry; (entry = readdir(open));) n += entry->d_name[0] != '.';
    closedir(open);
    return n;
}

static void round_trip(void **state) {
    (void)state;
    nnrt_instance *a = make_instance(3), *b = make_instance(4);
    assert_memory_not_equal(a->slots[FAKE_W], b->slots[FAKE_W], a->slot_nbytes[FAKE_W]);
    assert_int_equal(save(a, "a.safetensors", NULL), NNRT_OK);
    assert_int_equal(nnrt_checkpoint_load(b, "a.safetensors", NULL, NULL), NNRT_OK);
    for (int i = 0; i <= FAKE_M; i++) assert_memory_equal(a->slots[i], b->slots[i], a->slot_nbytes[i]);
    assert_int_equal(save(b, "b.safetensors", NULL), NNRT_OK);
    nnrt_bytes bytes_a = contents("a.safetensors"), bytes_b = contents("b.safetensors");
    assert_int_equal(bytes_a.size, bytes_b.size);
    assert_memory_equal(bytes_a.data, bytes_b.data, bytes_a.size);
    assert_non_null(strstr((char *)bytes_a.data + 8, "\"model\":\"Fake\""));
    assert_non_null(strstr((char *)bytes_a.data + 8, "\\\"seed\\\":1,"));
    assert_non_null(strstr((char *)bytes_a.data + 8, "\\\"optimizer.lr\\\":0.1"));
    assert_null(strstr((char *)bytes_a.data + 8, "accuracy"));
    free(bytes_a.data);
    free(bytes_b.data);
    nnrt_instance_free(a);
    nnrt_instance_free(b);
}

static nnrt_array array_of(const char *name, int elem, int rank, int64_t size0, int64_t size1) {
    static float zeros[64];
    return (nnrt_array){.name  = (char *)name,
                        .elem  = elem,
                        .rank  = rank,
                        .shape = {size0, size1},
                        .count = rank == 0   ? 1
                                 : rank == 1 ? size0
                                             : size0 * size1,
                        .data  = zeros};
}

static void mismatches_are_listed(void **state) {
    (void)state;
    nnrt_instance   *instance = make_instance(1);
    nnrt_error       error;
    const nnrt_array fits[] = {array_of("dense/kernel", NNRT_F32, 2, 4, 3), array_of("dense/bias", NNRT_F32, 1, 3, 0),
                               array_of("standardize/mean", NNRT_F32, 1, 4, 0),
                               array_of("standardize/seen", NNRT_F32, 0, 0, 0)};
    const nnrt_array differs[] = {
        array_of("dense/kernel", NNRT_F32, 2, 3, 4), array_of("dense/bias", NNRT_F64, 1, 3, 0),
        array_of("standardize/mean", NNRT_F32, 1, 4, 0), array_of("dense_2/bias", NNRT_F32, 1, 3, 0)};
    const nnrt_array other[] = {array_of("a", NNRT_F32, 0, 0, 0), array_of("b", NNRT_F32, 0, 0, 0),
                                array_of("c", NNRT_F32, 0, 0, 0)};
    assert_int_equal(nnrt_write_safetensors("fits.safetensors", fits, 4, NULL, 0, NULL), NNRT_OK);
    assert_int_equal(nnrt_checkpoint_load(instance, "fits.safetensors", NULL, NULL),
                     NNRT_OK); /* optimizer state may be absent */
    assert_int_equal(nnrt_write_safetensors("t.safetensors", differs, 4, NULL, 0, NULL), NNRT_OK);
    assert_int_equal(nnrt_checkpoint_load(instance, "t.safetensors", NULL, &error), NNRT_BAD_DATA);
    assert_string_equal(error.message, "t.safetensors: these weights are not model Fake's:\n"
                                       "  differs: dense/kernel is f32[3, 4], the model has f32[4, 3]\n"
                                       "  differs: dense/bias is f64[3], the model has f32[3]\n"
                                       "  missing: standardize/seen f32[]\n"
                                       "  unknown: dense_2/bias");
    assert_int_equal(nnrt_write_safetensors("t.safetensors", other, 3, NULL, 0, NULL), NNRT_OK);
    assert_int_equal(nnrt_checkpoint_load(instance, "t.safetensors", NULL, &error), NNRT_BAD_DATA);
    assert_string_equal(error.message,
                        "t.safetensors: these weights are not model Fake's:\n"
                        "  missing: dense/kernel f32[4, 3]\n  missing: dense/bias f32[3]\n"
                        "  missing: standardize/mean f32[4]\n  missing: standardize/seen f32[]\n  and 3 more\n"
                        "  another program's names are given by --map TO=FROM");
    nnrt_instance_free(instance);
}

/* What a training keeps between steps comes back to the bit; a state of another shape is refused. */
static void state_round_trip(void **state) {
    (void)state;
    nnrt_instance      *a = make_instance(3), *b = make_instance(4);
    const nnrt_settings settings = nnrt_settings_default(&nnrt_model_main);
    nnrt_training       saved = {.instance = a, .settings = &settings, .steps_done = 11}, read = {.instance = b};
    double              sums[] = {1.0 / 3, 48};
    nnrt_error          error;
    saved.state = (nnrt_trainer_state){.sums = sums, .n_sums = 2, .best = 0.1, .best_step = 8, .waited = 1};
    assert_true(nnrt_trainer_state_best(&saved.state, a));
    memset(saved.state.best_slots[FAKE_W], 7, a->slot_nbytes[FAKE_W]);
    for (int i = 0; i < saved.state.n_slots; i++)
        if (saved.state.best_slots[i] && i != FAKE_W) memcpy(saved.state.best_slots[i], a->slots[i], a->slot_nbytes[i]);
    assert_int_equal(nnrt_checkpoint_save_training(&saved, "s.safetensors", NULL), NNRT_OK);
    assert_int_equal(nnrt_checkpoint_resume(&read, "s.safetensors", &error), NNRT_OK);
    assert_int_equal(read.steps_done, 11);
    assert_int_equal(read.state.n_sums, 2);
    assert_memory_equal(read.state.sums, sums, sizeof sums);
    assert_true(read.state.best == 0.1);
    assert_int_equal(read.state.best_step, 8);
    assert_int_equal(read.state.waited, 1);
    assert_memory_equal(a->slots[FAKE_W], b->slots[FAKE_W], a->slot_nbytes[FAKE_W]);
    assert_memory_equal(read.state.best_slots[FAKE_W], saved.state.best_slots[FAKE_W], a->slot_nbytes[FAKE_W]);
    assert_memory_equal(read.state.best_slots[FAKE_M], a->slots[FAKE_M], a->slot_nbytes[FAKE_M]);
    nnrt_trainer_state_free(&read.state);

    saved.state.n_sums = 1; /* not this model's */
    assert_int_equal(nnrt_checkpoint_save_training(&saved, "s.safetensors", NULL), NNRT_OK);
    assert_int_equal(nnrt_checkpoint_resume(&read, "s.safetensors", &error), NNRT_BAD_DATA);
    assert_string_equal(error.message,
                        "s.safetensors: its state of the training is damaged: start from its weights with --init");
    nnrt_trainer_state_free(&read.state);
    saved.state.sums = NULL;
    nnrt_trainer_state_free(&saved.state);
    nnrt_instance_free(a);
    nnrt_instance_free(b);
}

/* A temporary file left by a program that was killed is taken over; one that another program holds is waited for. */
static void temporary_files(void **state) {
    (void)state;
    nnrt_writer first, second;
    nnrt_error  error;
    files_write_text("w.bin.nnc-tmp", "left by a killed program, and longer than what is written now");
    assert_int_equal(nnrt_writer_open(&first, "w.bin", &error), NNRT_OK);
    nnrt_writer_put(&first, "one", 3);
    pid_t child = fork();
    if (child == 0) { /* waits for its turn, and so writes last */
        nnrt_status status = nnrt_writer_open(&second, "w.bin", NULL);
        if (status == NNRT_OK) nnrt_writer_put(&second, "three", 5);
        _exit(status == NNRT_OK && nnrt_writer_commit(&second, NULL) == NNRT_OK ? 0 : 1);
    }
    usleep(30000);
    assert_int_equal(nnrt_writer_commit(&first, &error), NNRT_OK);
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    nnrt_bytes bytes = contents("w.bin");
    assert_int_equal(bytes.size, 5);
    assert_memory_equal(bytes.data, "three", 5);
    free(bytes.data);
    assert_int_equal(access("w.bin.nnc-tmp", F_OK), -1);
    assert_int_equal(symlink("elsewhere", "w.bin.nnc-tmp"), 0); /* never followed */
    assert_int_equal(nnrt_writer_open(&first, "w.bin", &error), NNRT_ERROR);
    assert_int_equal(access("elsewhere", F_OK), -1);
    unlink("w.bin.nnc-tmp");
}

/* A full disk, played by a limit on file sizes. */
static void full_disk_keeps_the_old_file(void **state) {
    (void)state;
    nnrt_instance *instance = make_instance(1);
    struct rlimit  limit, before;
    nnrt_error     error;
    files_write_text("old.safetensors", "old");
    int n_files = count_files();
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit          = before;
    limit.rlim_cur = 100;
    setrlimit(RLIMIT_FSIZE, &limit);
    nnrt_status status = save(instance, "old.safetensors", &error);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(status, NNRT_ERROR);
    assert_string_equal(error.message, "old.safetensors: cannot be written: File too large");
    assert_int_equal(count_files(), n_files);
    nnrt_bytes bytes = contents("old.safetensors");
    assert_string_equal((char *)bytes.data, "old");
    free(bytes.data);
    nnrt_instance_free(instance);
}

static void unwritable_targets(void **state) {
    (void)state;
    static const char *const CASES[][2] = {
        {"absent/a.safetensors", "absent/a.safetensors: cannot be written: No such file or directory"},
        {"/dev/null", "/dev/null: cannot be written: is not an ordinary file"},
        {".", ".: cannot be written: is a directory"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        nnrt_error error;
        assert_int_equal(nnrt_check_writable(CASES[i][0], &error), NNRT_ERROR);
        assert_string_equal(error.message, CASES[i][1]);
    }
    int n_files = count_files();
    assert_int_equal(nnrt_check_writable("new.safetensors", NULL), NNRT_OK);
    assert_int_equal(count_files(), n_files);
}

static void another_runtime_is_refused(void **state) {
    (void)state;
    nnrt_model model = nnrt_model_main;
    nnrt_error error;
    model.abi = NNRT_ABI + 1;
    assert_null(nnrt_instance_new(&model, NULL, &error));
    assert_non_null(strstr(error.message, "compile it again"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(mismatches_are_listed),
        cmocka_unit_test(state_round_trip),
        cmocka_unit_test(temporary_files),
        cmocka_unit_test(full_disk_keeps_the_old_file),
        cmocka_unit_test(unwritable_targets),
        cmocka_unit_test(another_runtime_is_refused),
    };
    return cmocka_run_group_tests(tests, files_enter, files_leave);
}
