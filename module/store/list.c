/* Reading jobs: pages of a tenant's jobs, one job. */
#include "module/base/error.h"
#include "module/base/text.h"
#include "module/job/status.h"
#include "module/store/page.h"
#include "module/store/store.h"
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 100, LIMIT_MAX = 1000, LOOK = 20000 };

#define BIT(status) (1u << (status))
#define ALL (BIT(JOB_STATUS_COUNT) - 1)
/* The statuses that have a narrow table (job_list.sql). */
#define FAILURES (BIT(JOB_FAILED) | BIT(JOB_ABORTED))
#define NARROW (BIT(JOB_QUEUED) | BIT(JOB_TO_BE_RUN) | BIT(JOB_RUNNING) | FAILURES)

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

static void add_more(struct sql_parameters *p, const struct store_more *more) {
    if (more && more->has_priority)
        sql_add_integer(p, more->priority);
    else
        sql_add_text(p, NULL);
    const int64_t dates[] = {more ? more->created_from : 0, more ? more->created_to : 0};
    for (size_t i = 0; i < 2; i++)
        if (dates[i])
            sql_add_integer(p, dates[i]);
        else
            sql_add_text(p, NULL);
}

struct way {           /* in which a page is read */
    const char *id;    /* that job alone; NULL */
    bool brief;        /* without what may be large */
    bool narrow;       /* by the narrow tables */
    const char *least; /* no further than this id; NULL */
};

static int read_page(struct sql *sql, const struct job_info_filter *filter,
                     const struct store_more *more, const struct way *way,
                     struct job_info_list **ret, struct jobs_error *err) {
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
    sql_add_text(&p, way->id);
    sql_add_boolean(&p, way->brief);
    sql_add_boolean(&p, way->narrow);
    add_more(&p, more);
    sql_add_text(&p, way->least);
    struct sql_result *rows;
    int rc = sql_call(sql, "job_list", &p, SQL_ROWS, &rows, err);
    buf_done(&statuses);
    if (rc < 0)
        return store_blame(rc, filter->tenant, way->id, err);
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

/* Reads a page, or says why there is none. */
static int read_known(struct sql *sql, const struct job_info_filter *filter,
                      const struct store_more *more, const struct way *way,
                      struct job_info_list **ret, struct jobs_error *err) {
    struct job_info_list *list;
    int rc = read_page(sql, filter, more, way, &list, err);
    if (rc == 0 && list->count == 0 && (rc = check_tenant(sql, filter->tenant, err)) < 0)
        job_info_free(list);
    if (rc == 0)
        *ret = list;
    return rc;
}

int store_list(const struct job_info_service *s, const struct job_info_filter *filter, bool brief,
               struct job_info_list **ret, struct jobs_error *err) {
    struct sql *sql;
    int rc = check(filter, err);
    if (rc == 0)
        rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    struct way way = {.brief = brief, .narrow = is_narrow(filter)};
    rc = read_known(sql, filter, NULL, &way, ret, err);
    sql_close(sql);
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
    rc = read_page(sql, &filter, NULL, &(struct way){.id = id}, &list, err);
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

/* ---- totals ---- */

static bool has_counts(const struct job_info_filter *filter, const struct store_more *more) {
    return !filter->owner && !filter->related_type && !filter->related_id &&
           (!more || (!more->has_priority && !more->created_from && !more->created_to));
}

struct total {
    const struct job_info_filter *filter;
    int64_t n;
};

static void add_count(void *arg, const struct store_count *count) {
    struct total *total = arg;
    const struct job_info_filter *filter = total->filter;
    if (filter->class_name && strcmp(filter->class_name, count->class_name) != 0)
        return;
    for (unsigned i = 0; i < JOB_STATUS_COUNT; i++)
        if (!filter->statuses || filter->statuses & BIT(i))
            total->n += count->n[i];
}

static int look(const struct job_info_service *s, const struct job_info_filter *filter,
                const struct store_more *more, struct store_total *ret, struct jobs_error *err) {
    struct buf statuses = {0};
    struct sql_parameters p = {0};
    struct sql_result *row;
    struct sql *sql;
    int rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    list_statuses(filter->statuses, &statuses);
    sql_add_text(&p, filter->tenant);
    sql_add_text(&p, filter->statuses ? buf_get(&statuses) : NULL);
    sql_add_text(&p, filter->class_name);
    sql_add_text(&p, filter->owner);
    sql_add_text(&p, filter->related_type);
    sql_add_text(&p, filter->related_id);
    add_more(&p, more);
    sql_add_integer(&p, LOOK + 1);
    rc = sql_call(sql, "job_look", &p, SQL_ONE, &row, err);
    if (rc == 0) {
        ret->n = sql_get_integer(row, 0, sql_column(row, "n"), 0);
        ret->exact = sql_get_integer(row, 0, sql_column(row, "looked"), 0) <= LOOK;
        sql_result_free(row);
    }
    buf_done(&statuses);
    sql_close(sql);
    return rc < 0 ? store_blame(rc, filter->tenant, NULL, err) : 0;
}

int store_total(const struct job_info_service *s, const struct job_info_filter *filter,
                const struct store_more *more, struct store_total *ret, struct jobs_error *err) {
    struct total total = {filter, 0};
    if (!has_counts(filter, more))
        return look(s, filter, more, ret, err);
    int rc = store_counts(s, filter->tenant, add_count, &total, err);
    if (rc == 0)
        *ret = (struct store_total){total.n, true};
    return rc;
}

/* ---- bounded pages ---- */

/* Are there few enough of these statuses to look at all? FAILED and ABORTED ones can be looked at in
 * the order of a page, the others cannot. */
static int choose_way(const struct job_info_service *s, const struct job_info_filter *filter,
                      struct way *way, struct jobs_error *err) {
    const struct job_info_filter statuses = {.statuses = filter->statuses};
    struct total total = {&statuses, 0};
    way->narrow = is_narrow(filter);
    if (!way->narrow || !(filter->statuses & ~FAILURES))
        return 0;
    int rc = store_counts(s, filter->tenant, add_count, &total, err);
    way->narrow = total.n <= LOOK;
    return rc;
}

/* `ret_end` "": all there is is looked at, or what is looked at is shown. */
static int find_end(struct sql *sql, const struct job_info_filter *filter,
                    const struct store_more *more, const struct way *way, char ret_end[37],
                    struct jobs_error *err) {
    bool failures = way->narrow && !(filter->statuses & ~FAILURES);
    bool leaves_out = filter->statuses || filter->owner || filter->related_type ||
                      (more && (more->has_priority || more->created_from || more->created_to));
    struct sql_parameters p = {0};
    struct sql_result *row;
    ret_end[0] = '\0';
    if (!leaves_out || (way->narrow && !failures))
        return 0;
    sql_add_text(&p, filter->tenant);
    sql_add_text(&p, filter->class_name);
    sql_add_text(&p, filter->related_id);
    sql_add_text(&p, filter->after_id);
    sql_add_integer(&p, LOOK);
    sql_add_boolean(&p, failures);
    int rc = sql_call(sql, "job_look_end", &p, SQL_AT_MOST_ONE, &row, err);
    if (rc < 0)
        return store_blame(rc, filter->tenant, NULL, err);
    if (sql_count(row) > 0)
        snprintf(ret_end, 37, "%s", sql_get(row, 0, sql_column(row, "id")));
    sql_result_free(row);
    return 0;
}

int store_page(const struct job_info_service *s, const struct job_info_filter *filter,
               const struct store_more *more, bool brief, struct job_info_list **ret,
               char ret_on[37], struct jobs_error *err) {
    struct way way = {.brief = brief};
    struct job_info_list *list;
    char end[37];
    struct sql *sql;
    int rc = check(filter, err);
    if (rc == 0)
        rc = choose_way(s, filter, &way, err);
    if (rc == 0)
        rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    rc = find_end(sql, filter, more, &way, end, err);
    way.least = end[0] ? end : NULL;
    if (rc == 0)
        rc = read_known(sql, filter, more, &way, &list, err);
    sql_close(sql);
    if (rc < 0)
        return rc;
    bool full = list->count > 0 && list->count >= (filter->limit ? filter->limit : LIMIT);
    snprintf(ret_on, 37, "%s", full ? list->infos[list->count - 1].id : end);
    *ret = list;
    return 0;
}
