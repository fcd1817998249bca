/* libFuzzer target of scanner, parser, fmt and diagnostics: no input crashes, hangs or leaks, and what parses formats to a
 * fixed point. Not run by CTest:
 *
 *     cmake -S . -B build-fuzz -DCMAKE_C_COMPILER=clang-19 -DNNC_FUZZ=ON -DNNC_SANITIZE=ON
 *     cmake --build build-fuzz --target fuzz_parse
 *     build-fuzz/tests/syntax/fuzz_parse -dict=tests/fuzz/nnet.dict -max_len=4096 CORPUS tests/syntax/programs
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "front.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static void check_canonical(const Front *front) {
    char *once  = front_fmt(front);
    Front again = front_parse("again.nnet", once, strlen(once));
    if (diags_error_count(again.c.diags)) abort();
    char *twice = front_fmt(&again);
    if (strcmp(once, twice) != 0) abort();
    free(twice);
    free(once);
    front_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes) {
    char *text = malloc(nbytes + 1);
    if (!text) abort();
    memcpy(text, data, nbytes);
    text[nbytes] = '\0';
    Front front  = front_parse("fuzz.nnet", text, nbytes);
    free(front_diagnostics(&front));
    if (!diags_error_count(front.c.diags)) check_canonical(&front);
    front_free(&front);
    free(text);
    return 0;
}
