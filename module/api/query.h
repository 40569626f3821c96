/* Reading the target of a request: path, query. No I/O; fuzzed. */
#ifndef API_QUERY_H
#define API_QUERY_H
#include "module/api/api.h"

enum { QUERY_MOST = 24 };

struct query_pair {
    char *name, *value; /* decoded UTF-8 without NUL */
    bool has_number;
    int64_t number; /* of a checked integer, duration, boolean or date */
};

/* Owns its texts. Zeroed storage is an empty one. */
struct query {
    char *path; /* decoded; begins with / */
    struct query_pair pairs[QUERY_MOST];
    size_t count;
};

/* Splits and decodes "/path?name=value&…". JOBS_EINVAL: bad percent signs, no UTF-8, control
 * characters, a path with . or .. or an encoded slash, too many parameters. */
int query_read(const char *target, struct query *ret, struct jobs_error *err);
void query_done(struct query *query);
/* Checks against what a route takes (NULL: nothing) and reads numbers. *ret_field: the parameter
 * that is wrong, a text of the query. */
int query_check(struct query *query, const struct api_parameter *parameters, const char **ret_field,
                struct jobs_error *err);
const struct query_pair *query_find(const struct query *query, const char *name);

/* RFC 3339 with time zone; microseconds since 1970. */
bool query_read_date(const char *text, int64_t *ret);
#endif
