/* libjobs.so shows the functions of <jobs.h> and nothing else: every other name belongs to the
 * program that links it. */
#include "module/base/table.h"
#include "tests/lib/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Lines of nm: "<name> T <address> <size>". */
static char *symbols(void) {
    char *text;
    int status = program_run((const char *const[]){"nm", "-D", "--defined-only", "--format=posix",
                                                   BUILD_DIR "/module/libjobs.so", NULL},
                             &text);
    if (status != 0)
        print_error("%s", text);
    assert_int_equal(status, 0);
    return text;
}

static bool has_our_prefix(const char *name) {
    return strncmp(name, "job_", 4) == 0 || strncmp(name, "jobs_", 5) == 0 ||
           strncmp(name, "JOBS_", 5) == 0;
}

static void only_our_prefixes_are_exported(void **state) {
    (void)state;
    char *text = symbols();
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;) {
        char *name = strsep(&line, " ");
        if (!has_our_prefix(name))
            print_error("%s is exported\n", name);
        assert_true(has_our_prefix(name));
    }
    free(text);
}

static void what_the_header_declares_is_there(void **state) {
    (void)state;
    static const char *const names[] = {
        "job_id",          "job_string",    "job_advance_completion",    "job_succeed",
        "job_fail",        "job_snooze",    "job_info_create_as_queued", "job_info_list",
        "job_info_stop",   "job_info_wait", "job_service_start",         "job_service_reload",
        "job_service_stop"};
    char *text = symbols();
    struct table seen = {0};
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;)
        table_put(&seen, strsep(&line, " "), text);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!table_get(&seen, names[i]))
            print_error("%s is missing\n", names[i]);
        assert_non_null(table_get(&seen, names[i]));
    }
    table_done(&seen, NULL);
    free(text);
}

/* Who only submits and reads jobs gets no broker and no HTTP server with it. */
static void the_client_needs_libpq_alone(void **state) {
    (void)state;
    char *text;
    int status = program_run((const char *const[]){"readelf", "-d",
                                                   BUILD_DIR "/module/libjobs-client.so", NULL},
                             &text);
    assert_int_equal(status, 0);
    size_t needed = 0;
    for (const char *p = text; (p = strstr(p, "(NEEDED)")); p++) {
        size_t line = strcspn(p, "\n");
        bool known = memmem(p, line, "[libpq.so", 9) || memmem(p, line, "[libc.so", 8) ||
                     memmem(p, line, "san.so", 6) || memmem(p, line, "[libgcc_s", 9);
        if (!known)
            print_error("%.*s\n", (int)line, p);
        assert_true(known);
        needed++;
    }
    assert_true(needed >= 2);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_our_prefixes_are_exported),
        cmocka_unit_test(what_the_header_declares_is_there),
        cmocka_unit_test(the_client_needs_libpq_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
