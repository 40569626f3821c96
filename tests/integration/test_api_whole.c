/* /metrics and the events of all tenants show the whole service: with two datasources a token of one
 * of them does not do, a JWT for all tenants does, and both are shown. */
#include "tests/lib/api.h"
#include "tests/lib/servers.h"
#include "tests/lib/sse.h"
#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <jwt.h>

#define LONG 30000
#define SECRET "a secret of 32 bytes and some more"

static char *sign(const char *tenant) {
    jwt_t *jwt;
    assert_int_equal(jwt_new(&jwt), 0);
    jwt_add_grant(jwt, "iss", "https://id.test/");
    jwt_add_grant(jwt, "aud", "jobs");
    jwt_add_grant(jwt, "sub", "alice");
    jwt_add_grant(jwt, "role", "viewer");
    jwt_add_grant(jwt, "tenant", tenant);
    jwt_add_grant_int(jwt, "exp", (long)time(NULL) + 3600);
    jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)SECRET, sizeof SECRET - 1);
    char *token = jwt_encode_str(jwt);
    jwt_free(jwt);
    return token;
}

struct whole {
    const char *a, *b;
    struct test_service *service;
    char base[300], *all, *own; /* JWTs: of all tenants, of t0 */
    char of_a[STORE_SECRET];    /* of all tenants of the datasource a */
};

static void start(struct whole *w) {
    char urls[2][1000], amqp[300], name[300], key[100], path[] = "/tmp/jobs-whole-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, SECRET, sizeof SECRET - 1), sizeof SECRET - 1);
    close(fd);
    runs_reset();
    w->a = service_database();
    w->b = service_database();
    snprintf(urls[0], sizeof urls[0], "jobs.datasource.a.url=%s", w->a);
    snprintf(urls[1], sizeof urls[1], "jobs.datasource.b.url=%s", w->b);
    snprintf(amqp, sizeof amqp, "jobs.amqp.url=%s", test_amqp_url());
    snprintf(name, sizeof name, "jobs.service=%s", test_service_name());
    snprintf(key, sizeof key, "jobs.api.jwt.key=%s", path);
    w->service =
        service_start(NULL, runs_classes, urls[0], urls[1], amqp, name, key,
                      "jobs.api.jwt.algorithm=HS256", "jobs.api.jwt.issuer=https://id.test/",
                      "jobs.api.jwt.audience=jobs", "jobs.api.listen=127.0.0.1:0",
                      "jobs.amqp.log.age=1d", "jobs.amqp.log.size=64M", NULL);
    unlink(path);
    STORE_OK(job_service_url(service_of(w->service), w->base, sizeof w->base, &err));
    api_make_token(w->a, NULL, "admin", w->of_a);
    w->all = sign("*");
    w->own = sign("t0");
}

static void stop(struct whole *w) {
    service_stop(w->service);
    free(w->all), free(w->own);
}

static bool has_place(void *arg) { return sse_get(arg).comments > 1; }

static void events_of_both_come(void **state) {
    struct whole w;
    (void)state;
    start(&w);
    free(http_get(403, w.base, w.own, "/api/v1/events"));
    char *body = http_get(403, w.base, w.of_a, "/api/v1/events");
    api_has(body, "the token is of one");
    free(body);
    struct sse_pool *pool = sse_pool_start();
    struct sse *all = sse_open(pool, w.base, w.all, "/api/v1/events?progress=false", -1),
               *own = sse_open(pool, w.base, w.own, "/api/v1/tenants/t0/events?progress=false", -1);
    assert_true(test_wait(has_place, all, LONG));
    assert_true(test_wait(has_place, own, LONG));
    char *ids[] = {submit(w.a, "'t0', 'count'"), submit(w.b, "'t1', 'count'")};
    assert_true(sse_wait(all, 8, LONG)); /* QUEUED, TO_BE_RUN, RUNNING, SUCCEEDED of each */
    assert_true(sse_wait(own, 4, LONG));
    char *text = sse_text(all), *mine = sse_text(own);
    for (int i = 0; i < 2; i++) {
        api_has(text, ids[i]);
        assert_true((strstr(mine, ids[i]) != NULL) == (i == 0));
        free(ids[i]);
    }
    assert_int_equal(sse_get(all).events, 8);
    assert_int_equal(sse_get(own).events, 4);
    free(text), free(mine);
    sse_pool_stop(pool);
    stop(&w);
}

struct wanted {
    struct whole *w;
    const char *line;
};

static bool is_shown(void *arg) {
    const struct wanted *wanted = arg;
    char *body = http_get(200, wanted->w->base, wanted->w->all, "/metrics");
    bool shown = strstr(body, wanted->line) != NULL;
    free(body);
    return shown;
}

static void metrics_of_both_are_shown(void **state) {
    static const char *const lines[] = {
        "datasource=\"a\",tenant=\"t2\",class=\"count\",status=\"SUCCEEDED\"} 1\n",
        "datasource=\"b\",tenant=\"t3\",class=\"count\",status=\"SUCCEEDED\"} 1\n"};
    struct whole w;
    (void)state;
    start(&w);
    free(http_get(403, w.base, w.own, "/metrics"));
    free(http_get(403, w.base, w.of_a, "/metrics"));
    free(http_get(401, w.base, NULL, "/metrics"));
    free(submit(w.a, "'t2', 'count'"));
    free(submit(w.b, "'t3', 'count'"));
    for (size_t i = 0; i < 2; i++)
        if (!test_wait(is_shown, &(struct wanted){&w, lines[i]}, LONG))
            fail_msg("not in the metrics: %s\n%s", lines[i],
                     http_get(200, w.base, w.all, "/metrics"));
    stop(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_of_both_come),
        cmocka_unit_test(metrics_of_both_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
