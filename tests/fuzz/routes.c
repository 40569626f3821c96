/* Routes as the interface has them, without what they do. */
#include "module/api/parts.h"
#include "tenant/tenant.h"

#include <string.h>

#define JOB "/api/v1/tenants/{tenant}/jobs/{id}"
static const struct api_route routes[] = {
    {"GET", "/api/v1/tenants/{tenant}/jobs", API_VIEWER, API_TENANT, .handle = NULL},
    {"POST", "/api/v1/tenants/{tenant}/jobs:stop", API_VIEWER, API_TENANT, .handle = NULL},
    {"PATCH", JOB, API_VIEWER, API_TENANT, .handle = NULL},
    {"POST", JOB "/stop", API_VIEWER, API_TENANT, .handle = NULL},
    {"DELETE", "/api/v1/tokens/{id}", API_VIEWER, API_TENANT, .handle = NULL},
    {"GET", "/{file}/{file}", API_OPEN, API_HERE, .handle = NULL},
    {"GET", "/", API_OPEN, API_HERE, .handle = NULL},
    {.method = NULL},
};
static const struct api_part part = {.routes = routes};
const struct api_part *const api_parts[] = {&part, NULL};

/* As in tenant/tenant.c, which needs a database. */
bool tenant_name_is_valid(const char *name) {
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return n >= 1 && n <= 63 && !name[n] && name[0] != '_' && name[0] != '-';
}
