/* Several datasources behind one interface: tokens and tenants are found where they are, also at the
 * same moment, and while another datasource is away. */
#include "module/service/health.h"
#include "tests/lib/api.h"
#include "tests/lib/proxy.h"
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

#undef OK
#define OK STORE_OK
enum { TOGETHER = 8, TENANTS = 20 };

struct two {
    const char *a, *b;
    struct test_service *service;
    char base[300];
};

static void start_on(struct two *two, const char *on_a, const char *on_b, const char *auth) {
    char a[1000], b[1000];
    two->a = on_a;
    two->b = on_b;
    snprintf(a, sizeof a, "jobs.datasource.a.url=%s", two->a);
    snprintf(b, sizeof b, "jobs.datasource.b.url=%s", two->b);
    two->service = service_start(NULL, NULL, a, b, "jobs.amqp.url=", "jobs.api.listen=127.0.0.1:0",
                                 "jobs.api.sessions=1", "jobs.api.rate=0", auth, NULL);
    OK(job_service_url(service_of(two->service), two->base, sizeof two->base, &err));
}

static void start(struct two *two, const char *auth) {
    const char *a = service_database();
    start_on(two, a, service_database(), auth);
}

struct asker {
    pthread_t thread;
    char url[400];
    int status;
};

static void *ask(void *arg) {
    struct asker *asker = arg;
    struct http_answer *answer = http_send(&(struct http_request){.url = asker->url});
    asker->status = answer->status;
    http_free(answer);
    return NULL;
}

/* Some of them stand in the queue of the first datasource when one learns that it is the other. */
static void many_ask_for_a_tenant_at_once(void **state) {
    struct two two;
    (void)state;
    start(&two, "jobs.api.auth=none");
    for (int i = 0; i < TENANTS; i++) {
        test_sql(two.b, "insert into jobs.t_tenant (tenant) values ('only%d')", i);
    }
    for (int i = 0; i < TENANTS; i++) {
        struct asker askers[TOGETHER];
        for (int k = 0; k < TOGETHER; k++) {
            snprintf(askers[k].url, sizeof askers[k].url, "%s/api/v1/tenants/only%d/jobs", two.base,
                     i);
            assert_int_equal(pthread_create(&askers[k].thread, NULL, ask, &askers[k]), 0);
        }
        for (int k = 0; k < TOGETHER; k++)
            pthread_join(askers[k].thread, NULL);
        for (int k = 0; k < TOGETHER; k++)
            assert_int_equal(askers[k].status, 200);
    }
    service_stop(two.service);
}

static void take_away(const char *url, const char *other) {
    PGconn *db = store_connect(url);
    char *name = strdup(PQdb(db));
    PQfinish(db);
    test_sql(other, "alter database \"%s\" with allow_connections false", name);
    test_sql(other, "select pg_terminate_backend(pid) from pg_stat_activity where datname = '%s'",
             name);
    free(name);
}

static void the_first_one_is_away(void **state) {
    char all[STORE_SECRET], own[STORE_SECRET], away[STORE_SECRET];
    struct two two;
    (void)state;
    start(&two, NULL);
    api_make_token(two.b, NULL, "viewer", all);
    api_make_token(two.b, "t0", "viewer", own);
    api_make_token(two.a, NULL, "viewer", away);
    take_away(two.a, two.b);
    free(http_get(200, two.base, all, "/api/v1/me"));
    free(http_get(200, two.base, own, "/api/v1/tenants/t0/jobs"));
    free(http_get(404, two.base, own, "/api/v1/tenants/t1/jobs"));
    free(http_get(503, two.base, away, "/api/v1/me")); /* it may be known there */
    service_stop(two.service);
}

static void the_first_one_is_away_without_tokens(void **state) {
    struct two two;
    (void)state;
    start(&two, "jobs.api.auth=none");
    test_sql(two.b, "insert into jobs.t_tenant (tenant) values ('only')");
    take_away(two.a, two.b);
    free(http_get(200, two.base, NULL, "/api/v1/tenants/only/jobs"));
    free(http_get(200, two.base, NULL, "/api/v1/tenants/only/jobs"));
    free(http_get(503, two.base, NULL, "/api/v1/tenants/nobody/jobs"));
    service_stop(two.service);
}

/* What the first one has done is not undone by the second one's being away, and the other way round. */
static void tokens_are_made_where_their_tenant_is(void **state) {
    struct two two;
    (void)state;
    for (int away = 0; away < 2; away++) {
        start(&two, "jobs.api.auth=none");
        const char *here = away ? two.a : two.b;
        test_sql(here, "insert into jobs.t_tenant (tenant) values ('only')");
        take_away(away ? two.b : two.a, here);
        char *made =
            http_post(201, two.base, NULL,
                      "{\"name\":\"x\",\"tenant\":\"only\",\"role\":\"admin\"}", "/api/v1/tokens");
        api_has(made, away ? "\"datasource\":\"a\"" : "\"datasource\":\"b\"");
        assert_int_equal(test_sql_integer(here, "select count(*) from jobs.t_job_token"), 1);
        char *id = strstr(made, "\"id\":\"") + 6, url[400];
        snprintf(url, sizeof url, "%s/api/v1/tokens/%.36s", two.base, id);
        struct http_answer *gone =
            http_send(&(struct http_request){.method = "DELETE", .url = url});
        assert_int_equal(gone->status, 204);
        http_free(gone);
        free(made);
        free(http_post(503, two.base, NULL, /* it may be known to the one that is away */
                       "{\"name\":\"x\",\"tenant\":\"nobody\",\"role\":\"admin\"}",
                       "/api/v1/tokens"));
        service_stop(two.service);
    }
}

static int readiness(const char *base) {
    char url[400];
    snprintf(url, sizeof url, "%s/health/ready", base);
    struct http_answer *answer = http_send(&(struct http_request){.url = url});
    int status = answer->status;
    http_free(answer);
    return status;
}

static bool is_ready(void *arg) { return readiness(arg) == 200; }
static bool is_down(void *arg) { return readiness(arg) == 503; }

/* Each has its answer within one deadline, however many probes there are, and nothing else waits. */
static void probes_do_not_wait_for_each_other(void **state) {
    enum { PROBES = 6, MOST = HEALTH_MOST_MS + 1500 };
    struct asker probes[PROBES];
    struct proxy *proxy = proxy_start(service_database(), false);
    struct two two;
    (void)state;
    start_on(&two, service_database(), proxy_url(proxy), "jobs.api.auth=none");
    assert_true(test_wait(is_ready, two.base, 20000));
    proxy_set_mode(proxy, PROXY_HOLE);
    assert_true(test_wait(is_down, two.base, 20000)); /* an answer may be a second old */
    int64_t began = http_now();
    for (int i = 0; i < PROBES; i++) {
        snprintf(probes[i].url, sizeof probes[i].url, "%s/health/ready", two.base);
        assert_int_equal(pthread_create(&probes[i].thread, NULL, ask, &probes[i]), 0);
    }
    free(http_get(200, two.base, NULL, "/metrics"));
    free(http_get(200, two.base, NULL, "/health/live"));
    assert_in_range(http_now() - began, 0, 2000 * test_time_factor());
    for (int i = 0; i < PROBES; i++) {
        pthread_join(probes[i].thread, NULL);
        assert_int_equal(probes[i].status, 503);
    }
    assert_in_range(http_now() - began, 0, MOST * test_time_factor());
    char *body = http_get(503, two.base, NULL, "/health/ready");
    api_has(body, "\"name\":\"datasource:a\",\"status\":\"ok\"");
    api_has(body, "\"name\":\"datasource:b\",\"status\":\"down\"");
    free(body);
    proxy_set_mode(proxy, PROXY_PASS);
    service_stop(two.service);
    proxy_stop(proxy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_ask_for_a_tenant_at_once),
        cmocka_unit_test(the_first_one_is_away),
        cmocka_unit_test(the_first_one_is_away_without_tokens),
        cmocka_unit_test(tokens_are_made_where_their_tenant_is),
        cmocka_unit_test(probes_do_not_wait_for_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
