/* main() of an executable model. The compiler's object defines nnrt_model_main; this archive member is linked only
 * where a program has no main of its own. */
#include "extras/cli.h"

extern const nnrt_model nnrt_model_main;

int main(int argc, char **argv) {
    return nnrt_main(&nnrt_model_main, argc, argv);
}
