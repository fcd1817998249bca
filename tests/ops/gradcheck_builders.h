/* Builders of ops that need more room than a block. */
#ifndef NNC_TESTS_GRADCHECK_BUILDERS_H
#define NNC_TESTS_GRADCHECK_BUILDERS_H

#include "ops/gradcheck.h"

Builder build_scan, build_pick; /* gradcheck_scan.c */

#endif
