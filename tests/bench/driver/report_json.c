#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "bench/driver/bench.h"

static cJSON *side_json(const Row *row, const char *name, const Side *side) {
    cJSON *item = cJSON_CreateObject(), *losses = cJSON_CreateArray();
    cJSON_AddStringToObject(item, "program", name);
    cJSON_AddNumberToObject(item, "step_us_wall", side->wall_us);
    cJSON_AddNumberToObject(item, "step_us_cpu", side->cpu_us);
    if (side != &row->ours) {
        cJSON_AddNumberToObject(item, "ratio_wall", row_ratio(row, side, true));
        cJSON_AddNumberToObject(item, "ratio_cpu", row_ratio(row, side, false));
    }
    cJSON_AddNumberToObject(item, "memory_mb", side->peak_kb / 1024);
    cJSON_AddNumberToObject(item, "memory_mb_start", side->start_kb / 1024);
    cJSON_AddNumberToObject(item, "compile_s", side->compile_s);
    if (side == &row->ours) cJSON_AddNumberToObject(item, "compile_s_cpu", side->compile_cpu_s);
    for (int i = 0; i < MAX_LOSSES && side->losses[i] != 0; i++)
        cJSON_AddItemToArray(losses, cJSON_CreateNumber(side->losses[i]));
    cJSON_AddItemToObject(item, "losses", losses);
    return item;
}

static cJSON *row_json(const Row *row) {
    cJSON *item = cJSON_CreateObject(), *programs = cJSON_CreateArray();
    int    best = row_fastest(row);
    cJSON_AddStringToObject(item, "case", row->kase->name);
    cJSON_AddNumberToObject(item, "threads", row->threads);
    cJSON_AddNumberToObject(item, "flops", row->kase->flops);
    cJSON_AddNumberToObject(item, "peak_gflops", row->peak_gflops);
    cJSON_AddNumberToObject(item, "share_of_peak", row->share);
    cJSON_AddNumberToObject(item, "target", row->kase->target);
    if (row->round_trip_ns > 0) cJSON_AddNumberToObject(item, "round_trip_ns", row->round_trip_ns);
    if (best >= 0) cJSON_AddStringToObject(item, "fastest_peer", PEERS[best].name);
    cJSON_AddItemToArray(programs, side_json(row, "nnc", &row->ours));
    for (int i = 0; i < N_PEERS; i++)
        if (row->peers[i].ran) cJSON_AddItemToArray(programs, side_json(row, PEERS[i].name, &row->peers[i]));
    cJSON_AddItemToObject(item, "programs", programs);
    return item;
}

static cJSON *kernel_json(const KernelRow *row) {
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "table", row->table);
    cJSON_AddStringToObject(item, "name", row->name);
    cJSON_AddItemToObject(item, "shares", cJSON_CreateDoubleArray(row->shares, row->n_shares));
    return item;
}

bool report_json(const char *path, const Options *options, const Row *rows, int n_rows, const KernelRows *kernels) {
    cJSON *all = cJSON_CreateObject(), *list = cJSON_CreateArray(), *tables = cJSON_CreateArray();
    cJSON_AddNumberToObject(all, "rounds", options->rounds);
    cJSON_AddNumberToObject(all, "seconds", options->seconds);
    for (int i = 0; i < n_rows; i++) cJSON_AddItemToArray(list, row_json(&rows[i]));
    cJSON_AddItemToObject(all, "rows", list);
    for (int i = 0; i < kernels->n; i++) cJSON_AddItemToArray(tables, kernel_json(&kernels->rows[i]));
    cJSON_AddItemToObject(all, "kernels", tables);
    char *text    = cJSON_Print(all);
    FILE *file    = text ? fopen(path, "w") : NULL;
    bool  written = file && fprintf(file, "%s\n", text) > 0;
    if (file && fclose(file) != 0) written = false;
    if (!written) fprintf(stderr, "bench: cannot write %s\n", path);
    free(text);
    cJSON_Delete(all);
    return written;
}
