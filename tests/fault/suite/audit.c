#include "tests/fault/suite/audit.h"

#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/base/table.h"
#include "module/job/status.h"
#include "tests/fault/suite/history.h"
#include "tests/fault/suite/record.h"
#include "tests/lib/program.h"
#include "tests/lib/servers.h"

#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORIES 5 /* printed in full */
#define LISTED 20   /* overlaps */

struct row {
    int status;
    unsigned version, attempt;
    char error_kind[16];
    char result_attempt[16];
};

struct audit {
    const struct audit_options *options;
    struct table rows; /* id to struct row */
    struct record record;
    size_t violations, overlaps, second_runs, ended_twice, lost, gaps;
};

static __attribute__((format(printf, 3, 4))) void violate(struct audit *a, const char *id,
                                                          const char *format, ...) {
    char text[1000];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (a->violations++ >= 50)
        return;
    printf("VIOLATION: %s%s%s\n", id ? id : "", id ? ": " : "", text);
    if (id && a->violations <= HISTORIES)
        history_print(a->options->pg_url, id, subscriber_path(a->options->subscriber, id),
                      table_get(&a->record.runs, id));
}

/* ---- waiting ---- */

static const char still_there[] =
    "select string_agg(n || ' ' || what, ', ') from ("
    "select 'jobs ' || status as what, count(*) as n from jobs.t_job_info "
    "  where status not in ('SUCCEEDED', 'FAILED', 'ABORTED') group by status union all "
    "select 'receipts', count(*) from jobs.t_job_claim union all "
    "select 'ready rows', count(*) from jobs.t_job_ready union all "
    "select 'timers', count(*) from jobs.t_job_timer union all "
    "select 'outbox rows', count(*) from jobs.t_job_outbox) x where n > 0";

struct wait {
    const struct audit_options *options;
    size_t versions;
};

static bool has_all_events(void *arg) {
    const struct wait *wait = arg;
    struct subscriber_counts counts = subscriber_get(wait->options->subscriber);
    return counts.applied >= wait->versions || counts.ahead > 0;
}

bool audit_wait(const struct audit_options *options, int64_t timeout) {
    if (!test_wait_sql(options->pg_url, timeout, "select (%s) is null", still_there)) {
        char *left = test_sql_value(options->pg_url, "%s", still_there);
        printf("VIOLATION: not everything came to its end: %s\n", left ? left : "");
        free(left);
        return false;
    }
    int64_t versions =
        test_sql_integer(options->pg_url, "select coalesce(sum(version), 0) from jobs.t_job_info");
    struct wait wait = {options, (size_t)versions};
    if (test_wait(has_all_events, &wait, timeout))
        return true;
    printf("VIOLATION: %zu events came of %zu\n", subscriber_get(options->subscriber).applied,
           wait.versions);
    return false;
}

/* ---- the tables ---- */

static void read_rows(struct audit *a) {
    PGconn *db = PQconnectdb(a->options->pg_url);
    PGresult *rows = PQexec(db, "select id, status, version, attempt, error_kind, "
                                "result ->> 'attempt' from jobs.t_job_info");
    if (PQresultStatus(rows) != PGRES_TUPLES_OK)
        program_give_up("audit: %s", PQerrorMessage(db));
    for (int i = 0; i < PQntuples(rows); i++) {
        struct row *row = MEM_NEW(struct row);
        row->status = status_of_name(PQgetvalue(rows, i, 1));
        row->version = (unsigned)strtoul(PQgetvalue(rows, i, 2), NULL, 10);
        row->attempt = (unsigned)strtoul(PQgetvalue(rows, i, 3), NULL, 10);
        snprintf(row->error_kind, sizeof row->error_kind, "%s", PQgetvalue(rows, i, 4));
        snprintf(row->result_attempt, sizeof row->result_attempt, "%s", PQgetvalue(rows, i, 5));
        table_put(&a->rows, PQgetvalue(rows, i, 0), row);
    }
    PQclear(rows);
    PQfinish(db);
}

static void check_fsck(struct audit *a) {
    char *output;
    const char *argv[] = {BUILD_DIR "/bin/jobctl", "fsck", "--url", a->options->pg_url, NULL};
    if (program_run(argv, &output) != 0)
        violate(a, NULL, "jobctl fsck: %s", output);
    free(output);
}

static void check_counts(struct audit *a) {
    char *wrong = test_sql_value(
        a->options->pg_url,
        "select string_agg(format('%%s %%s %%s: %%s rows, counted %%s', tenant, class_name, "
        "status, r.n, c.n), '; ') from (select tenant, class_name, status, count(*) n "
        "from jobs.t_job_info group by 1, 2, 3) r "
        "full join (select * from jobs.v_job_count where n <> 0) c "
        "using (tenant, class_name, status) where r.n is distinct from c.n");
    if (wrong)
        violate(a, NULL, "v_job_count: %s", wrong);
    free(wrong);
}

/* ---- each promise ---- */

static void check_events(struct audit *a, const struct promise *p, const struct row *row) {
    const char *path = subscriber_path(a->options->subscriber, p->id);
    size_t finals = 0, length = strlen(path);
    if (length != row->version || path[length - 1] != subscriber_letter(row->status)) {
        a->gaps++;
        violate(a, p->id, "events %s, but the row is %s v%u", path,
                status_name((enum job_status)row->status), row->version);
        return;
    }
    static const char letters[] = "PQTRSFA";
    for (size_t i = 0; i < length; i++) {
        int now = (int)(strchr(letters, path[i]) - letters);
        int before = i ? (int)(strchr(letters, path[i - 1]) - letters) : -1;
        finals += status_is_final((enum job_status)now);
        if (i ? !status_may_move((enum job_status)before, (enum job_status)now) : now > JOB_QUEUED)
            violate(a, p->id, "events %s: a move that there is not", path);
    }
    if (finals > 1 + p->retries) {
        a->ended_twice++;
        violate(a, p->id, "events %s: ended %zu times, %u retries", path, finals, p->retries);
    }
}

static void check_end(struct audit *a, const struct promise *p, const struct row *row) {
    const char *kind = row->error_kind;
    bool doomed = p->sort == SORT_DOOMED && strcmp(kind, "ERROR") == 0;
    if (row->status == JOB_FAILED && strcmp(kind, "CRASH") != 0 && !doomed)
        violate(a, p->id, "%s: FAILED, kind %s", job_sort_name(p->sort), kind);
    if (row->status == JOB_ABORTED && !p->stopped)
        violate(a, p->id, "ABORTED, though nobody asked for it");
    if (row->status != JOB_SUCCEEDED)
        return;
    const struct run_note *run = table_get(&a->record.runs, p->id);
    while (run && (run->attempt != row->attempt || run->end == INT64_MAX))
        run = run->next;
    if (!run)
        violate(a, p->id, "SUCCEEDED in attempt %u, which was never seen to end", row->attempt);
    if (strtoul(row->result_attempt, NULL, 10) != row->attempt)
        violate(a, p->id, "attempt %u SUCCEEDED with the result of attempt %s", row->attempt,
                row->result_attempt);
}

static void check_overlap(struct audit *a, const char *id, const struct run_note *first,
                          const struct run_note *second) {
    int64_t died = fleet_died(a->options->fleet, first->incarnation);
    int64_t end = first->end < died ? first->end : died;
    if (second->begin >= end)
        return;
    bool excused = fleet_was_cut_off(a->options->fleet, first->incarnation, second->begin);
    if (!excused)
        violate(a, id, "attempts %u (incarnation %d) and %u (%d) overlap", first->attempt,
                first->incarnation, second->attempt, second->incarnation);
    else if (a->overlaps++ < LISTED)
        printf("  overlap: %s attempt %u on incarnation %d, cut off for longer than 5 s, and %u "
               "on %d\n",
               id, first->attempt, first->incarnation, second->attempt, second->incarnation);
}

static void check_runs(struct audit *a, const struct promise *p) {
    const struct run_note *first = table_get(&a->record.runs, p->id);
    if (p->sort == SORT_ONCE && first && first->next) {
        a->second_runs++;
        violate(a, p->id, "an at_most_once job was run again");
    }
    for (; first; first = first->next)
        for (const struct run_note *second = first->next; second; second = second->next)
            check_overlap(a, p->id, first, second);
}

static void check_promise(struct audit *a, const struct promise *p) {
    struct row *row = table_take(&a->rows, p->id);
    if (!row) {
        a->lost++;
        violate(a, p->id, "was acknowledged and is not there");
        return;
    }
    check_events(a, p, row);
    check_end(a, p, row);
    check_runs(a, p);
    free(row);
}

/* ---- all of it ---- */

static void print_counts(const struct audit *a) {
    struct subscriber_counts events = subscriber_get(a->options->subscriber);
    char *ends = test_sql_value(
        a->options->pg_url,
        "select string_agg(n || ' ' || status || coalesce('/' || error_kind, ''), ', ' order by n "
        "desc) from (select status, case when status = 'FAILED' then error_kind end as error_kind, "
        "count(*) n from jobs.t_job_info group by 1, 2) x");
    char *losses = test_sql_value(
        a->options->pg_url,
        "select format('%%s instances declared lost, %%s attempts lost with them, %%s snoozed, "
        "%%s handed back', (select count(*) from jobs.t_job_instance where lost), "
        "count(*) filter (where outcome = 'LOST'), count(*) filter (where outcome = 'SNOOZED'), "
        "count(*) filter (where outcome = 'HANDED_BACK')) from jobs.t_job_attempt");
    printf("ends: %s\ntakeovers: %s\n", ends, losses);
    printf("events: %zu in order, %zu again, %zu ahead, %zu malformed, %zu connections\n",
           events.applied, events.repeated, events.ahead, events.malformed, events.connections);
    printf("runs: %zu; %zu lost, %zu ended twice, %zu second runs of at_most_once jobs, %zu gaps "
           "in events, %zu overlaps on instances cut off for longer than 5 s\n",
           a->record.count, a->lost, a->ended_twice, a->second_runs, a->gaps, a->overlaps);
    free(ends);
    free(losses);
}

size_t audit_run(const struct audit_options *options) {
    struct audit a = {.options = options};
    struct promise promise;
    const char *id;
    void *row;
    record_read(&a.record, options->record);
    read_rows(&a);
    for (size_t i = 0; ledger_get(options->ledger, i, &promise); i++)
        check_promise(&a, &promise);
    for (size_t at = 0; table_next(&a.rows, &at, &id, &row);)
        violate(&a, id, "is there, but nobody got an answer for it");
    struct subscriber_counts events = subscriber_get(options->subscriber);
    char *faults = subscriber_faults(options->subscriber);
    if (events.ahead > 0 || events.malformed > 0)
        violate(&a, NULL, "events out of order: %zu, malformed: %zu\n%s", events.ahead,
                events.malformed, faults);
    free(faults);
    check_fsck(&a);
    check_counts(&a);
    print_counts(&a);
    record_done(&a.record);
    table_done(&a.rows, free);
    return a.violations;
}
