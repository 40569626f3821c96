/* A move that is killed is taken up again, or back, at every step; of two at once one does it. */
#include "tests/lib/audit.h"
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void killed_at_every_step(void **state) {
    (void)state;
    static const char *const names[] = {"marked", "copying", "arrived", "left", "activated"};
    for (int step = MOVE_MARKED; step < MOVE_STEPS; step++) {
        struct move_pair pair = move_pair_new();
        move_fill(&pair);
        char *before = move_picture(pair.a);
        move_kill_at(&pair, step);
        print_message("killed when %s\n", names[step]);
        if (step == MOVE_ARRIVED) { /* nobody changes what is not decided */
            jobctl_says(1, "arriving", "stop -t mv -c %s --datasource b --all", pair.config);
            char *id = test_sql_value(pair.b, "select id from jobs.t_job_ready where tenant = 'mv' "
                                              "limit 1");
            jobctl_says(1, "arriving", "stop -t mv -c %s --datasource b %s", pair.config, id);
            free(id);
            audit(pair.b);
        }
        jobctl_says(0, "is moved to b", "tenant move mv -c %s --to b --datasource a --events-for 0",
                    pair.config);
        move_assert_done(&pair, before);
        free(before);
    }
}

/* Of a process that was killed the last statement may still be carried out, beside who moves on. */
static void two_go_on_at_once(void **state) {
    (void)state;
    struct move_pair pair = move_pair_new();
    move_fill(&pair);
    char *before = move_picture(pair.a);
    struct pg_conn *here = store_connect(pair.a);
    store_sql(here, "begin; select jobs.job_submit('t0', 'noop')");
    pid_t one = move_start(&pair);
    move_wait_phase(pair.a, "LEAVING");
    struct pg_conn *source = move_hold(pair.a, "t_tenant");
    move_let_go(here);
    move_wait_blocked(pair.a, "t_tenant");
    struct pg_conn *target = move_hold(pair.b, "t_tenant");
    move_let_go(source);
    move_wait_phase(pair.a, "LEFT");
    pid_t other = move_start(&pair);
    assert_true(test_wait_sql(pair.b, LONG_MS,
                              "select count(*) = 2 from pg_locks where not granted and relation = "
                              "'jobs.t_tenant'::regclass"));
    move_let_go(target);
    move_assert_ends_well(one);
    move_assert_ends_well(other);
    move_assert_done(&pair, before);
    free(before);
}

static void cancelled_after_a_kill(void **state) {
    (void)state;
    for (int step = MOVE_MARKED; step <= MOVE_HAS_LEFT; step++) {
        struct move_pair pair = move_pair_new();
        move_fill(&pair);
        char *before = move_picture(pair.a);
        move_kill_at(&pair, step);
        if (step == MOVE_HAS_LEFT) {
            jobctl_says(1, "has left already",
                        "tenant move mv -c %s --to b --datasource a --cancel", pair.config);
        } else {
            jobctl_says(0, "", "tenant move mv -c %s --to b --datasource a --cancel", pair.config);
            char *after = move_picture(pair.a);
            assert_string_equal(before, after);
            free(after);
            after = move_picture(pair.b);
            assert_string_equal(after ? after : "", "");
            free(after);
            audit(pair.a);
            audit(pair.b);
        }
        free(before);
        unlink(pair.config);
    }
}

/* Two at once: one of them does it, the other says so or finds it done. */
static void two_movers(void **state) {
    (void)state;
    struct move_pair pair = move_pair_new();
    move_fill(&pair);
    char *before = move_picture(pair.a);
    pid_t pids[2] = {move_start(&pair), move_start(&pair)};
    for (int i = 0; i < 2; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
    }
    if (test_sql_integer(pair.a, "select count(*) from jobs.t_tenant where tenant = 'mv'") > 0)
        jobctl_says(0, "", "tenant move mv -c %s --to b --datasource a --events-for 0",
                    pair.config);
    move_assert_done(&pair, before);
    free(before);
}

static int up(void **state) {
    (void)state;
    jobctl_use(BUILD_DIR "/bin");
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_every_step),
        cmocka_unit_test(two_go_on_at_once),
        cmocka_unit_test(cancelled_after_a_kill),
        cmocka_unit_test(two_movers),
    };
    return cmocka_run_group_tests(tests, up, NULL);
}
