#include "module/base/error.h"
#include "sql/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int number_of(const struct sql_text *text) {
    static const char folder[] = "migration/";
    return strncmp(text->name, folder, sizeof folder - 1) == 0
               ? atoi(text->name + sizeof folder - 1)
               : 0;
}

int sql_schema_newest(void) {
    int newest = 0;
    for (const struct sql_text *text = sql_texts; text->name; text++)
        if (number_of(text) > newest)
            newest = number_of(text);
    return newest;
}

static int read_version(struct sql *sql, int *ret_version, int *ret_min_build,
                        struct jobs_error *err) {
    struct sql_result *row;
    *ret_version = *ret_min_build = 0;
    int rc = sql_call(sql, "schema_exists", NULL, SQL_ONE, &row, err);
    if (rc < 0)
        return rc;
    bool present = sql_get_boolean(row, 0, sql_column(row, "present"));
    sql_result_free(row);
    if (!present)
        return 0;
    rc = sql_call(sql, "schema_version", NULL, SQL_ONE, &row, err);
    if (rc < 0)
        return rc;
    *ret_version = (int)sql_get_integer(row, 0, sql_column(row, "version"), 0);
    *ret_min_build = (int)sql_get_integer(row, 0, sql_column(row, "min_build"), 0);
    sql_result_free(row);
    return 0;
}

static int too_new(const struct sql *sql, int version, struct jobs_error *err) {
    return error_set(err, JOBS_ESCHEMA,
                     "schema \"%s\" has version %d, made by a newer release; this one knows up to "
                     "%d: upgrade it",
                     sql->schema, version, sql_schema_newest());
}

int sql_schema_check(struct sql *sql, struct jobs_error *err) {
    int version, min_build;
    int rc = read_version(sql, &version, &min_build, err);
    if (rc < 0)
        return rc;
    if (version == 0)
        return error_set(err, JOBS_ESCHEMA,
                         "schema \"%s\" has no tables of jobs: run `jobctl migrate`", sql->schema);
    if (version < sql_schema_newest())
        return error_set(
            err, JOBS_ESCHEMA,
            "schema \"%s\" has version %d, this release needs %d: run `jobctl migrate`",
            sql->schema, version, sql_schema_newest());
    return min_build > sql_schema_newest() ? too_new(sql, version, err) : 0;
}

/* Several commands sent as one simple query; an error leaves the transaction to be rolled back. */
static int run_script(struct sql *sql, const char *script, struct jobs_error *err) {
    if (!PQsendQuery(sql->db, script))
        return session_break(sql, JOBS_EUNSURE, "migrate", PQerrorMessage(sql->db), err);
    int64_t deadline = session_deadline(sql);
    int failure = 0;
    for (;;) {
        int rc = session_wait_result(sql, deadline, "migrate", failure ? NULL : err);
        if (rc < 0)
            return failure ? failure : rc;
        PGresult *result = PQgetResult(sql->db);
        if (!result)
            return failure;
        ExecStatusType status = PQresultStatus(result);
        if (!failure && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
            status != PGRES_EMPTY_QUERY)
            failure = session_failure(sql, result, "migrate", err);
        PQclear(result);
    }
}

/* Migrations after `version`, then every function and view (they replace themselves). */
static char *script_from(const struct sql *sql, int version) {
    struct buf script = {0};
    for (int pass = 0; pass < 2; pass++)
        for (const struct sql_text *text = sql_texts; text->name; text++) {
            bool wanted =
                pass == 0 ? number_of(text) > version : strncmp(text->name, "function/", 9) == 0;
            if (!wanted)
                continue;
            char *ours = sql_text_for_schema(text, sql->schema);
            buf_text(&script, ours);
            buf_char(&script, '\n');
            free(ours);
        }
    return buf_take(&script);
}

static int transaction(struct sql *sql, const char *what, struct jobs_error *err) {
    return sql_call(sql, what, NULL, SQL_NOTHING, NULL, err);
}

/* Inside a transaction: the version is read again under the lock. A schema that is not there has
 * nothing to lock; of two who make it PostgreSQL lets one fail. */
static int migrate_within(struct sql *sql, int *version, struct jobs_error *err) {
    int min_build, rc = 0;
    if (*version > 0)
        rc = transaction(sql, "schema_lock", err);
    if (rc == 0)
        rc = read_version(sql, version, &min_build, err);
    if (rc < 0 || *version >= sql_schema_newest())
        return rc;
    char *script = script_from(sql, *version);
    rc = run_script(sql, script, err);
    free(script);
    return rc;
}

static int migrate_once(struct sql *sql, int *version, struct jobs_error *err) {
    int rc = transaction(sql, "schema_begin", err);
    if (rc < 0)
        return rc;
    rc = migrate_within(sql, version, err);
    if (rc == 0)
        return transaction(sql, "schema_commit", err);
    transaction(sql, "schema_rollback", NULL);
    return rc;
}

int sql_migrate(struct sql *sql, int *ret_from, int *ret_to, struct jobs_error *err) {
    int from, min_build, now;
    int rc = read_version(sql, &from, &min_build, err);
    if (rc == 0 && min_build > sql_schema_newest())
        rc = too_new(sql, from, err);
    if (rc == 0 && from < sql_schema_newest())
        rc = migrate_once(sql, &from, err);
    /* Somebody else may have made it meanwhile. */
    if (rc < 0 && !sql_is_broken(sql) && read_version(sql, &now, &min_build, NULL) == 0 &&
        now == sql_schema_newest() && min_build <= now)
        rc = 0, from = now;
    if (rc < 0)
        return rc;
    if (ret_from)
        *ret_from = from;
    if (ret_to)
        *ret_to = from > sql_schema_newest() ? from : sql_schema_newest();
    return 0;
}

int sql_run_file(struct sql *sql, const char *name, struct jobs_error *err) {
    const struct sql_text *text = sql_text_find(name);
    assert(text);
    char *ours = sql_text_for_schema(text, sql->schema);
    int rc = run_script(sql, ours, err);
    free(ours);
    return rc;
}
