/* The two forms of the command info. */
#ifndef NNRT_EXTRAS_INFO_H
#define NNRT_EXTRAS_INFO_H

#include "extras/options.h"
#include "extras/summary.h"

/* One JSON object on standard output, with the parts that --shapes, --params and --memory choose, or all. Requires:
 * dims are bound. */
nnrt_status nnrt_info_json(const nnrt_options *options, const nnrt_instance *instance, const nnrt_summary *summary,
                           nnrt_error *error);

/* Does info state the workspace of this function? */
bool nnrt_info_shows_workspace(const nnrt_fn *fn);

#endif
