/* The programs in examples/programs, their kits, and the conformance test, which must also find what is wrong. */
#include "tests/lib/children.h"
#include "tests/lib/program.h"
#include "tests/lib/servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PROGRAMS SOURCE_DIR "/examples/programs/"

static int down(void **state) {
    (void)state;
    children_down();
    return 0;
}

static void need(const char *interpreter) {
    if (access(interpreter, X_OK) != 0) {
        print_message("there is no %s here\n", interpreter);
        skip();
    }
}

static void conforms(const char *program, const char *parameters, int status, const char *line) {
    char *output;
    int is = program_run((const char *const[]){PROGRAMS "conformance", program, parameters, NULL},
                         &output);
    if (is != status || !strstr(output, line))
        fail_msg("%s: status %d: %s", program, is, output);
    free(output);
}

static void the_shell_program(void **state) {
    (void)state;
    need("/usr/bin/python3"); /* of the conformance test */
    children_directory();
    children_load(NULL, "jobs.class.down.command=" PROGRAMS "countdown.sh",
                  "jobs.class.down.env.SECONDS_PER_STEP=0.01", NULL);
    children_expect("down", "{\"steps\": 3}", 0, RUN_SUCCEEDED, NULL, NULL,
                    "{\"steps\": 3, \"attempt\": 2}");
    children_expect("down", "{}", 0, RUN_FAILED_FOR_GOOD, "ERROR", "steps is missing", NULL);
    conforms(PROGRAMS "countdown.sh", "{\"steps\": 1}", 0, "leave jobs.class.<name>.jobs at 1");
}

static void the_python_program(void **state) {
    (void)state;
    need("/usr/bin/python3");
    children_directory();
    children_load(NULL, "jobs.class.words.command=" PROGRAMS "word-count.py",
                  "jobs.class.stays.command=" PROGRAMS "word-count.py", "jobs.class.stays.jobs=100",
                  NULL);
    for (int i = 0; i < 3; i++) {
        const char *name = i == 0 ? "words" : "stays";
        children_expect(name, "{\"text\":\"a b a\"}", 0, RUN_SUCCEEDED, NULL, NULL,
                        "{\"words\": 3, \"top\": [[\"a\", 2], [\"b\", 1]]}");
        children_expect(name, "{}", 0, RUN_FAILED_FOR_GOOD, "ERROR", "text is missing", NULL);
        children_expect(name, "{\"text\":\"a\",\"top\":\"x\"}", 0, RUN_FAILED, "ERROR", "TypeError",
                        NULL);
    }
    conforms(PROGRAMS "word-count.py", "{\"text\": \"a b a\"}", 0,
             "staying, it leaves no process behind");
}

static void the_node_program(void **state) {
    (void)state;
    int failed;
    need("/usr/bin/node");
    children_directory();
    children_load(NULL, "jobs.class.primes.command=" PROGRAMS "primes.mjs",
                  "jobs.class.stays.command=" PROGRAMS "primes.mjs", "jobs.class.stays.jobs=100000",
                  NULL);
    children_expect("primes", "{\"limit\":1000}", 0, RUN_SUCCEEDED, NULL, NULL, "{\"primes\":168}");
    children_expect("primes", "{\"limit\":-1}", 0, RUN_FAILED_FOR_GOOD, "ERROR", "limit is missing",
                    NULL);
    children_expect("stays", "{\"limit\":1000}", 0, RUN_SUCCEEDED, NULL, NULL, "{\"primes\":168}");
    children_run_many("stays", "{\"limit\":10}", 2, 100, 0, NULL, &failed); /* both are started */
    double rate = children_run_many("stays", "{\"limit\":10}", 2, 4000 / test_time_factor(), 0,
                                    NULL, &failed);
    assert_int_equal(failed, 0);
    print_message("jobs/s of Node programs that stay, 2 slots: %.0f\n", rate);
    rate = children_run_many("primes", "{\"limit\":10}", 2, 6, 0, NULL, &failed);
    print_message("jobs/s with a Node process each, 2 slots: %.0f\n", rate);
    conforms(PROGRAMS "primes.mjs", "{\"limit\": 100}", 0, "staying, it leaves no process behind");
}

static void conformance_finds_what_is_wrong(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"#!/bin/sh\nexit 1\n", "FAIL  the job succeeds: exit code 1"},
        {"#!/bin/sh\necho hello >&3\n", "FAIL  every answer line is a JSON object: b'hello'"},
        {"#!/bin/sh\necho '{\"count\":\"x\"}' >&3\n",
         "FAIL  values have the right types: count is 'x'"},
        {"#!/bin/sh\nsleep 100 >&- 2>&- 3>&- &\n", "FAIL  it leaves no process behind"},
        {"#!/bin/sh\nread -r line; [ \"${line%%x*}\" = \"$line\" ] && kill -9 $$; exit 0\n",
         "FAIL  without parameters no signal"},
        {"#!/bin/sh\ntrap '' TERM\ncat >&2\n", "FAIL  it ends within 5 s of SIGTERM"},
        {"#!/bin/sh\nread -r line; echo '{\"end\":true}' >&3\n",
         "FAIL  it says {\"end\":true} for each of several jobs"},
    };
    need("/usr/bin/python3");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[300];
        children_script("bad", cases[i][0]);
        snprintf(path, sizeof path, "%s/bad", children_directory());
        conforms(path, "{\"x\": \"x\"}", 1, cases[i][1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_shell_program, down),
        cmocka_unit_test_teardown(the_python_program, down),
        cmocka_unit_test_teardown(the_node_program, down),
        cmocka_unit_test_teardown(conformance_finds_what_is_wrong, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
