#include "module/service/recorder.h"

#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/service/tick.h"

#define WINDOW (200 * CLOCK_MS)
#define LOADED 500               /* jobs claimed in a window: 2,500 a second */
#define QUIET (5 * CLOCK_SECOND) /* without such a window: it is not needed any more */
#define CONNECT_TIMEOUT 2000     /* ms: claims wait for it */
#define TRY_AGAIN (10 * CLOCK_SECOND)

void recorder_note_load(struct datasource *ds, size_t claimed) {
    int64_t now = clock_now();
    if (now - ds->load_since > WINDOW) {
        ds->load_since = now;
        ds->load = 0;
    }
    ds->load += claimed;
    if (ds->load >= LOADED)
        ds->loaded_at = now;
}

/* Before its first tick the database knows whom to end with this instance. */
static int introduce(struct datasource *ds, struct sql *sql, struct jobs_error *err) {
    char id[37];
    struct sql_parameters p = {0};
    struct sql_result *row;
    datasource_instance(ds, id);
    sql_add_text(&p, id);
    sql_add_integer(&p, ds->epoch);
    int rc = sql_call(sql, "instance_recorder", &p, SQL_AT_MOST_ONE, &row, err);
    if (rc < 0)
        return rc;
    bool ours = sql_count(row) == 1;
    sql_result_free(row);
    return ours ? 0 : error_set(err, JOBS_EDB, "the instance is fenced off");
}

static int open_session(struct datasource *ds, struct jobs_error *err) {
    struct sql_options options = datasource_sql_options(ds, "jobs record");
    struct sql *sql;
    options.connect_timeout = CONNECT_TIMEOUT;
    options.timeout = TICK_TIMEOUT;
    options.fenced_plans = true;
    int rc = sql_open(&options, &sql, err);
    if (rc < 0)
        return rc;
    rc = introduce(ds, sql, err);
    if (rc == 0)
        rc = sql_prepare(sql, tick_statements, tick_recording_count, err);
    if (rc == 0)
        rc = sql_call(sql, "tick_settings", NULL, SQL_ONE, NULL, err);
    if (rc < 0)
        sql_close(sql);
    else
        ds->recorder = sql;
    return rc;
}

void recorder_work(struct datasource *ds) {
    struct jobs_error err;
    int64_t now = clock_now();
    if (ds->recorder && now >= ds->loaded_at + QUIET) {
        sql_close(ds->recorder);
        ds->recorder = NULL;
    }
    if (ds->recorder || now > ds->loaded_at + WINDOW || now < ds->next_recorder)
        return;
    if (open_session(ds, &err) == 0)
        return;
    ds->next_recorder = now + TRY_AGAIN;
    log_info(&ds->service->log, "datasource %s: goes on with one session for its ticks: %s",
             ds->name, err.text);
}

int64_t recorder_at(const struct datasource *ds) {
    return ds->recorder ? ds->loaded_at + QUIET : INT64_MAX;
}
