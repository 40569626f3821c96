/* The target of a request: path, query, router. */
#include "module/api/parts.h"
#include "module/api/query.h"
#include "module/api/router.h"
#include "module/base/text.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct api_parameter parameters[] = {
    {.name = "a", .type = API_INTEGER, .low = -5, .high = 5},
    {.name = "b", .type = API_DATE},
    {.name = "c", .type = API_DURATION, .high = 1000},
    {.name = "d", .type = API_BOOLEAN},
    {.name = "e", .type = API_UUID},
    {.name = "f"},
    {.name = NULL},
};

static void check(const struct query *query) {
    struct routing routing;
    assert(query->path[0] == '/' && !strstr(query->path, "/../"));
    assert(text_is_utf8(query->path, strlen(query->path)));
    static const char *const methods[] = {"GET", "POST", "PATCH", "DELETE", "HEAD"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        router_find(api_parts, methods[i], query->path, &routing);
        assert(!routing.id[0] || !routing.route || text_is_uuid(routing.id));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct query query;
    struct jobs_error err;
    const char *field;
    char *target = malloc(size + 1);
    memcpy(target, data, size);
    target[size] = '\0';
    if (query_read(target, &query, &err) == 0) {
        check(&query);
        if (query_check(&query, parameters, &field, &err) == 0)
            for (size_t i = 0; i < query.count; i++)
                assert(strcmp(query.pairs[i].name, "a") != 0 ||
                       (query.pairs[i].number >= -5 && query.pairs[i].number <= 5));
    }
    query_done(&query);
    free(target);
    return 0;
}
