/* Moving a tenant: everything comes along, and what runs is waited for. */
#include "tests/lib/jobctl.h"
#include "tests/lib/servers.h"
#include "tests/lib/service.h"
#include "tests/lib/store_fixture.h"
#include "tests/lib/tenant_move.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void everything_comes_along(void **state) {
    (void)state;
    struct move_pair pair = move_pair_new();
    move_fill(&pair);
    char *before = move_picture(pair.a);
    assert_true(strlen(before) > 10000);
    jobctl_says(2, "--to", "tenant move mv -c %s", pair.config);
    jobctl_says(0, "is there already", "tenant move mv -c %s --to a", pair.config);
    jobctl_says(3, "unknown", "tenant move nobody -c %s --to a", pair.config);
    jobctl_says(1, "of its own", "tenant move t0 -c %s --to b --datasource a", pair.config);
    jobctl_says(2, "same datasource", "tenant move mv -c %s --to a --datasource a", pair.config);
    jobctl_says(1, "not being moved", "tenant move mv -c %s --to b --cancel", pair.config);
    jobctl_says(0, "is moved to b", "tenant move mv -c %s --to b --events-for 0", pair.config);
    move_assert_done(&pair, before);
    free(before);
}

static void back_again(void **state) {
    (void)state;
    struct move_pair pair = move_pair_new();
    move_fill(&pair);
    test_sql(pair.a, "update jobs.t_tenant set state = 'PAUSED' where tenant = 'mv'");
    test_sql(pair.b, "alter sequence jobs.t_job_ready_seq_seq restart 100000");
    char *before = move_picture(pair.a);
    jobctl_says(0, "", "tenant move mv -c %s --to b --events-for 0", pair.config);
    jobctl_says(0, "", "tenant move mv -c %s --to a --events-for 0", pair.config);
    jobctl_says(0, "", "tenant move mv -c %s --to b --events-for 0", pair.config);
    move_assert_done(&pair, before);
    free(before);
}

static void what_runs_is_waited_for(void **state) {
    (void)state;
    struct move_pair pair = move_pair_new();
    struct store_fixture f = {.url = pair.a, .s = {.db = store_connect(pair.a)}};
    struct job_uuid id;
    move_fill(&pair);
    store_create(&f.s, "mv", &id);
    store_move(&f, id.text, JOB_RUNNING);
    char *before = move_picture(pair.a);
    jobctl_says(1, "1 jobs still run", "tenant move mv -c %s --to b --timeout 300ms --events-for 0",
                pair.config);
    jobctl_says(1, "is being moved", "tenant set mv --weight 3 -c %s --datasource a", pair.config);
    jobctl_says(1, "is being moved", "tenant remove mv -c %s --datasource a --force", pair.config);
    jobctl_says(1, "maintenance", "submit noop -t mv -c %s --datasource a", pair.config);
    jobctl_says(1, "still run", "tenant move mv -c %s --to b --stop --timeout 300ms", pair.config);
    assert_int_equal(count_jobs(pair.a, "stop_requested and status = 'RUNNING'"), 1);
    jobctl_says(0, "", "tenant move mv -c %s --to b --cancel", pair.config);
    char *after = move_picture(pair.a);
    test_sql(pair.a, "select 1");
    assert_non_null(strstr(after, "7999ACTIVE{}"));
    free(after);
    free(before);
    PQfinish(f.s.db);
    unlink(pair.config);
}

/* The target's numbers are drawn and never set: two jobs could have the same one. */
static void places_are_lowered(void **state) {
    (void)state;
    struct move_pair pair = move_pair_new();
    test_sql(pair.a, "alter sequence jobs.t_job_ready_seq_seq restart 1000000");
    move_fill(&pair);
    char *before = move_picture(pair.a);
    jobctl_says(0, "is moved to b", "tenant move mv -c %s --to b --events-for 0", pair.config);
    move_assert_done(&pair, before);
    assert_int_equal(test_sql_integer(pair.b, "select count(*) from jobs.t_job_ready_seq_seq "
                                              "where last_value < 1000"),
                     1);
    free(before);
}

static int up(void **state) {
    (void)state;
    jobctl_use(BUILD_DIR "/bin");
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_along),
        cmocka_unit_test(back_again),
        cmocka_unit_test(what_runs_is_waited_for),
        cmocka_unit_test(places_are_lowered),
    };
    return cmocka_run_group_tests(tests, up, NULL);
}
