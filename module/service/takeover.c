/* Three steps: (1) end the sessions of the lost instance: a frozen one keeps its locks for ever;
 * (2) lock its row, check that it has not beaten meanwhile, set `lost`, commit: from then on no
 * tick of it can begin; (3) take its receipts in batches until none is left. Any instance may do
 * any step again: each is guarded by the lost one's id. */
#include "module/service/takeover.h"

#include "module/base/clock.h"
#include "module/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define CRASH_BUDGET 3
#define RECEIPTS 100                   /* in one batch */
#define LOOK_EVERY (10 * CLOCK_SECOND) /* a recoverer may have died half way */
#define BUSY_AGAIN (50 * CLOCK_MS)     /* somebody holds rows */

struct suspect {
    struct list link;
    char id[37];
    char *name;
    int64_t heartbeat;
};

void takeover_suspect(struct datasource *ds, const char *id, const char *name, int64_t heartbeat) {
    struct suspect *suspect = MEM_NEW(struct suspect);
    snprintf(suspect->id, sizeof suspect->id, "%s", id);
    suspect->name = mem_text(name);
    suspect->heartbeat = heartbeat;
    pthread_mutex_lock(&ds->instance_lock);
    list_push_back(&ds->suspects, &suspect->link);
    pthread_mutex_unlock(&ds->instance_lock);
    atomic_store(&ds->nudged, true);
    datasource_wake(ds);
}

static struct suspect *next_suspect(struct datasource *ds) {
    pthread_mutex_lock(&ds->instance_lock);
    struct list *first = list_pop_front(&ds->suspects);
    pthread_mutex_unlock(&ds->instance_lock);
    return first ? LIST_ENTRY(first, struct suspect, link) : NULL;
}

static void suspect_free(struct suspect *suspect) {
    free(suspect->name);
    free(suspect);
}

/* A failure needs no answer here: the control thread will suspect it again. */
static void declare(struct datasource *ds, const struct suspect *suspect) {
    struct jobs_error err;
    struct sql_parameters p = {0};
    struct sql_result *row;
    sql_add_text(&p, suspect->id);
    sql_add_integer(&p, suspect->heartbeat);
    if (sql_call(ds->sql, "instance_silence", &p, SQL_ROWS, NULL, &err) < 0)
        return;
    if (sql_call(ds->sql, "instance_declare_lost", &p, SQL_AT_MOST_ONE, &row, &err) < 0)
        return;
    if (sql_count(row) == 1) {
        log_warning(&ds->service->log,
                    "datasource %s: instance %s (%s) is lost, its jobs are taken over", ds->name,
                    suspect->name, suspect->id);
        ds->next_takeover = 0;
        count(&ds->counters.lost_others, 1);
    }
    sql_result_free(row);
}

/* One batch. Returns whether there may be more at once. */
static bool take_batch(struct datasource *ds, const char *id) {
    struct jobs_error err;
    struct sql_parameters p = {0};
    struct sql_result *row;
    sql_add_text(&p, id);
    sql_add_integer(&p, RECEIPTS);
    sql_add_integer(&p, CRASH_BUDGET);
    if (sql_call(ds->sql, "takeover", &p, SQL_ONE, &row, &err) < 0) {
        log_warning(&ds->service->log, "datasource %s: takeover of %s: %s (tried again)", ds->name,
                    id, err.text);
        return false;
    }
    int64_t jobs = sql_get_integer(row, 0, sql_column(row, "jobs"), 0);
    int64_t receipts = sql_get_integer(row, 0, sql_column(row, "receipts"), 0);
    sql_result_free(row);
    count(&ds->counters.taken_over, jobs);
    if (jobs > 0) {
        atomic_store(&ds->look, true); /* they are queued again, at their old places */
        shares_clear_floors(&ds->shares);
        if (ds->relay)
            relay_wake(ds->relay);
        log_info(&ds->service->log, "datasource %s: took %lld jobs over from %s", ds->name,
                 (long long)jobs, id);
    }
    return receipts > 0;
}

static void take_lost(struct datasource *ds) {
    struct jobs_error err;
    struct sql_result *rows;
    ds->next_takeover = clock_now() + LOOK_EVERY;
    if (sql_call(ds->sql, "instance_lost", NULL, SQL_ROWS, &rows, &err) < 0)
        return;
    for (size_t i = 0; i < sql_count(rows); i++)
        ds->next_takeover =
            take_batch(ds, sql_get(rows, i, sql_column(rows, "id"))) ? 0 : clock_now() + BUSY_AGAIN;
    sql_result_free(rows);
}

void takeover_work(struct datasource *ds) {
    for (struct suspect *suspect; (suspect = next_suspect(ds)); suspect_free(suspect))
        if (!sql_is_broken(ds->sql))
            declare(ds, suspect);
    if (clock_now() >= ds->next_takeover && !sql_is_broken(ds->sql) && !atomic_load(&ds->draining))
        take_lost(ds);
}

int64_t takeover_at(const struct datasource *ds) { return ds->next_takeover; }

void takeover_done(struct datasource *ds) {
    for (struct suspect *suspect; (suspect = next_suspect(ds));)
        suspect_free(suspect);
}
