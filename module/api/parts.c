/* What the interface is made of. */
#include "module/api/parts.h"

const struct api_part *const api_parts[] = {
    &api_part_page,
    &api_part_server,
    NULL,
};
