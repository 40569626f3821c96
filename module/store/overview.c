/* What is there beside the jobs themselves: attempts, counts, classes, instances. For jobctl. */
#include "module/base/error.h"
#include "module/store/store.h"
#include "sql/sql.h"

static const char *text_of(const struct sql_result *r, size_t row, const char *column) {
    return sql_get(r, row, sql_column(r, column));
}

static int64_t number_of(const struct sql_result *r, size_t row, const char *column,
                         int64_t otherwise) {
    return sql_get_integer(r, row, sql_column(r, column), otherwise);
}

static int read_rows(const struct job_info_service *s, const char *statement,
                     const struct sql_parameters *p, struct sql_result **ret,
                     struct jobs_error *err) {
    struct sql *sql;
    int rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    rc = sql_call(sql, statement, p, SQL_ROWS, ret, err);
    sql_close(sql);
    return rc;
}

int store_attempts(const struct job_info_service *s, const char *tenant, const char *id,
                   void (*row)(void *arg, const struct store_attempt *attempt), void *arg,
                   struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *rows;
    int rc = store_check_one(tenant, id, err);
    if (rc < 0)
        return rc;
    sql_add_text(&p, tenant);
    sql_add_text(&p, id);
    rc = read_rows(s, "job_attempts", &p, &rows, err);
    if (rc < 0)
        return store_blame(rc, tenant, id, err);
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct store_attempt attempt = {
            .attempt = (unsigned)number_of(rows, i, "attempt", 0),
            .start_date = number_of(rows, i, "start_date", 0),
            .stop_date = number_of(rows, i, "stop_date", 0),
            .outcome = text_of(rows, i, "outcome"),
            .instance = text_of(rows, i, "instance"),
            .error_kind = text_of(rows, i, "error_kind"),
            .error = text_of(rows, i, "error"),
        };
        row(arg, &attempt);
    }
    sql_result_free(rows);
    return 0;
}

static int give_counts(const struct job_info_service *s, const char *statement,
                       const struct sql_parameters *p,
                       void (*row)(void *arg, const struct store_count *count), void *arg,
                       struct jobs_error *err) {
    struct sql_result *rows;
    int rc = read_rows(s, statement, p, &rows, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct store_count count = {
            .tenant = text_of(rows, i, "tenant"),
            .class_name = text_of(rows, i, "class_name"),
            .n = {number_of(rows, i, "pending", 0), number_of(rows, i, "queued", 0),
                  number_of(rows, i, "to_be_run", 0), number_of(rows, i, "running", 0),
                  number_of(rows, i, "succeeded", 0), number_of(rows, i, "failed", 0),
                  number_of(rows, i, "aborted", 0)},
        };
        row(arg, &count);
    }
    sql_result_free(rows);
    return 0;
}

int store_counts(const struct job_info_service *s, const char *tenant,
                 void (*row)(void *arg, const struct store_count *count), void *arg,
                 struct jobs_error *err) {
    struct sql_parameters p = {0};
    sql_add_text(&p, tenant);
    return give_counts(s, "count_list", &p, row, arg, err);
}

int store_counts_page(const struct job_info_service *s, const char *tenant, const char *from_tenant,
                      const char *from_class, size_t limit,
                      void (*row)(void *arg, const struct store_count *count), void *arg,
                      struct jobs_error *err) {
    struct sql_parameters p = {0};
    sql_add_text(&p, tenant);
    sql_add_text(&p, from_tenant);
    sql_add_text(&p, from_class);
    sql_add_integer(&p, (int64_t)limit);
    return give_counts(s, "count_page", &p, row, arg, err);
}

int store_tenant_counts(const struct job_info_service *s,
                        void (*row)(void *arg, const struct store_count *count), void *arg,
                        struct jobs_error *err) {
    return give_counts(s, "count_tenants", NULL, row, arg, err);
}

int store_tenant_weights(const struct job_info_service *s, int64_t *ret, struct jobs_error *err) {
    struct sql_result *rows;
    int rc = read_rows(s, "tenant_weights", NULL, &rows, err);
    if (rc < 0)
        return rc;
    *ret = number_of(rows, 0, "weights", 0);
    sql_result_free(rows);
    return 0;
}

int store_classes(const struct job_info_service *s,
                  void (*row)(void *arg, const struct store_class *class), void *arg,
                  struct jobs_error *err) {
    struct sql_result *rows;
    int rc = read_rows(s, "class_list", NULL, &rows, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct store_class class = {
            .class_name = text_of(rows, i, "class_name"),
            .lane = text_of(rows, i, "lane"),
            .max_running = number_of(rows, i, "max_running", -1),
            .max_running_per_tenant = number_of(rows, i, "max_running_per_tenant", -1),
            .paused_for = text_of(rows, i, "paused_for"),
            .paused = sql_get_boolean(rows, i, sql_column(rows, "paused")),
            .instances = number_of(rows, i, "instances", 0),
        };
        row(arg, &class);
    }
    sql_result_free(rows);
    return 0;
}

int store_instances(const struct job_info_service *s,
                    void (*row)(void *arg, const struct store_instance *instance), void *arg,
                    struct jobs_error *err) {
    struct sql_result *rows;
    int rc = read_rows(s, "instance_list", NULL, &rows, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct store_instance instance = {
            .id = text_of(rows, i, "id"),
            .name = text_of(rows, i, "name"),
            .host = text_of(rows, i, "host"),
            .version = text_of(rows, i, "version"),
            .pid = number_of(rows, i, "pid", 0),
            .pool_size = number_of(rows, i, "pool_size", 0),
            .classes = number_of(rows, i, "classes", 0),
            .started_date = number_of(rows, i, "started_date", 0),
            .heartbeat = number_of(rows, i, "heartbeat", 0),
            .running = number_of(rows, i, "running", 0),
            .lost = sql_get_boolean(rows, i, sql_column(rows, "lost")),
            .connected = sql_get_boolean(rows, i, sql_column(rows, "connected")),
        };
        row(arg, &instance);
    }
    sql_result_free(rows);
    return 0;
}

int store_date(const struct job_info_service *s, const char *text, int64_t *ret,
               struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *rows;
    sql_add_text(&p, text);
    int rc = read_rows(s, "date_read", &p, &rows, err);
    if (rc == JOBS_EINVAL)
        return error_set(err, rc,
                         "\"%.80s\" is no date that PostgreSQL reads, such as 2030-01-31T12:00:00Z",
                         text);
    if (rc < 0)
        return rc;
    *ret = number_of(rows, 0, "date", 0);
    *ret += *ret == 0; /* 0 says that there is none: the first moment of 1970 is one later */
    sql_result_free(rows);
    return 0;
}

int store_migrate(const char *url, const char *schema, int *ret_from, int *ret_to,
                  struct jobs_error *err) {
    /* Rewriting a large table may take long. */
    struct sql_options options = {.url = url,
                                  .schema = schema,
                                  .application_name = "jobctl",
                                  .timeout = (int64_t)24 * 60 * 60 * 1000};
    struct sql *sql;
    int rc = sql_open(&options, &sql, err);
    if (rc < 0)
        return rc;
    rc = sql_migrate(sql, ret_from, ret_to, err);
    sql_close(sql);
    return rc;
}

int store_shares(const struct job_info_service *s, const char *tenant,
                 void (*row)(void *arg, const struct store_share *share), void *arg,
                 struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *rows;
    sql_add_text(&p, tenant);
    int rc = read_rows(s, "share_list", &p, &rows, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct store_share share = {
            .tenant = text_of(rows, i, "tenant"),
            .weight = number_of(rows, i, "weight", 1),
            .owed = number_of(rows, i, "owed_us", 0),
            .got = number_of(rows, i, "got_us", 0),
            .lag = number_of(rows, i, "lag_us", 0),
            .running = number_of(rows, i, "running", 0),
            .instances = number_of(rows, i, "instances", 0),
            .updated = number_of(rows, i, "updated", 0),
            .backlogged = sql_get_boolean(rows, i, sql_column(rows, "backlogged")),
        };
        row(arg, &share);
    }
    sql_result_free(rows);
    return 0;
}
