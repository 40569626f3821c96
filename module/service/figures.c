#include "module/service/figures.h"

#include "module/base/clock.h"

#include <string.h>

#define OUTBOX_WAIT CLOCK_SECOND
#define COUNTS_WAIT (5 * CLOCK_SECOND)
#define REST 19 /* times as long as a look took nothing is looked at */
#define COUNTED 1000
#define CLASSES 50

void figures_init(struct figures *figures, size_t tenants) {
    *figures = (struct figures){.tenants = tenants};
    pthread_mutex_init(&figures->lock, NULL);
}

void figures_done(struct figures *figures) {
    sql_result_free(figures->counts);
    sql_result_free(figures->ages);
    pthread_mutex_destroy(&figures->lock);
}

/* When to look again at what was begun to be looked at at `began`. */
static int64_t next(int64_t began, int64_t wait) {
    int64_t now = clock_now(), rest = (now - began) * REST;
    return now + (rest > wait ? rest : wait);
}

static int look_at_outbox(struct figures *figures, struct sql *sql, struct jobs_error *err) {
    struct sql_result *row;
    int64_t began = clock_now();
    int rc = sql_call(sql, "figure_outbox", NULL, SQL_ONE, &row, err);
    if (rc < 0)
        return rc;
    int64_t waiting = sql_get_integer(row, 0, sql_column(row, "waiting"), 0),
            span = sql_get_integer(row, 0, sql_column(row, "span"), 0),
            age = sql_get_integer(row, 0, sql_column(row, "age"), 0);
    sql_result_free(row);
    figures->next_outbox = next(began, OUTBOX_WAIT);
    pthread_mutex_lock(&figures->lock);
    figures->outbox_at = clock_now();
    figures->outbox_rows = waiting >= COUNTED && span > waiting ? span : waiting;
    figures->outbox_age = age > 0 ? age : 0; /* clocks may be set back */
    pthread_mutex_unlock(&figures->lock);
    return 0;
}

/* Rows come in order of tenant: each name once. `queued`: only of those with such jobs. */
static void tenant_names(const struct sql_result *counts, bool queued, struct buf *ret_array) {
    const char *last = "";
    sql_array_begin(ret_array);
    for (size_t i = 0; counts && i < sql_count(counts); i++) {
        const char *name = sql_get(counts, i, sql_column(counts, "tenant"));
        if (strcmp(name, last) == 0 || strcmp(name, FIGURES_OTHER) == 0)
            continue;
        if (queued && strcmp(sql_get(counts, i, sql_column(counts, "status")), "QUEUED") != 0)
            continue;
        sql_array_text(ret_array, name);
        last = name;
    }
    sql_array_end(ret_array);
}

static int read_counts(const struct figures *figures, struct sql *sql, struct sql_result **ret,
                       struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct buf names = {0};
    tenant_names(figures->counts, false, &names); /* only this thread writes them */
    sql_add_integer(&p, (int64_t)figures->tenants);
    sql_add_text(&p, buf_get(&names));
    sql_add_integer(&p, CLASSES);
    int rc = sql_call(sql, "figure_counts", &p, SQL_ROWS, ret, err);
    buf_done(&names);
    return rc;
}

static int read_ages(const struct sql_result *counts, struct sql *sql, struct sql_result **ret,
                     struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct buf names = {0};
    tenant_names(counts, true, &names);
    sql_add_text(&p, buf_get(&names));
    int rc = sql_call(sql, "figure_ages", &p, SQL_ROWS, ret, err);
    buf_done(&names);
    return rc;
}

static int look_at_counts(struct figures *figures, struct sql *sql, struct jobs_error *err) {
    struct sql_result *counts, *ages;
    int64_t began = clock_now();
    int rc = read_counts(figures, sql, &counts, err);
    if (rc < 0)
        return rc;
    rc = read_ages(counts, sql, &ages, err);
    if (rc < 0) {
        sql_result_free(counts);
        return rc;
    }
    figures->next_counts = next(began, COUNTS_WAIT);
    pthread_mutex_lock(&figures->lock);
    struct sql_result *old_counts = figures->counts, *old_ages = figures->ages;
    figures->counts_at = clock_now();
    figures->counts = counts;
    figures->ages = ages;
    pthread_mutex_unlock(&figures->lock);
    sql_result_free(old_counts);
    sql_result_free(old_ages);
    return 0;
}

int figures_work(struct figures *figures, struct sql *sql, struct jobs_error *err) {
    int64_t now = clock_now();
    int rc = now < figures->next_outbox ? 0 : look_at_outbox(figures, sql, err);
    if (rc == 0 && now >= figures->next_counts)
        rc = look_at_counts(figures, sql, err);
    if (rc < 0)
        figures->next_outbox = figures->next_counts = clock_now() + OUTBOX_WAIT;
    return rc;
}

int64_t figures_at(const struct figures *figures) {
    return figures->next_outbox < figures->next_counts ? figures->next_outbox
                                                       : figures->next_counts;
}

void figures_lock(struct figures *figures, int64_t most, struct figures_view *ret) {
    int64_t since = clock_now() - most;
    *ret = (struct figures_view){0};
    pthread_mutex_lock(&figures->lock);
    if (figures->outbox_at > since) {
        ret->outbox_at = figures->outbox_at;
        ret->outbox_rows = figures->outbox_rows;
        ret->outbox_age = figures->outbox_age;
    }
    if (figures->counts_at > since) {
        ret->counts_at = figures->counts_at;
        ret->counts = figures->counts;
        ret->ages = figures->ages;
    }
}

void figures_unlock(struct figures *figures) { pthread_mutex_unlock(&figures->lock); }
