#include "module/store/subscription.h"

#include "module/base/error.h"
#include "sql/sql.h"

#include <stdlib.h>

static int ask(const struct job_info_service *s, const char *statement,
               const struct sql_parameters *p, enum sql_shape shape, struct sql_result **ret,
               struct jobs_error *err) {
    struct sql *sql;
    int rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    rc = sql_call(sql, statement, p, shape, ret, err);
    sql_close(sql);
    return rc;
}

static void add_positive(struct sql_parameters *p, int64_t value) {
    if (value > 0)
        sql_add_integer(p, value);
    else
        sql_add_text(p, NULL);
}

int store_subscribe(const struct job_info_service *s, const struct store_subscription *what,
                    char ***ret_before, size_t *ret_count, struct jobs_error *err) {
    struct buf keys = {0};
    struct sql_parameters p = {0};
    struct sql_result *row;
    sql_array_begin(&keys);
    for (size_t i = 0; i < what->key_count; i++)
        sql_array_text(&keys, what->keys[i]);
    sql_array_end(&keys);
    sql_add_text(&p, what->tenant);
    sql_add_text(&p, what->name);
    sql_add_text(&p, buf_get(&keys));
    sql_add_text(&p, what->kind);
    add_positive(&p, what->ttl);
    add_positive(&p, what->most);
    int rc = ask(s, "subscription_put", &p, SQL_ONE, &row, err);
    buf_done(&keys);
    if (rc < 0)
        return store_blame(rc, what->tenant, NULL, err);
    const char *before = sql_get(row, 0, sql_column(row, "before"));
    *ret_before = before ? sql_array_read(before, ret_count) : NULL;
    sql_result_free(row);
    return 0;
}

int store_unsubscribe(const struct job_info_service *s, const char *tenant, const char *name,
                      struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *row;
    sql_add_text(&p, tenant);
    sql_add_text(&p, name);
    int rc = ask(s, "subscription_remove", &p, SQL_ONE, &row, err);
    if (rc < 0)
        return store_blame(rc, tenant, NULL, err);
    bool there = sql_get_boolean(row, 0, sql_column(row, "there"));
    sql_result_free(row);
    return there ? 0
                 : error_set(err, JOBS_ENOENT, "tenant \"%.80s\" has no subscription \"%.80s\"",
                             tenant, name);
}

static void give(const struct sql_result *rows, size_t i,
                 void (*row)(void *arg, const struct store_subscription *what), void *arg) {
    size_t count;
    const char *literal = sql_get(rows, i, sql_column(rows, "keys"));
    char **keys = sql_array_read(literal, &count);
    struct store_subscription what = {
        .name = sql_get(rows, i, sql_column(rows, "name")),
        .tenant = sql_get(rows, i, sql_column(rows, "tenant")),
        .keys = (const char *const *)keys,
        .key_count = count,
        .kind = sql_get(rows, i, sql_column(rows, "kind")),
        .ttl = sql_get_integer(rows, i, sql_column(rows, "ttl_ms"), 0),
        .most = sql_get_integer(rows, i, sql_column(rows, "most"), 0),
        .created_date = sql_get_integer(rows, i, sql_column(rows, "created_date"), 0),
    };
    row(arg, &what);
    free(keys);
}

int store_subscriptions(const struct job_info_service *s, const char *tenant,
                        void (*row)(void *arg, const struct store_subscription *what), void *arg,
                        struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *rows;
    sql_add_text(&p, tenant);
    int rc = ask(s, "subscription_list", &p, SQL_ROWS, &rows, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sql_count(rows); i++)
        give(rows, i, row, arg);
    sql_result_free(rows);
    return 0;
}
