/* The roles of a schema: made, or printed for somebody who may. */
#include "module/base/buf.h"
#include "module/base/error.h"
#include "module/store/store.h"
#include "sql/sql.h"
#include "sql/text.h"

#include <stdlib.h>
#include <string.h>

static const char *const files[] = {"role/roles", "function/z_privileges"};
enum { FILES = sizeof files / sizeof *files };

int store_roles(const char *url, const char *schema, struct jobs_error *err) {
    struct sql_options options = {.url = url, .schema = schema, .application_name = "jobctl"};
    struct sql *sql;
    int rc = sql_open(&options, &sql, err);
    if (rc < 0)
        return rc;
    for (int i = 0; rc == 0 && i < FILES; i++)
        rc = sql_run_file(sql, files[i], err);
    sql_close(sql);
    if (rc < 0 && err && strcmp(err->sqlstate, "42501") == 0)
        error_prefix(err,
                     "this login may not do that; let an administrator run what `jobctl migrate "
                     "--roles --print` prints");
    return rc;
}

int store_roles_print(const char *schema, struct buf *out, struct jobs_error *err) {
    if (!sql_schema_is_valid(schema))
        return error_set(err, JOBS_EINVAL, "\"%.80s\" is no schema name", schema);
    for (int i = 0; i < FILES; i++) {
        char *text = sql_text_for_schema(sql_text_find(files[i]), schema);
        buf_text(out, text);
        free(text);
    }
    return 0;
}
