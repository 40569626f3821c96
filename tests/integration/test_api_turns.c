/* Requests that take long hold up nobody else: a tenant's lists leave a session to the others, and
 * tokens and submits have sessions of their own. Lists stand still here because a lock is held on
 * what they read. */
#include "tests/lib/api.h"
#include "tests/lib/servers.h"
#include "tests/lib/store_fixture.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SLOW = 4 };
#define QUICK 3000 /* ms; what waits for the lock fails after 5 s */

struct slow {
    pthread_t thread;
    char url[400], token[STORE_SECRET];
    int status;
};

static void *ask(void *arg) {
    struct slow *slow = arg;
    struct http_answer *answer =
        http_send(&(struct http_request){.url = slow->url, .token = slow->token});
    slow->status = answer->status;
    http_free(answer);
    return NULL;
}

static bool somebody_waits(void *arg) {
    return test_sql_integer(arg, "select count(*) from pg_locks where not granted") > 0;
}

static PGconn *hold(struct api_fixture *f) {
    char *id = api_submit(f, "{\"class_name\":\"count\",\"pending\":true}");
    free(http_post(200, f->base, f->operator, NULL, "/api/v1/tenants/t0/jobs/%s/stop", id));
    free(id);
    PGconn *db = store_connect(f->url);
    PGresult *result = PQexec(db, "begin; lock table jobs.t_job_failure in access exclusive mode");
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s", PQerrorMessage(db));
    PQclear(result);
    return db;
}

static void begin_slow(struct api_fixture *f, struct slow slow[SLOW]) {
    for (int i = 0; i < SLOW; i++) {
        snprintf(slow[i].url, sizeof slow[i].url, "%s/api/v1/tenants/t0/jobs?status=ABORTED",
                 f->base);
        snprintf(slow[i].token, sizeof slow[i].token, "%s", f->viewer);
        assert_int_equal(pthread_create(&slow[i].thread, NULL, ask, &slow[i]), 0);
    }
    assert_true(test_wait(somebody_waits, (void *)(uintptr_t)f->url, 10000));
}

static void end_slow(PGconn *db, struct slow slow[SLOW]) {
    PQfinish(db);
    for (int i = 0; i < SLOW; i++)
        pthread_join(slow[i].thread, NULL);
}

static void lists_of_one_tenant_hold_up_nobody(void **state) {
    char fresh[STORE_SECRET], other[STORE_SECRET];
    struct slow slow[SLOW];
    (void)state;
    struct api_fixture *f = api_fixture_start("jobs.api.sessions=2", NULL);
    free(http_get(200, f->base, f->viewer, "/api/v1/me"));
    api_make_token(f->url, "t0", "operator", fresh);
    api_make_token(f->url, "t1", "viewer", other);
    PGconn *db = hold(f);
    begin_slow(f, slow);
    int64_t began = http_now();
    free(http_post(201, f->base, fresh, "{\"class_name\":\"count\"}", "/api/v1/tenants/t0/jobs"));
    free(http_get(200, f->base, other, "/api/v1/tenants/t1/jobs"));
    int64_t took = http_now() - began;
    print_message("%lld ms\n", (long long)took);
    assert_in_range(took, 0, QUICK * test_time_factor());
    end_slow(db, slow);
    api_fixture_stop(f);
}

/* With one session for the rest, that one alone is held up. */
static void submits_have_sessions_of_their_own(void **state) {
    char fresh[STORE_SECRET];
    struct slow slow[SLOW];
    (void)state;
    struct api_fixture *f = api_fixture_start("jobs.api.sessions=1", NULL);
    free(http_get(200, f->base, f->viewer, "/api/v1/me"));
    api_make_token(f->url, NULL, "operator", fresh);
    PGconn *db = hold(f);
    begin_slow(f, slow);
    int64_t began = http_now();
    for (int i = 0; i < 10; i++)
        free(http_post(201, f->base, fresh, "{\"class_name\":\"count\"}",
                       "/api/v1/tenants/t%d/jobs", i % 7));
    assert_in_range(http_now() - began, 0, QUICK * test_time_factor());
    end_slow(db, slow);
    api_fixture_stop(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_one_tenant_hold_up_nobody),
        cmocka_unit_test(submits_have_sessions_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
