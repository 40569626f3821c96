/* One tenant's flood beside the small backlogs of others: does everybody get the slot time that is
 * due to it? Computed from the events alone, as a subscriber could, not from the scheduler's books.
 *
 * lag = owed - got, in slot-seconds, while a tenant has jobs that are not chosen: at every moment the
 * slots that such tenants use are owed to them by weight. No lag may exceed slots x longest run.
 *
 * JOBS_TEST_FLOOD=200000 runs it in full: so many jobs against 99 tenants with 10 to 1,000 each. */
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#define SLOTS 10
#define OTHERS_MOST 99

struct flow {                             /* a tenant */
    double weight, lag, least, most, got; /* most, least: lag, in slot-seconds */
    double least_at, most_at;
    int64_t waiting, running; /* jobs */
};

struct stream {
    struct flow flows[1 + OTHERS_MOST]; /* 0: the flood */
    size_t count;
    double began, now, longest;      /* seconds */
    double busy, alone_got, alone_s; /* slot-seconds; the flood once nobody else has work */
};

static double largest(const struct stream *s) {
    double most = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct flow *f = &s->flows[i];
        most = f->most > most ? f->most : most;
        most = -f->least > most ? -f->least : most;
    }
    return most;
}

static void pass(struct stream *s, double seconds) {
    double weights = 0, used = 0;
    size_t backlogged = 0, last = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->flows[i].waiting > 0) {
            weights += s->flows[i].weight;
            used += (double)s->flows[i].running;
            last = i, backlogged++;
        }
    for (size_t i = 0; i < s->count; i++) {
        struct flow *f = &s->flows[i];
        f->got += (double)f->running * seconds;
        s->busy += (double)f->running * seconds;
        if (f->waiting == 0)
            continue;
        f->lag += (f->weight / weights * used - (double)f->running) * seconds;
        if (f->lag > f->most)
            f->most = f->lag, f->most_at = s->now - s->began;
        if (f->lag < f->least)
            f->least = f->lag, f->least_at = s->now - s->began;
    }
    if (backlogged == 1 && last == 0) {
        s->alone_s += seconds;
        s->alone_got += (double)s->flows[0].running * seconds;
    }
}

static void apply(struct flow *f, const char *status) {
    if (strcmp(status, "TO_BE_RUN") == 0)
        f->waiting--;
    else if (strcmp(status, "RUNNING") == 0)
        f->running++;
    else
        f->running--;
}

/* The events of attempts, in the order of their dates. */
static void read_stream(const char *url, struct stream *s) {
    PGconn *db = PQconnectdb(url);
    PGresult *rows = PQexec(
        db,
        "select substr(x.tenant, 2)::int, x.status, extract(epoch from x.date) from (select "
        "u.tenant, g.status, g.date from jobs.t_job_outbox o cross join lateral unnest(o.tenants, "
        "o.middles, o.middle_dates, o.statuses, o.dates, o.versions) u(tenant, middle, "
        "middle_date, status, date, version) cross join lateral (values (u.middle, "
        "u.middle_date), (u.status, u.date)) g(status, date) where g.status in ('TO_BE_RUN', "
        "'RUNNING', 'SUCCEEDED')) x order by x.date");
    if (PQresultStatus(rows) != PGRES_TUPLES_OK)
        fail_msg("%s", PQresultErrorMessage(rows));
    for (int i = 0; i < PQntuples(rows); i++) {
        double at = strtod(PQgetvalue(rows, i, 2), NULL);
        if (i == 0)
            s->began = at;
        else
            pass(s, at - s->now);
        s->now = at;
        apply(&s->flows[atoi(PQgetvalue(rows, i, 0))], PQgetvalue(rows, i, 1));
    }
    PQclear(rows);
    PQfinish(db);
    char *longest = test_sql_value(
        url, "select max(ended - began) from (select id, max(extract(epoch from date)) filter "
             "(where status = 'RUNNING') as began, max(extract(epoch from date)) filter (where "
             "status = 'SUCCEEDED') as ended from (select u.id, g.status, g.date from "
             "jobs.t_job_outbox o cross join lateral unnest(o.ids, o.middles, o.middle_dates, "
             "o.statuses, o.dates) u(id, middle, middle_date, status, date) cross join lateral "
             "(values (u.middle, u.middle_date), (u.status, u.date)) g(status, date)) x group by "
             "id) y");
    s->longest = strtod(longest, NULL);
    free(longest);
}

/* `count` jobs of 5 to 50 ms. */
static void submit_runs(const char *url, size_t tenant, int64_t count) {
    test_sql(
        url,
        "select jobs.job_submit_many('f%zu', jsonb_agg(jsonb_build_object('class_name', "
        "'stubborn', 'parameters', jsonb_build_object('ms', 5 + (n * 7919 + %zu) %% 46)))) from "
        "generate_series(1, %lld) n group by n / 1000",
        tenant, tenant, (long long)count);
}

static void everybody_gets_what_is_due(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database(), *full = getenv("JOBS_TEST_FLOOD");
    int64_t flood = full ? atoll(full) : 4000, others = 0;
    struct stream *s = MEM_NEW(struct stream);
    s->count = full ? 1 + OTHERS_MOST : 20;
    for (size_t i = 0; i < s->count; i++) {
        struct flow *f = &s->flows[i];
        f->weight = (double)(1 + i % 8);
        f->waiting = i == 0 ? flood : full ? 10 + (int64_t)(i * i) % 991 : 10 + (int64_t)i * 3;
        others += i == 0 ? 0 : f->waiting;
        test_sql(url, "insert into jobs.t_tenant (tenant, weight) values ('f%zu', %zu)", i,
                 1 + i % 8);
        submit_runs(url, i, f->waiting);
    }
    struct test_service *service = service_start(url, NULL, "jobs.pool.size=10", NULL);
    int64_t hour = INT64_C(3600) * 1000;
    assert_true(test_wait_sql(url, full ? hour : 2 * LONG_MS,
                              "select coalesce(sum(n), 0) = 0 from jobs.v_job_count where status = "
                              "'QUEUED' and tenant <> 'f0'"));
    size_t before = runs_count();
    runs_most();
    assert_true(runs_wait(before + 1000, full ? hour : LONG_MS)); /* the flood alone */
    assert_int_equal(runs_most(), SLOTS);
    service_stop(service);
    read_stream(url, s);
    print_message("%lld jobs of the flood run beside %lld of %zu others; longest run %.0f ms\n",
                  (long long)count_jobs(url, "tenant = 'f0' and status = 'SUCCEEDED'"),
                  (long long)others, s->count - 1, s->longest * 1e3);
    print_message("largest lag %.3f slot-seconds, allowed %.3f; slots used alone: %.0f %%\n",
                  largest(s), SLOTS * s->longest, 100 * s->alone_got / (s->alone_s * SLOTS));
    for (size_t i = 0; i < s->count; i++)
        if (i < 9 || s->flows[i].most > largest(s) / 2 || s->flows[i].least < -largest(s) / 2)
            print_message(
                "  f%zu weight %.0f: got %.2f, lag from %.3f (at %.1f s) to %.3f (at %.1f "
                "s)\n",
                i, s->flows[i].weight, s->flows[i].got, s->flows[i].least, s->flows[i].least_at,
                s->flows[i].most, s->flows[i].most_at);
    assert_true(s->busy > 0 && s->alone_s > 0);
    assert_true(largest(s) <= SLOTS * s->longest);
    assert_true(s->alone_got > 0.5 * s->alone_s * SLOTS);
    assert_int_equal(runs_doubled(), 0);
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(everybody_gets_what_is_due)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
