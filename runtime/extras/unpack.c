#include "extras/unpack.h"

#include "core/status.h"

nnrt_status nnrt_check_unpacked(const char *path, uint64_t packed, uint64_t unpacked, nnrt_error *error) {
    if (unpacked <= NNRT_UNPACK_FREE || unpacked / NNRT_UNPACK_RATIO <= packed) return NNRT_OK;
    return nnrt_fail(error, NNRT_BAD_DATA,
                     "%s: %llu bytes would unpack to %llu or more, over %d times as many: such data is refused; if it "
                     "is what it should be, unpack it first",
                     path, (unsigned long long)packed, (unsigned long long)unpacked, NNRT_UNPACK_RATIO);
}
