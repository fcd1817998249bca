/* The C API's save and load: a header declares them by itself (compiler/codegen/header.c), so that only who calls them needs
 * this library. */
#ifndef NNRT_EXTRAS_NET_FILE_H
#define NNRT_EXTRAS_NET_FILE_H

/* A checkpoint as a program's train writes it. `net` is an nnrt_net, `error` an nnrt_error or NULL; the result is an nnrt_status. */
int nnrt_net_save(const void *net, const char *path, void *error);

/* Fills the net's slots and sets its steps done; optimizer state may be absent. The net is as before where that fails. */
int nnrt_net_load(void *net, const char *path, void *error);

#endif
