/* Which route a path means. No I/O; fuzzed. */
#ifndef API_ROUTER_H
#define API_ROUTER_H
#include "module/api/api.h"

struct routing {
    const struct api_route *route; /* NULL: none */
    size_t part;                   /* index in the list given */
    char tenant[64], id[37];
    char allow[64]; /* methods of the path, when it has others: "GET, POST" */
};

/* HEAD means GET. A {tenant} or {id} that is not of the right form is no match. */
void router_find(const struct api_part *const *parts, const char *method, const char *path,
                 struct routing *ret);
#endif
