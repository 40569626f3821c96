/* Every operation of the OpenAPI document is called, and what is answered is what it says. */
#include "tests/lib/api.h"
#include "tests/lib/contract.h"
#include "tests/lib/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct state {
    struct api_fixture *f;
    struct contract *contract;
};

static int up(void **state) {
    static struct state s;
    s.f = api_fixture_start("jobs.api.log=none", NULL);
    s.contract = contract_read(s.f->base);
    *state = &s;
    return 0;
}

static int down(void **state) {
    struct state *s = *state;
    contract_free(s->contract);
    api_fixture_stop(s->f);
    return 0;
}

#define CALL(id_, code, ...)   \
    contract_call(s->contract, \
                  &(const struct contract_call){.operation = id_, .status = code, __VA_ARGS__})
#define ADMIN .token = s->f->admin

static const char nobody[] = "11111111-1111-7111-8111-111111111111";

/* The job ends FAILED, so that it has everything there is. */
static void jobs_are_read(void **state) {
    struct state *s = *state;
    free(CALL("submitJobs", 200, ADMIN, .tenant = "t0",
              .body = "[{\"class_name\":\"noop\",\"description\":\"<b>x</b>\",\"owner\":\"o\","
                      "\"related_type\":\"order\",\"related_id\":\"7\",\"priority\":-1,"
                      "\"attempts\":1,\"backoff\":\"10s\",\"timeout\":5000,\"locked\":true,"
                      "\"expires\":\"2040-01-01T00:00:00+01:00\",\"parameters\":{\"a\":[1]}}]"));
    char *id = api_submit(s->f, "{\"class_name\":\"fail\",\"attempts\":1}");
    free(CALL("getJob", 200, ADMIN, .tenant = "t0", .id = id, .query = "wait=30s"));
    free(CALL("getJob", 404, ADMIN, .tenant = "t0", .id = nobody));
    free(CALL("getJob", 400, ADMIN, .tenant = "t0", .id = id, .query = "wait=61s"));
    free(CALL("getJob", 401, .tenant = "t0", .id = id));
    free(CALL("listJobs", 200, ADMIN, .tenant = "t0", .query = "full=true&limit=1"));
    free(CALL("listJobs", 200, ADMIN, .tenant = "t0", .query = "status=FAILED,ABORTED"));
    free(CALL("listJobs", 400, ADMIN, .tenant = "t0", .query = "colour=red"));
    free(CALL("listJobs", 404, ADMIN, .tenant = "nobody"));
    free(CALL("listAttempts", 200, ADMIN, .tenant = "t0", .id = id));
    free(CALL("listAttempts", 404, ADMIN, .tenant = "t0", .id = nobody));
    free(CALL("explainJob", 200, ADMIN, .tenant = "t0", .id = id));
    free(CALL("explainJob", 404, ADMIN, .tenant = "t0", .id = nobody));
    free(CALL("readLogs", 200, ADMIN, .tenant = "t0", .id = id));
    free(CALL("readLogs", 404, ADMIN, .tenant = "t0", .id = nobody));
    free(id);
}

static void jobs_are_submitted(void **state) {
    struct state *s = *state;
    static const char noop[] = "{\"class_name\":\"noop\"}";
    free(CALL("submitJobs", 201, ADMIN, .tenant = "t0", .body = noop));
    free(CALL("submitJobs", 207, ADMIN, .tenant = "t0", .body = "[{\"class_name\":\"-\"}]"));
    free(CALL("submitJobs", 400, ADMIN, .tenant = "t0", .body = "{\"class\":\"noop\"}"));
    free(CALL("submitJobs", 403, .token = s->f->viewer, .tenant = "t0", .body = noop));
    free(CALL("submitJobs", 404, ADMIN, .tenant = "nobody", .body = noop));
    free(CALL("submitJobs", 422, ADMIN, .tenant = "t0", .body = "{\"class_name\":\"a b\"}"));
    test_sql(s->f->url, "update jobs.t_tenant set max_queued = 0 where tenant = 't4'");
    free(CALL("submitJobs", 429, ADMIN, .tenant = "t4", .body = noop));
    test_sql(s->f->url, "update jobs.t_tenant set state = 'MAINTENANCE' where tenant = 't3'");
    free(CALL("submitJobs", 503, ADMIN, .tenant = "t3", .body = noop));
}

static void jobs_are_changed(void **state) {
    struct state *s = *state;
    char *id = api_submit(s->f, "{\"class_name\":\"noop\",\"pending\":true}");
    free(CALL("changeJob", 200, ADMIN, .tenant = "t0", .id = id, .body = "{\"priority\":3}"));
    free(CALL("deleteJob", 409, ADMIN, .tenant = "t0", .id = id));
    free(CALL("lockJob", 200, ADMIN, .tenant = "t0", .id = id));
    free(CALL("unlockJob", 200, ADMIN, .tenant = "t0", .id = id));
    free(CALL("retryJob", 409, ADMIN, .tenant = "t0", .id = id));
    free(CALL("stopJob", 200, ADMIN, .tenant = "t0", .id = id));
    free(CALL("releaseJob", 409, ADMIN, .tenant = "t0", .id = id));
    free(CALL("changeJob", 409, ADMIN, .tenant = "t0", .id = id, .body = "{\"priority\":3}"));
    free(CALL("deleteJob", 204, ADMIN, .tenant = "t0", .id = id));
    free(CALL("stopJob", 404, ADMIN, .tenant = "t0", .id = id));
    free(id);
    id = api_submit(s->f, "{\"class_name\":\"noop\",\"pending\":true}");
    free(CALL("releaseJob", 200, ADMIN, .tenant = "t0", .id = id));
    free(id);
    id = api_submit(s->f, "{\"class_name\":\"noop\",\"pending\":true}");
    free(CALL("stopJobs", 200, ADMIN, .tenant = "t0", .body = "{\"status\":[\"PENDING\"]}"));
    free(CALL("retryJob", 200, ADMIN, .tenant = "t0", .id = id));
    free(CALL("stopJobs", 404, ADMIN, .tenant = "nobody", .body = "{\"owner\":\"x\"}"));
    free(CALL("stopJobs", 400, ADMIN, .tenant = "t0", .body = "[]"));
    free(CALL("retryJobs", 200, ADMIN, .tenant = "t0", .body = "{\"class_name\":\"none\"}"));
    free(id);
}

static void overviews_are_given(void **state) {
    struct state *s = *state;
    free(CALL("tenantStats", 200, ADMIN, .tenant = "t0"));
    free(CALL("tenantStats", 404, ADMIN, .tenant = "nobody"));
    free(CALL("allStats", 200, ADMIN));
    free(CALL("allStats", 403, .token = s->f->own));
    free(CALL("listTenants", 200, ADMIN));
    char *mine = CALL("listTenants", 200, .token = s->f->viewer);
    api_has(mine, "\"t0\"");
    assert_null(strstr(mine, "\"t1\""));
    free(mine);
    free(CALL("getTenant", 200, .token = s->f->viewer, .tenant = "t0"));
    free(CALL("getTenant", 404, .token = s->f->viewer, .tenant = "t1"));
    free(CALL("changeTenant", 200, ADMIN, .tenant = "t6",
              .body = "{\"weight\":7,\"max_running\":3,\"max_queued\":null,\"state\":\"PAUSED\"}"));
    free(CALL("changeTenant", 403, .token = s->f->own, .tenant = "t0", .body = "{\"weight\":7}"));
    free(CALL("changeTenant", 400, ADMIN, .tenant = "t6", .body = "{\"state\":\"GONE\"}"));
    free(CALL("changeTenant", 404, ADMIN, .tenant = "nobody", .body = "{\"weight\":7}"));
    free(CALL("listClasses", 200, .token = s->f->viewer));
    free(CALL("listInstances", 200, ADMIN));
    free(CALL("listInstances", 403, .token = s->f->own));
    free(CALL("whoAmI", 200, .token = s->f->viewer));
    free(CALL("whoAmI", 401, .token = "x"));
    free(CALL("version", 200, .token = NULL));
    free(CALL("live", 200, .token = NULL));
    free(CALL("ready", 200, .token = NULL));
    free(CALL("openapi", 200, .token = NULL));
}

static void tokens_are_made_and_ended(void **state) {
    struct state *s = *state;
    char *made = CALL("createToken", 201, .token = s->f->own,
                      .body = "{\"name\":\"ci\",\"role\":\"viewer\","
                              "\"expires\":\"2040-01-01T00:00:00Z\"}");
    char id[37], secret[STORE_SECRET];
    assert_int_equal(sscanf(made, "{\"id\":\"%36[^\"]\",\"token\":\"%55[^\"]\"}", id, secret), 2);
    free(made);
    made = CALL("whoAmI", 200, .token = secret);
    api_has(made, "\"tenant\":\"t0\"");
    free(made);
    free(CALL("listTokens", 200, ADMIN));
    made = CALL("listTokens", 200, ADMIN, .query = "limit=1");
    api_has(made, "\"cursor\":\"");
    free(made);
    free(CALL("listTokens", 400, ADMIN, .query = "limit=0"));
    made = CALL("listTokens", 200, .token = s->f->own);
    assert_null(strstr(made, secret));
    free(made);
    free(CALL("createToken", 400, ADMIN, .body = "{\"name\":\"x\",\"role\":\"root\"}"));
    free(CALL("createToken", 403, .token = s->f->operator,
              .body = "{\"name\":\"x\",\"role\":\"viewer\"}"));
    free(CALL("createToken", 404, .token = s->f->own,
              .body = "{\"name\":\"x\",\"role\":\"viewer\",\"tenant\":\"t1\"}"));
    free(CALL("revokeToken", 404, ADMIN, .id = nobody));
    free(CALL("revokeToken", 204, .token = s->f->own, .id = id));
    free(CALL("whoAmI", 401, .token = secret));
    free(CALL("listAudit", 200, ADMIN, .query = "limit=5"));
    free(CALL("listAudit", 400, ADMIN, .query = "limit=0"));
    char *own = CALL("listAudit", 200, .token = s->f->own, .query = "tenant=t6");
    assert_null(strstr(own, "\"t6\""));
    api_has(own, "\"action\":\"revoke\"");
    free(own);
}

static void nothing_is_left_out(void **state) {
    struct state *s = *state;
    static const char *const elsewhere[] = {"tenantEvents", "allEvents", "metrics", NULL};
    contract_check_all(s->contract, elsewhere);
}

/* A linter of others finds the document good. It comes from the npm registry, of a fixed version, into
 * the build folder. */
static void the_document_is_valid(void **state) {
    (void)state;
    char *output;
    const char *const argv[] = {SOURCE_DIR "/tests/lib/openapi_lint.sh", BUILD_DIR "/openapi-lint",
                                SOURCE_DIR "/module/api/openapi.json", NULL};
    int status = program_run(argv, &output);
    if (status != 0)
        print_message("%s\n", output);
    free(output);
    if (status == 77)
        skip();
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_read),
        cmocka_unit_test(jobs_are_submitted),
        cmocka_unit_test(jobs_are_changed),
        cmocka_unit_test(overviews_are_given),
        cmocka_unit_test(tokens_are_made_and_ended),
        cmocka_unit_test(nothing_is_left_out),
        cmocka_unit_test(the_document_is_valid),
    };
    return cmocka_run_group_tests(tests, up, down);
}
