/* Reading jobs: pages of a tenant's jobs, one job. */
#include "module/base/error.h"
#include "module/base/text.h"
#include "module/job/status.h"
#include "module/store/store.h"
#include "sql/sql.h"

#include <stdlib.h>

enum { LIMIT = 100, LIMIT_MAX = 1000 };

#define BIT(status) (1u << (status))
#define ALL (BIT(JOB_STATUS_COUNT) - 1)
/* The statuses that have a narrow table (job_list.sql). */
#define NARROW \
    (BIT(JOB_QUEUED) | BIT(JOB_TO_BE_RUN) | BIT(JOB_RUNNING) | BIT(JOB_FAILED) | BIT(JOB_ABORTED))

static int check(const struct job_info_filter *filter, struct jobs_error *err) {
    if (!filter || filter->size != sizeof *filter)
        return error_set(err, JOBS_EINVAL,
                         "the filter's size is %zu, not %zu: set it with JOB_INFO_FILTER(…), and "
                         "build against this release",
                         filter ? filter->size : 0, sizeof *filter);
    if (!filter->tenant)
        return error_set(err, JOBS_EINVAL, "a tenant must be named");
    if (filter->statuses & ~ALL)
        return error_set(err, JOBS_EINVAL, "tenant \"%.80s\": 0x%x holds a status that is none",
                         filter->tenant, filter->statuses);
    if (filter->limit > LIMIT_MAX)
        return error_set(err, JOBS_EINVAL,
                         "tenant \"%.80s\": limit %u is over %d, the most a page may hold",
                         filter->tenant, filter->limit, LIMIT_MAX);
    if (filter->after_id && !text_is_uuid(filter->after_id))
        return error_set(err, JOBS_EINVAL, "tenant \"%.80s\": \"%.80s\" is no job id (a uuid)",
                         filter->tenant, filter->after_id);
    return 0;
}

static void list_statuses(unsigned statuses, struct buf *array) {
    sql_array_begin(array);
    for (unsigned i = 0; i < JOB_STATUS_COUNT; i++)
        if (statuses & BIT(i))
            sql_array_plain(array, status_name((enum job_status)i));
    sql_array_end(array);
}

static bool is_narrow(const struct job_info_filter *filter) {
    /* A class or a related object has an index of its own. */
    return filter->statuses && !(filter->statuses & ~NARROW) && !filter->class_name &&
           !filter->related_id;
}

/* `id`: that job alone. */
static int read_page(struct sql *sql, const struct job_info_filter *filter, const char *id,
                     bool brief, struct job_info_list **ret, struct jobs_error *err) {
    struct buf statuses = {0};
    struct sql_parameters p = {0};
    list_statuses(filter->statuses, &statuses);
    sql_add_text(&p, filter->tenant);
    sql_add_text(&p, filter->statuses ? buf_get(&statuses) : NULL);
    sql_add_text(&p, filter->class_name);
    sql_add_text(&p, filter->owner);
    sql_add_text(&p, filter->related_type);
    sql_add_text(&p, filter->related_id);
    sql_add_text(&p, filter->after_id);
    sql_add_integer(&p, filter->limit ? filter->limit : LIMIT);
    sql_add_text(&p, id);
    sql_add_boolean(&p, brief);
    sql_add_boolean(&p, is_narrow(filter));
    struct sql_result *rows;
    int rc = sql_call(sql, "job_list", &p, SQL_ROWS, &rows, err);
    buf_done(&statuses);
    if (rc < 0)
        return store_blame(rc, filter->tenant, id, err);
    *ret = store_read(rows);
    sql_result_free(rows);
    return 0;
}

/* An empty page of a tenant that does not exist is an error. */
static int check_tenant(struct sql *sql, const char *tenant, struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *row;
    sql_add_text(&p, tenant);
    int rc = sql_call(sql, "tenant_known", &p, SQL_AT_MOST_ONE, &row, err);
    if (rc < 0)
        return store_blame(rc, tenant, NULL, err);
    if (sql_count(row) == 0)
        rc = error_set_sql(err, JOBS_ENOENT, "JB001", "tenant '%.80s' is unknown here", tenant);
    sql_result_free(row);
    return rc;
}

int store_list(const struct job_info_service *s, const struct job_info_filter *filter, bool brief,
               struct job_info_list **ret, struct jobs_error *err) {
    struct sql *sql;
    struct job_info_list *list;
    int rc = check(filter, err);
    if (rc == 0)
        rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    rc = read_page(sql, filter, NULL, brief, &list, err);
    if (rc == 0 && list->count == 0 && (rc = check_tenant(sql, filter->tenant, err)) < 0)
        job_info_free(list);
    sql_close(sql);
    if (rc == 0)
        *ret = list;
    return rc;
}

int job_info_list(const struct job_info_service *s, const struct job_info_filter *filter,
                  struct job_info_list **ret, struct jobs_error *err) {
    return store_list(s, filter, false, ret, err);
}

int job_info_get(const struct job_info_service *s, const char *tenant, const char *id,
                 struct job_info_list **ret, struct jobs_error *err) {
    struct job_info_filter filter = JOB_INFO_FILTER(.tenant = tenant, .limit = 1);
    struct job_info_list *list;
    struct sql *sql;
    int rc = store_check_one(tenant, id, err);
    if (rc == 0)
        rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    rc = read_page(sql, &filter, id, false, &list, err);
    sql_close(sql);
    if (rc < 0)
        return rc;
    if (list->count == 0) {
        job_info_free(list);
        return error_set_sql(err, JOBS_ENOENT, "JB007", "tenant \"%.80s\" has no job %s", tenant,
                             id);
    }
    *ret = list;
    return 0;
}
