/* The command line of jobsd, as far as no server is needed: what it prints and its exit status. */
#include "module/base/buf.h"
#include "module/base/mem.h"
#include "tests/lib/program.h"
#include "tests/unit/unit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOBSD BUILD_DIR "/bin/jobsd"
#define JOBSD_SAYS(expected, status, ...) \
    says(expected, status, (const char *[]){JOBSD, __VA_ARGS__, NULL})

static char *run(int status, const char *const *argv) {
    char *output = NULL;
    int got = program_run(argv, &output);
    if (got != status)
        fail_msg("exit status %d instead of %d, output: %s", got, status, output);
    return output;
}

/* The output holds `expected`. */
static void says(const char *expected, int status, const char *const *argv) {
    char *output = run(status, argv);
    if (!strstr(output, expected))
        fail_msg("\"%s\" is not in: %s", expected, output);
    free(output);
}

/* The environment of who runs the tests may hold settings. */
static int forget_settings(void **state) {
    (void)state;
    for (char **variable = environ; *variable;) {
        char *name = mem_text_n(*variable, strcspn(*variable, "="));
        if (strncmp(name, "JOBS_", 5) == 0)
            unsetenv(name); /* the next one moves here */
        else
            variable++;
        free(name);
    }
    return 0;
}

static void test_wrong_usage(void **state) {
    (void)state;
    JOBSD_SAYS("unexpected argument \"start\"", 2, "start");
    JOBSD_SAYS("unrecognized option '--nonsense'", 2, "--nonsense");
    JOBSD_SAYS("requires an argument", 2, "--check", "--set");
    JOBSD_SAYS("--help", 2, "-x");
}

static void test_version(void **state) {
    (void)state;
    JOBSD_SAYS("jobsd " JOBS_VERSION, 0, "--version");
}

static void test_wrong_configuration(void **state) {
    (void)state;
    JOBSD_SAYS("no datasource: set jobs.datasource.<name>.url", 78, "--check");
    JOBSD_SAYS("setting: jobs.pool.size: \"0\" is not", 78, "--check", "--set", "jobs.pool.size=0");
    JOBSD_SAYS("cannot read /nowhere/jobsd.properties: No such file", 78, "-c",
               "/nowhere/jobsd.properties", "--print-config");
    /* The same without --check: it must not start. */
    JOBSD_SAYS("no datasource: set jobs.datasource.<name>.url", 78, "--set", "jobs.pool.size=1");
    JOBSD_SAYS("setting: unknown key jobs.pool.sise", 78, "--set", "jobs.pool.sise=1");
}

static void test_good_configuration(void **state) {
    (void)state;
    JOBSD_SAYS("The configuration is good.", 0, "--set", "jobs.datasource.a.url=host=h", "--check");
    setenv("JOBS_DATASOURCE_A_URL", "postgresql://u:secret@h/d", 1);
    setenv("JOBS_PORT", "tcp://10.0.0.1:80", 1);
    JOBSD_SAYS("environment JOBS_PORT: no such setting, ignored", 0, "--check");
    char *output = run(0, (const char *[]){JOBSD, "--print-config", NULL});
    assert_non_null(strstr(output, "jobs.datasource.a.url = postgresql://u:***@h/d"));
    assert_null(strstr(output, "secret"));
    free(output);
    unsetenv("JOBS_DATASOURCE_A_URL");
    unsetenv("JOBS_PORT");
}

static char *read_file(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("cannot read %s", path);
    struct buf text = {0};
    for (int c; (c = getc(file)) != EOF;)
        buf_char(&text, (char)c);
    fclose(file);
    return buf_take(&text);
}

static void same_as(const char *path, const char *option) {
    char *file = read_file(path), *output = run(0, (const char *[]){JOBSD, option, NULL});
    assert_string_equal(output, file);
    free(file);
    free(output);
}

static void test_sample_and_manual(void **state) {
    (void)state;
    same_as(SOURCE_DIR "/docs/jobsd.properties.sample", "--sample");
    same_as(SOURCE_DIR "/docs/configuration.md", "--manual");
}

/* Every --option of --help is in the man page, where - is written \-. */
static void test_man_page_has_all_options(void **state) {
    (void)state;
    char *help = run(0, (const char *[]){JOBSD, "--help", NULL});
    char *page = read_file(SOURCE_DIR "/docs/man/jobsd.8");
    size_t count = 0;
    for (const char *p = help; (p = strstr(p, "--")); count++) {
        struct buf option = {0};
        for (; *p == '-' || isalpha((unsigned char)*p); p++)
            *p == '-' ? buf_text(&option, "\\-") : buf_char(&option, *p);
        if (!strstr(page, buf_get(&option)))
            fail_msg("%s is not in the man page", buf_get(&option));
        buf_done(&option);
    }
    assert_true(count >= 8);
    free(help);
    free(page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_usage),         cmocka_unit_test(test_version),
        cmocka_unit_test(test_wrong_configuration), cmocka_unit_test(test_good_configuration),
        cmocka_unit_test(test_sample_and_manual),   cmocka_unit_test(test_man_page_has_all_options),
    };
    return cmocka_run_group_tests(tests, forget_settings, NULL);
}
