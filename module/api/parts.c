/* What the interface is made of. */
#include "module/api/parts.h"

const struct api_part *const api_parts[] = {
    &api_part_server,
    &api_part_submit,
    &api_part_jobs,
    &api_part_change,
    &api_part_stats,
    &api_part_overview,
    &api_part_access,
    &api_part_events,
    &api_part_live,
    &api_part_page,
    NULL,
};
