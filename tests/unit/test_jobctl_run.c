/* jobctl run: one class, no servers. */
#include "tests/lib/jobctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int up(void **state) {
    (void)state;
    jobctl_use(BUILD_DIR "/bin");
    return 0;
}

static void outcome_is_the_exit_status(void **state) {
    (void)state;
    free(jobctl(0, "run noop"));
    jobctl_says(1, "FAILED ERROR: no paper", "run fail -p 'message=no paper'");
    jobctl_says(1, "FAILED PARAMETER", "run sleep -p ms=abc");
    jobctl_says(1, "FAILED TIMEOUT", "run sleep -p ms:=600000 --timeout 20ms");
    jobctl_says(3, "did you mean sleep?", "run slep");
    jobctl_says(2, "NAME=TEXT", "run sleep -p ms");
    jobctl_says(2, "no such",
                "run noop --classes-dir /no/such/directory 2>&1 | tr A-Z a-z; exit 2");
}

static void result_is_on_stdout(void **state) {
    (void)state;
    char *manifest = jobctl(0, "run sha256-manifest -p path=" SOURCE_DIR "/docs/man 2>/dev/null");
    char *sum = jobctl(0, "--version >/dev/null; sha256sum <" SOURCE_DIR "/docs/man/jobctl.1 | "
                          "cut -d' ' -f1");
    assert_non_null(strstr(manifest, sum));
    free(manifest), free(sum);
    assert_int_equal(jobctl_lines("\"status\":\"SUCCEEDED\"",
                                  "run file-stats -p path=" SOURCE_DIR "/docs/man 2>/dev/null"),
                     1);
}

static void ctrl_c_asks_the_run_to_stop(void **state) {
    (void)state;
    char said[] = "/tmp/jobctl-test.XXXXXX";
    int fd = mkstemp(said);
    assert_true(fd >= 0);
    close(fd);
    /* Not before it runs: it has shown some progress. */
    jobctl_says(1, "ABORTED",
                "run sleep -p ms:=20000 2>%s & run=$!; until grep -q %% %s; do sleep 0.01; done; "
                "kill -TERM $run; wait $run; status=$?; cat %s; exit $status",
                said, said, said);
    unlink(said);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcome_is_the_exit_status),
        cmocka_unit_test(result_is_on_stdout),
        cmocka_unit_test(ctrl_c_asks_the_run_to_stop),
    };
    return cmocka_run_group_tests(tests, up, NULL);
}
