#include "tests/unit/temporary.h"

#include "module/base/buf.h"
#include "module/worker/loader.h"
#include "module/worker/remove_tree.h"
#include "module/worker/run.h"

#define PLUGINS BUILD_DIR "/tests/plugins"

static void keep(void *arg, int level, const char *tenant, const char *id, const char *text) {
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_true(!tenant && !id);
    buf_format(arg, "%s\n", text);
}

static void expect(const struct buf *log, const char *a, const char *b) {
    const char *line = strstr(buf_get(log), a);
    if (!line)
        fail_msg("'%s' is not in the log:\n%s", a, buf_get(log));
    const char *end = strchr(line, '\n'), *found = strstr(line, b);
    if (!found || found > end)
        fail_msg("'%s' does not follow '%s' in the log:\n%s", b, a, buf_get(log));
}

static struct classes *load_all(struct buf *text) {
    struct log log = {.level = LOG_LEVEL_DEBUG, .sink = keep, .arg = text};
    struct classes *classes = classes_new();
    struct jobs_error err;
    if (loader_add_directory(classes, PLUGINS, &log, &err) < 0)
        fail_msg("%s", err.text);
    return classes;
}

static void loads_the_good_and_names_the_bad(void **state) {
    (void)state;
    struct buf text = {0};
    struct classes *classes = load_all(&text);
    assert_int_equal(classes_count(classes), 3);
    assert_non_null(classes_find(classes, "plugin-survivor"));
    const struct class_entry *count = classes_find(classes, "plugin-count");
    assert_non_null(count);
    assert_string_equal(count->origin, PLUGINS "/good.so");
    assert_int_equal(count->class->attempts, 3);
    assert_non_null(classes_find(classes, "plugin-shared"));

    expect(&text, "bad_classes.so", "a class struct of 0 bytes is of no release");
    expect(&text, "bad_classes.so: bad class name", "'bad name'");
    expect(&text, "class plugin-idle", "bad_classes.so) has no run function");
    expect(&text, "empty.so", "job_classes is empty");
    expect(&text, "no_symbol.so", "exports no job_classes");
    expect(&text, "class name plugin-count", "taken.so is taken already, by " PLUGINS "/good.so");
    expect(&text, "text.so", "cannot be loaded");
    expect(&text, "unresolved.so", "function_that_nobody_has");
    int lines = 0;
    for (const char *p = buf_get(&text); *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 8);
    /* Jobs that ask for them are told. */
    assert_non_null(strstr(classes_why_not(classes, "no_symbol"), "exports no job_classes"));
    assert_non_null(strstr(classes_why_not(classes, "bad_classes"), "0 bytes is of no release"));
    assert_null(classes_why_not(classes, "good"));
    classes_free(classes);
    buf_done(&text);
}

static struct job *execute(struct classes *classes, const char *name, const char *parameters) {
    struct run_order order = {.id = "1",
                              .tenant = "t",
                              .class_name = name,
                              .parameters = parameters};
    const struct class_entry *entry = classes_find(classes, name);
    assert_non_null(entry);
    struct job *job = run_new(&order, entry->class, entry->shared);
    run_execute(job);
    return job;
}

static void a_loaded_class_runs(void **state) {
    (void)state;
    struct buf text = {0};
    struct classes *classes = load_all(&text);
    assert_int_equal(classes_open(classes, NULL), 0);
    struct job *job = execute(classes, "plugin-count", "{\"to\": 1000}");
    assert_int_equal(run_outcome(job)->end, RUN_SUCCEEDED);
    assert_string_equal(run_outcome(job)->result, "1000");
    assert_string_equal(run_outcome(job)->result_class_name, "Count");
    run_free(job);
    job = execute(classes, "plugin-count", "{\"to\": \"x\"}");
    assert_string_equal(run_outcome(job)->error_kind, "PARAMETER");
    run_free(job);
    job = execute(classes, "plugin-shared", "{}");
    assert_int_equal(run_outcome(job)->end, RUN_SUCCEEDED);
    run_free(job);
    classes_free(classes); /* calls close() before the code goes */
    buf_done(&text);
}

static void one_file_gives_its_first_error(void **state) {
    (void)state;
    struct classes *classes = classes_new();
    struct jobs_error err;
    size_t added = 9;
    assert_int_equal(loader_add_file(classes, PLUGINS "/good.so", &added, &err), 0);
    assert_int_equal(added, 2);
    assert_int_equal(loader_add_file(classes, PLUGINS "/bad_classes.so", &added, &err),
                     JOBS_EINVAL);
    assert_int_equal(added, 1);
    assert_non_null(strstr(err.text, "0 bytes"));
    assert_int_equal(loader_add_file(classes, PLUGINS "/none.so", NULL, &err), JOBS_EINVAL);
    assert_non_null(strstr(err.text, PLUGINS "/none.so cannot be loaded"));
    assert_int_equal(loader_add_file(classes, PLUGINS "/none.so", &added, NULL), JOBS_EINVAL);
    assert_int_equal(added, 0);
    classes_free(classes);
}

static void a_directory_may_be_absent_from_the_settings_only(void **state) {
    (void)state;
    struct classes *classes = classes_new();
    struct jobs_error err;
    assert_int_equal(loader_add_directory(classes, NULL, NULL, &err), 0);
    assert_int_equal(loader_add_directory(classes, "", NULL, &err), 0);
    assert_int_equal(loader_add_directory(classes, "/no/such/directory", NULL, &err), JOBS_ECONFIG);
    assert_non_null(strstr(err.text, "class directory /no/such/directory"));
    char base[256];
    temporary_make(base);
    assert_int_equal(loader_add_directory(classes, base, NULL, &err), 0);
    temporary_file(base, "x.so", "x", 1);
    assert_int_equal(loader_add_directory(classes, base, NULL, &err), 0); /* without a log too */
    assert_int_equal(classes_count(classes), 0);
    assert_int_equal(remove_tree(AT_FDCWD, base), 0);
    classes_free(classes);
}

static void the_example_counts_primes(void **state) {
    (void)state;
    struct classes *classes = classes_new();
    struct jobs_error err;
    if (loader_add_file(classes, EXAMPLE_FILE, NULL, &err) < 0)
        fail_msg("%s", err.text);
    struct job *job = execute(classes, "prime-count", "{\"limit\": 100000}");
    assert_string_equal(run_outcome(job)->result, "{\"primes\": 9592, \"largest\": 99991}");
    run_free(job);
    job = execute(classes, "prime-count", "{\"limit\": 1}");
    assert_int_equal(run_outcome(job)->end, RUN_FAILED_FOR_GOOD);
    run_free(job);
    struct run_order order = {.id = "1",
                              .parameters = "{\"limit\": 100, \"pause\": 3600000}",
                              .timeout = 20};
    job = run_new(&order, classes_find(classes, "prime-count")->class, NULL);
    run_execute(job);
    assert_string_equal(run_outcome(job)->error_kind, "TIMEOUT");
    assert_in_range(run_percent(job), 1, 99);
    run_free(job);
    classes_free(classes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_the_good_and_names_the_bad),
        cmocka_unit_test(a_loaded_class_runs),
        cmocka_unit_test(the_example_counts_primes),
        cmocka_unit_test(one_file_gives_its_first_error),
        cmocka_unit_test(a_directory_may_be_absent_from_the_settings_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
