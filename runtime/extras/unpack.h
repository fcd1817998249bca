/* How large packed data may become. */
#ifndef NNRT_EXTRAS_UNPACK_H
#define NNRT_EXTRAS_UNPACK_H

#include <stdint.h>

#include "nnrt.h"

/* Data of NNRT_UNPACK_FREE bytes is unpacked whatever it was packed to; larger data must not be more than
 * NNRT_UNPACK_RATIO times its packed size: a small file made to fill the memory is. NNRT_BAD_DATA otherwise. */
enum { NNRT_UNPACK_FREE = 256 << 20, NNRT_UNPACK_RATIO = 200 };
nnrt_status nnrt_check_unpacked(const char *path, uint64_t packed, uint64_t unpacked, nnrt_error *error);

#endif
