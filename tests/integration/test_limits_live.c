/* Limits that are changed again and again while two instances work: up, down, to 0, to none. A trigger
 * inside of each claim's own transaction sees what no sample could: jobs beyond the limit that is in
 * force then. */
#include "module/base/clock.h"
#include "tests/lib/audit.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { JOBS = 2000, FLAPS = 1000 };

/* What is limited. */
struct subject {
    const char *name, *set[2]; /* `set`: a statement, before and after the limit */
    const char *jobs;          /* condition */
    const char *limit;         /* expression */
};

static const struct subject tenant = {
    "tenant",
    {"update jobs.t_tenant set max_running = ", " where tenant = 't0'"},
    "tenant = 't0'",
    "(select max_running from jobs.t_tenant where tenant = 't0')"};
static const struct subject class = {
    "class",
    {"select jobs.job_class_set('nap', ", ")"},
    "class_name = 'nap'",
    "(select max_running from jobs.t_job_class where class_name = 'nap')"};
static const struct subject class_of_tenant = {
    "class for each tenant",
    {"select jobs.job_class_set('nap', null, ", ")"},
    "class_name = 'nap' and tenant = 't0'",
    "(select max_running_per_tenant from jobs.t_job_class where class_name = 'nap')"};

/* A limit where there was none is in effect within a second; one that is changed, at once. */
static void watch_claims(const char *url, const struct subject *subject) {
    test_sql(url, "create table public.watch as select null::timestamptz as free_until; "
                  "create table public.breach (live int, most int)");
    test_sql(url,
             "create function public.look() returns trigger language plpgsql as $$ declare live "
             "int; most int := %s; begin if not exists (select from changed where status = "
             "'TO_BE_RUN' and %s) then return null; end if; select count(*) into live from "
             "jobs.t_job_info where status in ('TO_BE_RUN', 'RUNNING') and %s; insert into "
             "public.breach select live, most from public.watch w where live > most and "
             "clock_timestamp() > coalesce(w.free_until, '-infinity'); return null; end $$; "
             "create trigger look after update on jobs.t_job_info referencing new table as changed "
             "for each statement execute function public.look()",
             subject->limit, subject->jobs, subject->jobs);
}

static void assert_no_breach(const char *url) {
    char *breaches = test_sql_value(url, "select string_agg(live || ' under a limit of ' || most, "
                                         "', ') from public.breach");
    if (breaches)
        fail_msg("claimed: %s", breaches);
}

static void set_limit(const char *url, const struct subject *subject, const char *limit) {
    test_sql(url, "update public.watch set free_until = 'infinity' where %s is null",
             subject->limit);
    test_sql(url, "%s%s%s", subject->set[0], limit, subject->set[1]);
    test_sql(url,
             "update public.watch set free_until = clock_timestamp() + interval '%d s' where "
             "free_until = 'infinity' and %s is not null",
             test_time_factor(), subject->limit);
}

static int64_t live(const char *url, const struct subject *subject) {
    return test_sql_integer(url,
                            "select count(*) from jobs.t_job_info where status in ('TO_BE_RUN', "
                            "'RUNNING') and %s",
                            subject->jobs);
}

/* Until so many are at work at a time, in ms. */
static int64_t wait_live(const char *url, const struct subject *subject, const char *many) {
    int64_t began = clock_now();
    if (!test_wait_sql(url, LONG_MS,
                       "select count(*) %s from jobs.t_job_info where status in ('TO_BE_RUN', "
                       "'RUNNING') and %s",
                       many, subject->jobs))
        fail_msg("%s: not %s at work, but %lld", subject->name, many,
                 (long long)live(url, subject));
    return (clock_now() - began) / CLOCK_MS;
}

struct pair {
    const char *url;
    struct test_service *a, *b;
};

static struct pair begin(const struct subject *subject, int tenants) {
    struct pair pair = {.url = service_database()};
    runs_reset();
    watch_claims(pair.url, subject);
    submit_many(pair.url, "nap", JOBS, tenants, "{\"parameters\": {\"ms\": 40}}");
    pair.a = service_start(pair.url, NULL, "jobs.pool.size=12", NULL);
    pair.b = service_start(pair.url, NULL, "jobs.pool.size=12", NULL);
    return pair;
}

static void end(struct pair *pair) {
    assert_no_breach(pair->url);
    test_sql(pair->url, "select jobs.job_stop(tenant, id) from jobs.t_job_info");
    wait_final(pair->url, JOBS, LONG_MS);
    service_stop(pair->a);
    service_stop(pair->b);
    assert_int_equal(runs_doubled(), 0);
    audit_finished(pair->url);
}

/* Nothing begins any more; what others have goes on. */
static void assert_stands_still(const char *url, const struct subject *subject) {
    wait_live(url, subject, "= 0");
    int64_t queued =
        test_sql_integer(url, "select count(*) from jobs.t_job_info where status = 'QUEUED' and %s",
                         subject->jobs);
    for (int i = 0; i < 5;
         i++) { /* no quick ones: then much is claimed ahead once there is no limit */
        char *id = submit(url, "'t5', 'stubborn', '{\"ms\": 40}'");
        wait_status(url, id, "SUCCEEDED");
        free(id);
    }
    assert_int_equal(test_sql_integer(url,
                                      "select count(*) from jobs.t_job_info where status = "
                                      "'QUEUED' and %s",
                                      subject->jobs),
                     queued);
}

static void change(const struct subject *subject, int tenants) {
    static const struct {
        const char *limit, *live;
    } steps[] = {{"0", "= 0"},    {"3", "= 3"}, {"1", "= 1"},    {"5", "= 5"}, {"0", "= 0"},
                 {"null", "> 5"}, {"2", "= 2"}, {"4", "= 4"},    {"0", "= 0"}, {"1", "= 1"},
                 {"null", "> 5"}, {"0", "= 0"}, {"null", "> 5"}, {"3", "= 3"}};
    struct pair pair = begin(subject, tenants);
    int64_t most = 0, when_most = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        set_limit(pair.url, subject, steps[i].limit);
        int64_t took = wait_live(pair.url, subject, steps[i].live);
        if (took > most)
            most = took, when_most = (int64_t)i;
        if (steps[i].limit[0] == '0')
            assert_stands_still(pair.url, subject);
    }
    print_message("%s: in effect after %lld ms at most (step %lld)\n", subject->name,
                  (long long)most, (long long)when_most);
    assert_true(most < 700 * test_time_factor()); /* not the second after which all look */
    end(&pair);
}

static void of_a_tenant(void **state) {
    (void)state;
    change(&tenant, 2);
}

/* Nobody else has anything to do, so nobody looks often. */
static void of_a_tenant_alone(void **state) {
    (void)state;
    change(&tenant, 1);
}

static void of_a_class_alone(void **state) {
    (void)state;
    change(&class, 1);
}

static void of_a_class(void **state) {
    (void)state;
    change(&class, 2);
}

static void of_a_class_for_each_tenant(void **state) {
    (void)state;
    change(&class_of_tenant, 2);
}

/* As fast as it can be written. */
static void flap(const struct subject *subject) {
    struct pair pair = begin(subject, 2);
    int64_t began = clock_now();
    set_limit(pair.url, subject, "1");
    test_sql(pair.url,
             "do $do$ begin for i in 1 .. %d loop execute $$%s$$ || floor(random() * 6) || $$%s$$; "
             "commit; end loop; end $do$",
             FLAPS, subject->set[0], subject->set[1]);
    int64_t took = (clock_now() - began) / CLOCK_MS;
    print_message("%s: %d changes in %lld ms\n", subject->name, FLAPS, (long long)took);
    set_limit(pair.url, subject, "5");
    assert_true(wait_live(pair.url, subject, "= 5") < 1000 * test_time_factor());
    end(&pair);
}

static void a_tenants_flaps(void **state) {
    (void)state;
    flap(&tenant);
}

static void a_classs_flaps(void **state) {
    (void)state;
    flap(&class);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_tenant),
        cmocka_unit_test(of_a_class),
        cmocka_unit_test(of_a_class_for_each_tenant),
        cmocka_unit_test(of_a_tenant_alone),
        cmocka_unit_test(of_a_class_alone),
        cmocka_unit_test(a_tenants_flaps),
        cmocka_unit_test(a_classs_flaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
