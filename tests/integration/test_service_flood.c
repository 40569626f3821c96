/* One tenant's flood beside the small backlogs of others: does everybody get the slot time that is
 * due to it, of each instance? Computed from the events alone, as a subscriber could, not from the
 * scheduler's books; which instance ran a job is in its row.
 *
 * lag = owed - got, in slot-seconds, while a tenant has jobs that are not chosen: at every moment the
 * slots of an instance that such tenants use are owed to them by weight. No lag may exceed slots x
 * longest run.
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
#define INSTANCES_MOST 2

struct flow {                     /* a tenant at an instance */
    double lag, least, most, got; /* most, least: lag, in slot-seconds */
    double least_at, most_at;
    int64_t running; /* jobs */
};

struct tenant {
    double weight;
    int64_t waiting; /* jobs, for whichever instance */
    struct flow at[INSTANCES_MOST];
};

struct stream {
    struct tenant tenants[1 + OTHERS_MOST]; /* 0: the flood */
    size_t count, instances;
    double began, now, longest; /* seconds */
    double alone_got, alone_s;  /* slot-seconds of the flood once nobody else has work */
};

static double larger(double a, double b) { return a > b ? a : b; }

static double largest(const struct stream *s, size_t instance) {
    double most = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct flow *f = &s->tenants[i].at[instance];
        most = larger(most, larger(f->most, -f->least));
    }
    return most;
}

static void pass_at(struct stream *s, size_t instance, double weights, double seconds) {
    double used = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->tenants[i].waiting > 0)
            used += (double)s->tenants[i].at[instance].running;
    for (size_t i = 0; i < s->count; i++) {
        struct tenant *t = &s->tenants[i];
        struct flow *f = &t->at[instance];
        f->got += (double)f->running * seconds;
        if (t->waiting == 0)
            continue;
        f->lag += (t->weight / weights * used - (double)f->running) * seconds;
        if (f->lag > f->most)
            f->most = f->lag, f->most_at = s->now - s->began;
        if (f->lag < f->least)
            f->least = f->lag, f->least_at = s->now - s->began;
    }
}

static void pass(struct stream *s, double seconds) {
    double weights = 0;
    size_t backlogged = 0, last = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->tenants[i].waiting > 0) {
            weights += s->tenants[i].weight;
            last = i, backlogged++;
        }
    for (size_t n = 0; n < s->instances; n++)
        pass_at(s, n, weights, seconds);
    if (backlogged != 1 || last != 0)
        return;
    s->alone_s += seconds;
    for (size_t n = 0; n < s->instances; n++)
        s->alone_got += (double)s->tenants[0].at[n].running * seconds;
}

static void apply(struct tenant *t, size_t instance, const char *status) {
    if (strcmp(status, "TO_BE_RUN") == 0)
        t->waiting--;
    else if (strcmp(status, "RUNNING") == 0)
        t->at[instance].running++;
    else
        t->at[instance].running--;
}

/* The events of attempts, in the order of their dates. */
static void read_stream(const char *url, struct stream *s) {
    PGconn *db = PQconnectdb(url);
    PGresult *rows = PQexec(
        db,
        "select substr(x.tenant, 2)::int, x.status, extract(epoch from x.date), "
        "dense_rank() over (order by j.instance) - 1 from (select u.id, u.tenant, g.status, g.date "
        "from jobs.t_job_outbox o cross join lateral unnest(o.ids, o.tenants, o.middles, "
        "o.middle_dates, o.statuses, o.dates) u(id, tenant, middle, middle_date, status, date) "
        "cross join lateral (values (u.middle, u.middle_date), (u.status, u.date)) g(status, date) "
        "where g.status in ('TO_BE_RUN', 'RUNNING', 'SUCCEEDED')) x join jobs.t_job_info j on j.id "
        "= x.id and j.status = 'SUCCEEDED' order by x.date");
    if (PQresultStatus(rows) != PGRES_TUPLES_OK)
        fail_msg("%s", PQresultErrorMessage(rows));
    for (int i = 0; i < PQntuples(rows); i++) {
        double at = strtod(PQgetvalue(rows, i, 2), NULL);
        if (i == 0)
            s->began = at;
        else
            pass(s, at - s->now);
        s->now = at;
        size_t instance = (size_t)atoi(PQgetvalue(rows, i, 3));
        assert_true(instance < s->instances);
        apply(&s->tenants[atoi(PQgetvalue(rows, i, 0))], instance, PQgetvalue(rows, i, 1));
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

static void submit_all(const char *url, struct stream *s, int64_t *ret_others) {
    const char *full = getenv("JOBS_TEST_FLOOD");
    s->count = full ? 1 + OTHERS_MOST : 20;
    for (size_t i = 0; i < s->count; i++) {
        struct tenant *t = &s->tenants[i];
        t->weight = (double)(1 + i % 8);
        t->waiting = i == 0 ? (full ? atoll(full) : 4000 * (int64_t)s->instances)
                     : full ? 10 + (int64_t)(i * i) % 991
                            : (10 + (int64_t)i * 3) * (int64_t)s->instances;
        *ret_others += i == 0 ? 0 : t->waiting;
        test_sql(url, "insert into jobs.t_tenant (tenant, weight) values ('f%zu', %zu)", i,
                 1 + i % 8);
        submit_runs(url, i, t->waiting);
    }
}

static void print_lags(const struct stream *s, size_t instance) {
    double most = largest(s, instance);
    print_message("instance %zu: largest lag %.3f slot-seconds, allowed %.3f\n", instance, most,
                  SLOTS * s->longest);
    for (size_t i = 0; i < s->count; i++) {
        const struct flow *f = &s->tenants[i].at[instance];
        if (i < 9 || f->most > most / 2 || f->least < -most / 2)
            print_message("  f%zu weight %.0f: got %.2f, lag from %.3f (at %.1f s) to %.3f (at "
                          "%.1f s)\n",
                          i, s->tenants[i].weight, f->got, f->least, f->least_at, f->most,
                          f->most_at);
    }
}

/* Until the others have no work, and for a while with the flood alone. */
static void run_flood(const char *url, size_t instances) {
    struct test_service *services[INSTANCES_MOST];
    int64_t patience = getenv("JOBS_TEST_FLOOD") ? INT64_C(3600) * 1000 : 2 * LONG_MS;
    for (size_t n = 0; n < instances; n++)
        services[n] = service_start(url, NULL, "jobs.pool.size=10", NULL);
    assert_true(test_wait_sql(url, patience,
                              "select coalesce(sum(n), 0) = 0 from jobs.v_job_count where status = "
                              "'QUEUED' and tenant <> 'f0'"));
    size_t before = runs_count();
    runs_most();
    assert_true(runs_wait(before + 1000 * instances, patience));
    assert_int_equal(runs_most(), SLOTS * instances);
    for (size_t n = 0; n < instances; n++)
        service_stop(services[n]);
}

static void flood(size_t instances) {
    runs_reset();
    const char *url = service_database();
    int64_t others = 0;
    struct stream *s = MEM_NEW(struct stream);
    s->instances = instances;
    submit_all(url, s, &others);
    run_flood(url, instances);
    read_stream(url, s);
    print_message("%lld jobs of the flood run beside %lld of %zu others; longest run %.0f ms; "
                  "slots used alone: %.0f %%\n",
                  (long long)count_jobs(url, "tenant = 'f0' and status = 'SUCCEEDED'"),
                  (long long)others, s->count - 1, s->longest * 1e3,
                  100 * s->alone_got / (s->alone_s * SLOTS * (double)instances));
    for (size_t n = 0; n < instances; n++)
        print_lags(s, n);
    for (size_t n = 0; n < instances; n++) {
        assert_true(s->tenants[0].at[n].got > 0);
        assert_true(largest(s, n) <= SLOTS * s->longest);
    }
    assert_true(s->alone_got > 0.5 * s->alone_s * SLOTS * (double)instances);
    assert_int_equal(runs_doubled(), 0);
    free(s);
}

static void everybody_gets_what_is_due(void **state) {
    (void)state;
    flood(1);
}

static void of_each_of_two_instances(void **state) {
    (void)state;
    flood(2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_gets_what_is_due),
        cmocka_unit_test(of_each_of_two_instances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
