#include "tenant/settings.h"

#include "module/base/error.h"
#include "sql/sql.h"
#include "tenant/settle.h"

#include <inttypes.h>
#include <string.h>

static int check(const struct tenant_entry *entry, struct jobs_error *err) {
    const struct tenant_settings *want = &entry->settings;
    if (!entry->name || !tenant_name_is_valid(entry->name))
        return error_set(err, JOBS_EINVAL,
                         "\"%.80s\" is no tenant name: it is of the form [a-z0-9][a-z0-9_-]{0,62}",
                         entry->name ? entry->name : "");
    if ((want->given & TENANT_HAS_WEIGHT) && (want->weight < 1 || want->weight > 1000))
        return error_set(err, JOBS_EINVAL, "tenant \"%s\": weight %u is not between 1 and 1000",
                         entry->name, want->weight);
    if ((want->given & TENANT_HAS_STATE) && (unsigned)want->state > TENANT_MAINTENANCE)
        return error_set(err, JOBS_EINVAL, "tenant \"%s\": %d is no state", entry->name,
                         (int)want->state);
    return 0;
}

static void add_limit(struct buf *json, const char *name, int64_t limit) {
    if (limit < 0)
        buf_format(json, ",\"%s\":null", name);
    else
        buf_format(json, ",\"%s\":%" PRId64, name, limit);
}

static void add_entry(struct buf *json, const struct tenant_entry *entry) {
    const struct tenant_settings *want = &entry->settings;
    buf_text(json, "{\"tenant\":");
    buf_json_string(json, entry->name);
    if (want->given & TENANT_HAS_WEIGHT)
        buf_format(json, ",\"weight\":%u", want->weight);
    if (want->given & TENANT_HAS_MAX_RUNNING)
        add_limit(json, "max_running", want->max_running);
    if (want->given & TENANT_HAS_MAX_QUEUED)
        add_limit(json, "max_queued", want->max_queued);
    if (want->given & TENANT_HAS_STATE)
        buf_format(json, ",\"state\":\"%s\"", tenant_state_name(want->state));
    buf_char(json, '}');
}

static int write_entries(const struct tenant_entry *entries, size_t count, struct buf *json,
                         struct jobs_error *err) {
    buf_char(json, '[');
    for (size_t i = 0; i < count; i++) {
        int rc = check(&entries[i], err);
        if (rc < 0)
            return rc;
        if (i > 0)
            buf_char(json, ',');
        add_entry(json, &entries[i]);
    }
    buf_char(json, ']');
    return 0;
}

static int call(const struct job_info_service *s, const char *statement,
                const struct sql_parameters *p, enum sql_shape shape, struct sql_result **ret,
                struct jobs_error *err) {
    struct sql *sql;
    int rc = sql_borrow(s->db, s->schema ? s->schema : "jobs", &sql, err);
    if (rc < 0)
        return rc;
    rc = sql_call(sql, statement, p, shape, ret, err);
    char who[TENANT_HOLDER_SIZE];
    if (rc < 0 && err && strcmp(err->sqlstate, "55P03") == 0 && tenant_name_holder(sql, who) == 0)
        rc = error_set_sql(err, rc, "55P03", "somebody holds what is to be changed: %s", who);
    sql_close(sql);
    return rc;
}

static void tell(const struct sql_result *rows,
                 void (*row)(void *arg, const char *name, enum tenant_outcome outcome), void *arg) {
    int tenant = sql_column(rows, "tenant"), outcome = sql_column(rows, "outcome");
    for (size_t i = 0; i < sql_count(rows); i++) {
        const char *word = sql_get(rows, i, outcome);
        row(arg, sql_get(rows, i, tenant),
            strcmp(word, "CREATED") == 0   ? TENANT_CREATED
            : strcmp(word, "CHANGED") == 0 ? TENANT_CHANGED
                                           : TENANT_LEFT);
    }
}

int tenant_apply(const struct job_info_service *s, const struct tenant_entry *entries, size_t count,
                 enum tenant_mode mode, bool dry,
                 void (*row)(void *arg, const char *name, enum tenant_outcome outcome), void *arg,
                 struct jobs_error *err) {
    static const char *const modes[] = {"create", "change", "both"};
    struct buf json = {0};
    struct sql_parameters p = {0};
    struct sql_result *rows;
    int rc = write_entries(entries, count, &json, err);
    sql_add_text(&p, buf_get(&json));
    sql_add_text(&p, modes[mode]);
    sql_add_boolean(&p, dry);
    if (rc == 0)
        rc = call(s, "tenant_apply", &p, SQL_ROWS, &rows, err);
    buf_done(&json);
    if (rc < 0) {
        if (count == 1 && err && err->sqlstate[0] && strncmp(err->sqlstate, "JB", 2) != 0 &&
            !strstr(err->text, entries[0].name))
            error_prefix(err, "tenant \"%s\"", entries[0].name);
        return rc;
    }
    if (row)
        tell(rows, row, arg);
    sql_result_free(rows);
    return 0;
}

static void add_given(struct sql_parameters *p, bool given, int64_t limit) {
    sql_add_boolean(p, given);
    if (given && limit >= 0)
        sql_add_integer(p, limit);
    else
        sql_add_text(p, NULL);
}

int tenant_defaults(const struct job_info_service *s, const struct tenant_settings *change,
                    struct tenant_settings *ret_now, struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *row;
    if (change->given & TENANT_HAS_WEIGHT)
        sql_add_integer(&p, change->weight);
    else
        sql_add_text(&p, NULL);
    add_given(&p, change->given & TENANT_HAS_MAX_RUNNING, change->max_running);
    add_given(&p, change->given & TENANT_HAS_MAX_QUEUED, change->max_queued);
    int rc = call(s, "tenant_defaults", &p, SQL_ONE, &row, err);
    if (rc < 0)
        return rc;
    *ret_now = (struct tenant_settings){
        .given = TENANT_HAS_WEIGHT | TENANT_HAS_MAX_RUNNING | TENANT_HAS_MAX_QUEUED,
        .weight = (unsigned)sql_get_integer(row, 0, sql_column(row, "weight"), 1),
        .max_running = sql_get_integer(row, 0, sql_column(row, "max_running"), -1),
        .max_queued = sql_get_integer(row, 0, sql_column(row, "max_queued"), -1),
    };
    sql_result_free(row);
    return 0;
}
