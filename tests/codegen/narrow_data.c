/* Writes x.npy (f16), y.npy (i32) and the same in data.safetensors (BF16, I32) to the current folder: two classes, of points whose first
 * coordinates differ. */
#include <stddef.h>
#include <stdint.h>

#include "core/element.h"
#include "extras/array.h"

enum { ROWS = 300, COLUMNS = 4 };

int main(void) {
    static uint16_t half[ROWS * COLUMNS], brain[ROWS * COLUMNS];
    static int32_t  classes[ROWS];
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        const uint32_t counter[4] = {(uint32_t)i, 0, 0, 0}, key[2] = {5, 6};
        uint32_t       random[4];
        nnrt_philox(counter, key, random);
        double value         = random[0] * 0x1p-32 + (i % COLUMNS == 0 && i / COLUMNS % 2 ? 1.1 : 0);
        classes[i / COLUMNS] = i / COLUMNS % 2;
        nnrt_elem_put(NNRT_F16, half, i, value);
        nnrt_elem_put(NNRT_BF16, brain, i, value);
    }
    nnrt_array x = {
        .name = "x", .elem = NNRT_F16, .rank = 2, .shape = {ROWS, COLUMNS}, .count = ROWS * COLUMNS, .data = half};
    nnrt_array y = {.name = "y", .elem = NNRT_I32, .rank = 1, .shape = {ROWS}, .count = ROWS, .data = classes};
    if (nnrt_write_npy("x.npy", &x, NULL) != NNRT_OK || nnrt_write_npy("y.npy", &y, NULL) != NNRT_OK) return 1;
    x.elem = NNRT_BF16, x.data = brain;
    return nnrt_write_safetensors("data.safetensors", (nnrt_array[]){x, y}, 2, NULL, 0, NULL) != NNRT_OK;
}
