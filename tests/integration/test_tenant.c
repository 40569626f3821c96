/* Tenants: made, paused, weighed. */
#include "tenant/remove.h"
#include "tests/lib/servers.h"
#include "tests/lib/store_fixture.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void tenants_are_made_and_read(void **state) {
    struct store_fixture *f = *state;
    struct tenant tenant;
    STORE_OK(tenant_create(&f->s, "first", 0, &err));
    STORE_OK(tenant_create(&f->s, "1-second_x", 1000, &err));
    STORE_OK(tenant_get(&f->s, "first", &tenant, &err));
    assert_string_equal(tenant.name, "first");
    assert_int_equal(tenant.weight, 1);
    assert_int_equal(tenant.state, TENANT_ACTIVE);
    assert_int_equal(tenant.max_running, -1);
    assert_int_equal(tenant.max_queued, -1);
    assert_true(tenant.created_date > 1700000000000000);
    STORE_OK(tenant_set_weight(&f->s, "first", 7, &err));
    STORE_OK(tenant_set_state(&f->s, "first", TENANT_MAINTENANCE, &err));
    STORE_OK(tenant_get(&f->s, "first", &tenant, &err));
    assert_int_equal(tenant.weight, 7);
    assert_int_equal(tenant.state, TENANT_MAINTENANCE);
}

static void bad_values_are_told(void **state) {
    struct store_fixture *f = *state;
    struct tenant tenant;
    char long_name[65];
    memset(long_name, 'a', 64), long_name[64] = '\0';
    const char *const names[] = {"", "-a", "_a", "A", "a b", "a.b", "ä", long_name, NULL};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        STORE_FAILS(JOBS_EINVAL, "no tenant name", tenant_create(&f->s, names[i], 1, &err));
    STORE_FAILS(JOBS_EINVAL, "1001", tenant_create(&f->s, "heavy", 1001, &err));
    STORE_FAILS(JOBS_EINVAL, "weight 0", tenant_set_weight(&f->s, "acme", 0, &err));
    STORE_FAILS(JOBS_EINVAL, "exists already", tenant_create(&f->s, "acme", 1, &err));
    STORE_FAILS(JOBS_EINVAL, "no state",
                tenant_set_state(&f->s, "acme", (enum tenant_state)3, &err));
    STORE_FAILS(JOBS_ENOENT, "heavy", tenant_get(&f->s, "heavy", &tenant, &err));
    STORE_FAILS(JOBS_ENOENT, "heavy", tenant_set_state(&f->s, "heavy", TENANT_PAUSED, &err));
    STORE_FAILS(JOBS_ENOENT, "heavy", tenant_set_weight(&f->s, "heavy", 2, &err));
    STORE_FAILS(JOBS_ENOENT, "heavy", tenant_remove(&f->s, "heavy", NULL, NULL, &err));
}

static void look_for(void *arg, const struct tenant *tenant) {
    char *last = arg;
    assert_true(strcmp(last, tenant->name) < 0);
    strcpy(last, tenant->name);
}

static void list_is_in_order(void **state) {
    struct store_fixture *f = *state;
    char last[64] = "";
    STORE_OK(tenant_list(&f->s, look_for, last, &err));
    assert_string_equal(last, "globex");
}

static void resume_wakes_sleepers(void **state) {
    struct store_fixture *f = *state;
    struct pg_conn *db = store_connect(f->url);
    store_sql(db, "listen jobs; update jobs.t_job_wake set sleepers = array[gen_random_uuid()]");
    STORE_OK(tenant_set_state(&f->s, "acme", TENANT_PAUSED, &err));
    store_sql(db, "select 1");
    assert_null(PQnotifies(db));
    STORE_OK(tenant_set_state(&f->s, "acme", TENANT_ACTIVE, &err));
    store_sql(db, "select 1"); /* what was sent before it has arrived with its answer */
    PGnotify *notify = PQnotifies(db);
    assert_non_null(notify);
    assert_string_equal(notify->relname, "jobs");
    PQfreemem(notify);
    store_sql(db, "update jobs.t_job_wake set sleepers = '{}'");
    STORE_OK(tenant_set_state(&f->s, "acme", TENANT_ACTIVE, &err));
    store_sql(db, "select 1");
    assert_null(PQnotifies(db)); /* nobody sleeps */
    PQfinish(db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tenants_are_made_and_read),
        cmocka_unit_test(bad_values_are_told),
        cmocka_unit_test(list_is_in_order),
        cmocka_unit_test(resume_wakes_sleepers),
    };
    return cmocka_run_group_tests(tests, store_fixture_up, store_fixture_down);
}
