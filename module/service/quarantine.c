#include "module/service/quarantine.h"

#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/service/datasource.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_EVERY CLOCK_SECOND

struct quarantine { /* in datasource.quarantines, by "tenant/class" */
    char *tenant, *class_name;
    int64_t until, crashes; /* clock_now() */
    int64_t look;           /* when it was last seen */
};

static void quarantine_free(void *arg) {
    struct quarantine *q = arg;
    free(q->tenant);
    free(q->class_name);
    free(q);
}

void quarantine_done(struct datasource *ds) { table_done(&ds->quarantines, quarantine_free); }

static struct quarantine *find(const struct datasource *ds, const char *tenant,
                               const char *class_name) {
    char key[256]; /* names end at 63 and 128 bytes */
    snprintf(key, sizeof key, "%s/%s", tenant, class_name);
    return table_get(&ds->quarantines, key);
}

static void begin(struct datasource *ds, struct quarantine *q) {
    char key[256];
    snprintf(key, sizeof key, "%s/%s", q->tenant, q->class_name);
    table_put(&ds->quarantines, key, q);
    log_about(&ds->service->log, LOG_LEVEL_WARNING, q->tenant, NULL,
              "class %s is in quarantine: %lld of its runs crashed; its jobs wait (jobctl "
              "quarantine release ends it)",
              q->class_name, (long long)q->crashes);
}

static void see(struct datasource *ds, const struct sql_result *rows, size_t row, int64_t now) {
    const char *tenant = sql_get(rows, row, sql_column(rows, "tenant")),
               *class_name = sql_get(rows, row, sql_column(rows, "class_name"));
    struct quarantine *q = find(ds, tenant, class_name);
    bool fresh = !q;
    if (fresh) {
        q = MEM_NEW(struct quarantine);
        q->tenant = mem_text(tenant);
        q->class_name = mem_text(class_name);
    }
    q->crashes = sql_get_integer(rows, row, sql_column(rows, "crashes"), 0);
    q->until = now + sql_get_integer(rows, row, sql_column(rows, "left"), 0) * CLOCK_MS;
    q->look = now;
    if (fresh)
        begin(ds, q);
}

static void forget_others(struct datasource *ds, int64_t now) {
    size_t at = 0;
    const char *key;
    void *value;
    while (table_next(&ds->quarantines, &at, &key, &value)) {
        struct quarantine *q = value;
        if (q->look == now)
            continue;
        log_about(&ds->service->log, LOG_LEVEL_INFO, q->tenant, NULL,
                  "class %s is no longer in quarantine", q->class_name);
        table_take(&ds->quarantines, key);
        quarantine_free(q);
    }
}

void quarantine_work(struct datasource *ds) {
    struct jobs_error err;
    struct sql_result *rows;
    struct sql_parameters p = {0};
    int64_t now = clock_now();
    if (now < ds->next_quarantine || sql_is_broken(ds->sql))
        return;
    ds->next_quarantine = now + LOOK_EVERY;
    sql_add_integer(&p, QUARANTINE_CRASHES);
    sql_add_integer(&p, QUARANTINE_WINDOW_MS);
    sql_add_integer(&p, QUARANTINE_MS);
    if (sql_call(ds->sql, "quarantine_look", &p, SQL_ROWS, &rows, &err) < 0)
        return;
    for (size_t i = 0; i < sql_count(rows); i++)
        see(ds, rows, i, now);
    forget_others(ds, now);
    atomic_store(&ds->counters.quarantined, (long long)ds->quarantines.count);
    sql_result_free(rows);
}

bool quarantine_park(struct datasource *ds, struct live *live) {
    char text[300];
    if (ds->quarantines.count == 0)
        return false;
    const struct quarantine *q = find(ds, live->tenant, live->class_name);
    int64_t left = q ? (q->until - clock_now()) / CLOCK_MS : 0;
    if (left <= 0)
        return false;
    count(&ds->counters.parked_quarantine, 1);
    snprintf(text, sizeof text,
             "class %s is in quarantine for this tenant: %lld of its runs crashed",
             live->class_name, (long long)q->crashes);
    live_park(live, left < QUARANTINE_PARK_MS ? left + 1 : QUARANTINE_PARK_MS, "CRASH", text);
    return true;
}
