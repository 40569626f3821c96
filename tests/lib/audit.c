#include "tests/lib/audit.h"

#include "module/base/buf.h"
#include "module/job/status.h"
#include "module/store/store.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <libpq-fe.h>

static void on_finding(void *arg, const struct store_finding *finding) {
    struct buf *text = arg;
    if (text->length < 2000)
        buf_format(text, "%s: %s/%s: %s\n", finding->check, finding->tenant ? finding->tenant : "",
                   finding->id ? finding->id : "", finding->text);
}

static void check_tables(const char *url, struct buf *findings) {
    PGconn *db = PQconnectdb(url);
    struct job_info_service s = {.db = db};
    OK(store_fsck(&s, on_finding, findings, &err));
    PQfinish(db);
}

/* ('PENDING', 'QUEUED'), … as the library has them. */
static void allowed_moves(struct buf *list) {
    for (int from = 0; from < JOB_STATUS_COUNT; from++)
        for (int to = 0; to < JOB_STATUS_COUNT; to++)
            if (status_may_move((enum job_status)from, (enum job_status)to))
                buf_format(list, "%s('%s', '%s')", list->length ? ", " : "",
                           status_name((enum job_status)from), status_name((enum job_status)to));
}

/* The record of events: one row an event, numbered in the order in which it would be broadcast. */
static const char record[] =
    "with e as ("
    "  select o.id as outbox, u.id, u.version - g.back as version, "
    "    case when g.back = 0 then u.status else u.middle end as status "
    "  from jobs.t_job_outbox o cross join lateral unnest(o.ids, o.statuses, o.middles, o.versions)"
    "    u(id, status, middle, version) "
    "  cross join lateral generate_series(case when u.middle is null then 0 else 1 end, 0, -1) "
    "    g(back)), "
    "w as (select e.*, row_number() over s as nth, lag(status) over s as before, "
    "    lead(status) over s as after "
    "  from e window s as (partition by id order by outbox, version))";

static void check_record(const char *url, struct buf *findings) {
    struct buf moves = {0};
    allowed_moves(&moves);
    char *found = test_sql_value(
        url,
        "%s select string_agg(text, chr(10)) from (select format('record: %%s: event %%s is "
        "%%s -> %%s v%%s, the job is %%s v%%s', w.id, nth, before, w.status, w.version, j.status, "
        "j.version) as text "
        "from w left join jobs.t_job_info j on j.id = w.id "
        "where w.version <> w.nth "
        "  or (before is null and w.status not in ('PENDING', 'QUEUED')) "
        "  or (before is not null and (before::text, w.status::text) not in (values %s)) "
        "  or (after is null and (j.version, j.status) is distinct from (w.nth, w.status)) "
        "limit 10) x",
        record, buf_get(&moves));
    buf_text(findings, found ? found : "");
    free(found);
    buf_done(&moves);
    found = test_sql_value(url,
                           "%s select 'no event at all: ' || min(j.id::text) from "
                           "jobs.t_job_info j where not exists (select from e where e.id = j.id)",
                           record);
    buf_text(findings, found ? found : "");
    free(found);
}

static void check_rest(const char *url, struct buf *findings) {
    char *found = test_sql_value(
        url, "select string_agg(text, chr(10)) from ("
             "select format('not final: %%s %%s', status, id) as text from jobs.t_job_info "
             "  where status not in ('SUCCEEDED', 'FAILED', 'ABORTED') union all "
             "select format('receipt left: %%s', ids) from jobs.t_job_claim union all "
             "select format('ready row left: %%s', id) from jobs.t_job_ready union all "
             "select format('timer left: %%s', id) from jobs.t_job_timer limit 10) x");
    buf_text(findings, found ? found : "");
    free(found);
}

static void conclude(struct buf *findings) {
    if (findings->length > 0)
        fail_msg("%s", buf_get(findings));
    buf_done(findings);
}

void audit(const char *url) {
    struct buf findings = {0};
    check_tables(url, &findings);
    check_record(url, &findings);
    conclude(&findings);
}

void audit_finished(const char *url) {
    struct buf findings = {0};
    /* Receipts are closed a little later. */
    test_wait_sql(url, LONG_MS, "select count(*) = 0 from jobs.t_job_claim");
    check_tables(url, &findings);
    check_record(url, &findings);
    check_rest(url, &findings);
    conclude(&findings);
}
