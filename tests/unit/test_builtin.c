#include "tests/unit/temporary.h"

#include "module/base/buf.h"
#include "module/base/mem.h"
#include "module/base/text.h"
#include "module/worker/builtin.h"
#include "module/worker/remove_tree.h"
#include "module/worker/run.h"

#include <json-c/json.h>

static char tree[256], outside[256];
static struct classes *classes;

static void write_text(const char *name, const char *text) {
    temporary_file(tree, name, text, strlen(text));
}

static int make_tree(void **state) {
    (void)state;
    struct jobs_error err;
    temporary_make(tree);
    temporary_make(outside);
    temporary_file(outside, "secret", "s", 1);
    classes = classes_new();
    if (builtin_add(classes, tree, tree, &err) < 0)
        fail_msg("%s", err.text);
    return 0;
}

static int remove_all(void **state) {
    (void)state;
    classes_free(classes);
    return remove_tree(AT_FDCWD, tree) | remove_tree(AT_FDCWD, outside);
}

/* Executes a class; the parameters as JSON text. */
static struct job *execute(const char *class_name, const char *parameters) {
    struct run_order order = {.id = "1",
                              .tenant = "t",
                              .class_name = class_name,
                              .parameters = parameters};
    const struct class_entry *entry = classes_find(classes, class_name);
    assert_non_null(entry);
    struct job *job = run_new(&order, entry->class, entry->shared);
    run_execute(job);
    return job;
}

static struct job *execute_path(const char *class_name, const char *path) {
    struct buf parameters = {0};
    buf_text(&parameters, "{\"path\":"), buf_json_string(&parameters, path),
        buf_char(&parameters, '}');
    struct job *job = execute(class_name, buf_get(&parameters));
    buf_done(&parameters);
    return job;
}

static struct json_object *result_of(const struct job *job) {
    const struct run_outcome *out = run_outcome(job);
    if (out->end != RUN_SUCCEEDED)
        fail_msg("%s: %s", out->error_kind, out->error);
    struct json_object *result = json_tokener_parse(out->result);
    assert_non_null(result);
    return result;
}

static struct json_object *member(struct json_object *object, const char *name) {
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(object, name, &value))
        fail_msg("no member %s in %s", name, json_object_to_json_string(object));
    return value;
}

static int64_t number(struct json_object *object, const char *name) {
    return json_object_get_int64(member(object, name));
}

static const char *text(struct json_object *object, const char *name) {
    return json_object_get_string(member(object, name));
}

static void expect_failure(struct job *job, enum run_end end, const char *word) {
    const struct run_outcome *out = run_outcome(job);
    assert_int_equal(out->end, end);
    if (!strstr(out->error, word))
        fail_msg("'%s' is not in: %s", word, out->error);
    run_free(job);
}

/* ---- the small ones ---- */

static void noop_and_fail_do_as_they_say(void **state) {
    (void)state;
    struct job *job = execute("noop", "{\"anything\": [1]}");
    assert_int_equal(run_outcome(job)->end, RUN_SUCCEEDED);
    run_free(job);
    expect_failure(execute("fail", "{}"), RUN_FAILED, "failed as asked");
    expect_failure(execute("fail", "{\"message\": \"100% \\u00fc\"}"), RUN_FAILED, "100% \xc3\xbc");
    expect_failure(execute("fail", "{\"mesage\": \"x\"}"), RUN_FAILED_FOR_GOOD, "similar: message");
}

static void sleep_sleeps(void **state) {
    (void)state;
    struct job *job = execute("sleep", "{\"ms\": 25}");
    assert_int_equal(run_outcome(job)->end, RUN_SUCCEEDED);
    run_free(job);
    expect_failure(execute("sleep", "{\"ms\": -1}"), RUN_FAILED_FOR_GOOD, "negative");
    expect_failure(execute("sleep", "{}"), RUN_FAILED_FOR_GOOD, "'ms' is missing");
    struct run_order order = {.id = "1",
                              .parameters = "{\"ms\": 9223372036854775807}",
                              .timeout = 20};
    job = run_new(&order, classes_find(classes, "sleep")->class, NULL);
    run_execute(job);
    assert_string_equal(run_outcome(job)->error_kind, "TIMEOUT");
    run_free(job);
}

/* ---- sha256-manifest ---- */

static void fill_tree(void) {
    char *large = mem_alloc(300000);
    for (int i = 0; i < 300000; i++)
        large[i] = (char)(i * 7 + i / 256);
    temporary_directory(tree, "sub");
    temporary_directory(tree, "sub/empty");
    temporary_directory(tree, "sub/deeper");
    temporary_file(tree, "sub/large.bin", large, 300000);
    write_text("empty.txt", "");
    write_text("with space.txt", "a");
    write_text("quote\"s'.txt", "b");
    write_text("line\nbreak\tand\x01.txt", "c");
    write_text("back\\slash", "d");
    write_text("gr\xc3\xbc\xc3\x9f", "e");
    write_text("caf\xe9 \\ back", "f");
    write_text("sub/deeper/\xff\xfe", "g");
    write_text("-n", "h");
    temporary_link(tree, "link-to-file", "empty.txt");
    temporary_link(tree, "link-out", outside);
    temporary_link(tree, "link-nowhere", "/no/such/file");
    temporary_link(tree, "sub/loop", "..");
    assert_int_equal(mknodat(AT_FDCWD, "/dev/null/x", S_IFIFO, 0),
                     -1); /* no fifo can be made there */
    char fifo[300];
    snprintf(fifo, sizeof fifo, "%s/fifo", tree);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    free(large);
}

/* Looks a name of sha256sum up in the manifest. In this tree no name has both good and bad UTF-8.
 */
static const char *manifest_sum(struct json_object *manifest, const char *name) {
    if (text_is_utf8(name, strlen(name)))
        return text(member(manifest, "sha256"), name);
    struct buf escaped = {0};
    for (; *name; name++)
        if ((unsigned char)*name >= 0x80)
            buf_format(&escaped, "\\x%02x", (unsigned char)*name);
        else
            buf_text(&escaped, *name == '\\' ? "\\\\" : (const char[]){*name, '\0'});
    const char *sum = text(member(manifest, "sha256_escaped"), buf_get(&escaped));
    buf_done(&escaped);
    return sum;
}

/* Compares with what sha256sum prints for every regular file; -z leaves names as they are. */
static void compare_with_sha256sum(struct json_object *manifest, const char *directory) {
    char command[500], line[5000];
    snprintf(command, sizeof command, "cd '%s' && find . -type f -exec sha256sum -z -- {} +",
             directory);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    int64_t files = 0;
    for (size_t n = 0;; n = 0) {
        int c;
        while ((c = getc(output)) > 0 && n < sizeof line - 1)
            line[n++] = (char)c;
        line[n] = '\0';
        if (c < 0)
            break;
        const char *name = line + 64 + 4; /* two spaces and "./" */
        line[64] = '\0';
        assert_string_equal(manifest_sum(manifest, name), line);
        files++;
    }
    assert_int_equal(pclose(output), 0);
    assert_true(files > 0);
    assert_int_equal(number(manifest, "files"), files);
}

static void manifest_equals_sha256sum(void **state) {
    (void)state;
    fill_tree();
    struct job *job = execute_path("sha256-manifest", tree);
    struct json_object *manifest = result_of(job);
    assert_string_equal(run_outcome(job)->result_class_name, "sha256-manifest");
    assert_string_equal(text(manifest, "path"), tree);
    assert_int_equal(number(manifest, "bytes"), 300000 + 8);
    assert_int_equal(json_object_object_length(member(manifest, "sha256")), 8);
    struct json_object *escaped = member(manifest, "sha256_escaped");
    assert_int_equal(json_object_object_length(escaped), 2);
    assert_int_equal(strlen(text(escaped, "caf\\xe9 \\\\ back")), 64);
    assert_int_equal(strlen(text(escaped, "sub/deeper/\\xff\\xfe")), 64);
    compare_with_sha256sum(manifest, tree);
    /* The same tree gives the same text. */
    struct job *again = execute_path("sha256-manifest", "");
    assert_string_equal(run_outcome(again)->result, run_outcome(job)->result);
    run_free(again);
    json_object_put(manifest);
    run_free(job);
}

static void manifest_of_part_of_the_tree(void **state) {
    (void)state;
    char path[300];
    fill_tree();
    snprintf(path, sizeof path, "%s/sub/empty", tree);
    struct job *job = execute_path("sha256-manifest", path);
    struct json_object *manifest = result_of(job);
    assert_int_equal(number(manifest, "files"), 0);
    assert_int_equal(json_object_object_length(member(manifest, "sha256")), 0);
    assert_false(json_object_object_get_ex(manifest, "sha256_escaped", NULL));
    json_object_put(manifest);
    run_free(job);

    snprintf(path, sizeof path, "%s/sub", tree);
    temporary_link(tree, "link-inside", path);
    job = execute_path("sha256-manifest", "link-inside//.");
    manifest = result_of(job);
    assert_string_equal(text(manifest, "path"), path);
    compare_with_sha256sum(manifest, path);
    json_object_put(manifest);
    run_free(job);
}

static void refuses_paths_outside(void **state) {
    (void)state;
    fill_tree();
    char sibling[300], above[300], secret[300];
    snprintf(sibling, sizeof sibling, "%sx", tree); /* begins with the same letters */
    snprintf(above, sizeof above, "%s/sub/../..", tree);
    snprintf(secret, sizeof secret, "%s/secret", outside);
    const char *const bad[] = {"/",         "/etc",         outside,        secret,     sibling,
                               above,       "..",           "sub/../../..", "link-out", "no/such",
                               "empty.txt", "link-nowhere", "/no/such/",    "fifo"};
    static const char *const names[] = {"sha256-manifest", "file-stats"};
    for (size_t n = 0; n < 2; n++)
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            char message[700];
            snprintf(message, sizeof message, "path '%s' is no readable directory below %s", bad[i],
                     tree);
            expect_failure(execute_path(names[n], bad[i]), RUN_FAILED_FOR_GOOD, message);
        }
}

/* 126 bytes: with the sum 196 bytes of the manifest. */
static void name_many(char name[static 300], const char *before, int i) {
    char filler[121];
    memset(filler, 'x', 120), filler[120] = '\0';
    snprintf(name, 300, "%.150s%05d-%s", before, i, filler);
}

static void manifest_over_the_limit_names_it(void **state) {
    (void)state;
    char name[300], many[300];
    temporary_directory(tree, "many");
    for (int i = 0; i < 5400; i++)
        name_many(name, "many/", i), write_text(name, "");
    struct job *job = execute_path("sha256-manifest", "many");
    assert_true(run_percent(job) == 0); /* found out before anything was hashed */
    expect_failure(job, RUN_FAILED, "limit of a result (1048576 bytes)");
    /* One that only just fits is a result. */
    snprintf(many, sizeof many, "%s/many/", tree);
    for (int i = 5340; i < 5400; i++)
        name_many(name, many, i), assert_int_equal(unlink(name), 0);
    job = execute_path("sha256-manifest", "many");
    json_object_put(result_of(job));
    assert_true(strlen(run_outcome(job)->result) > 5340 * 196);
    run_free(job);
}

static void stops_between_files_and_inside_large_ones(void **state) {
    (void)state;
    static const char *const names[] = {"sha256-manifest", "file-stats"};
    fill_tree();
    char large[300];
    snprintf(large, sizeof large, "%s/sparse", tree);
    write_text("sparse", "");
    assert_int_equal(truncate(large, (off_t)1 << 42), 0); /* takes hours to hash */
    for (size_t i = 0; i < 2; i++) {
        const struct class_entry *entry = classes_find(classes, names[i]);
        struct run_order order = {.id = "1",
                                  .parameters = "{\"path\": \"\"}",
                                  .timeout = i == 0 ? 30 : 0};
        struct job *job = run_new(&order, entry->class, entry->shared);
        if (i == 0) {
            run_execute(job);
            assert_string_equal(run_outcome(job)->error_kind, "TIMEOUT");
        } else { /* the class itself, for run_execute would not begin it */
            run_stop(job, RUN_STOP_REQUESTED);
            int aborted = entry->class->run(job);
            assert_int_equal(aborted, job_aborted(job));
        }
        run_free(job);
    }
}

/* ---- file-stats ---- */

static void stats_count_all_types(void **state) {
    (void)state;
    fill_tree();
    struct job *job = execute_path("file-stats", tree);
    struct json_object *stats = result_of(job);
    assert_string_equal(text(stats, "path"), tree);
    assert_int_equal(number(stats, "files"), 10);
    assert_int_equal(number(stats, "directories"), 3);
    assert_int_equal(number(stats, "symlinks"), 4);
    assert_int_equal(number(stats, "other"), 1);
    assert_int_equal(number(stats, "bytes"), 300008);
    assert_string_equal(text(member(stats, "largest"), "name"), "sub/large.bin");
    assert_int_equal(number(member(stats, "largest"), "bytes"), 300000);
    struct json_object *extensions = member(stats, "extensions");
    assert_int_equal(json_object_array_length(extensions), 3);
    static const struct {
        const char *extension;
        int64_t files, bytes;
    } expected[] = {{"bin", 1, 300000}, {"", 5, 5}, {"txt", 4, 3}};
    for (size_t i = 0; i < 3; i++) {
        struct json_object *row = json_object_array_get_idx(extensions, i);
        assert_string_equal(text(row, "extension"), expected[i].extension);
        assert_int_equal(number(row, "files"), expected[i].files);
        assert_int_equal(number(row, "bytes"), expected[i].bytes);
    }
    json_object_put(stats);
    run_free(job);
}

static void stats_show_twenty_extensions(void **state) {
    (void)state;
    char name[40], content[40];
    memset(content, 'x', sizeof content);
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "a.e%02d", i);
        temporary_file(tree, name, content, (size_t)i);
    }
    write_text(".hidden", "");
    write_text("a.too-long-to-be-the-extension-of-a-file", "");
    struct job *job = execute_path("file-stats", "");
    struct json_object *stats = result_of(job), *extensions = member(stats, "extensions");
    assert_int_equal(json_object_array_length(extensions), 20);
    assert_string_equal(text(json_object_array_get_idx(extensions, 0), "extension"), "e29");
    assert_string_equal(text(json_object_array_get_idx(extensions, 19), "extension"), "e10");
    json_object_put(stats);
    run_free(job);
}

static void stats_of_nothing(void **state) {
    (void)state;
    struct job *job = execute_path("file-stats", ".");
    struct json_object *stats = result_of(job), *largest;
    assert_int_equal(number(stats, "files"), 0);
    assert_true(json_object_object_get_ex(stats, "largest", &largest) && !largest);
    assert_int_equal(json_object_array_length(member(stats, "extensions")), 0);
    json_object_put(stats);
    run_free(job);
}

/* ---- which are offered ---- */

static void without_a_root_a_class_is_not_offered(void **state) {
    (void)state;
    struct classes *some = classes_new();
    assert_int_equal(builtin_add(some, NULL, "", NULL), 0);
    assert_int_equal(classes_count(some), 3);
    assert_null(classes_find(some, "sha256-manifest"));
    classes_free(some);
    some = classes_new();
    assert_int_equal(builtin_add(some, NULL, tree, NULL), 0);
    assert_int_equal(classes_count(some), 4);
    assert_non_null(classes_find(some, "file-stats"));
    classes_free(some);
}

static void a_root_must_be_a_directory(void **state) {
    (void)state;
    struct classes *some = classes_new();
    struct jobs_error err;
    char path[300];
    write_text("file", "");
    snprintf(path, sizeof path, "%s/file", tree);
    assert_int_equal(builtin_add(some, tree, path, &err), JOBS_ECONFIG);
    assert_non_null(strstr(err.text, "class file-stats: root directory"));
    assert_non_null(strstr(err.text, path));
    classes_free(some);
}

static void a_root_may_be_the_whole_system(void **state) {
    (void)state;
    struct classes *saved = classes;
    classes = classes_new();
    write_text("one.txt", "1");
    assert_int_equal(builtin_add(classes, NULL, "/", NULL), 0);
    struct job *job = execute_path("file-stats", tree);
    struct json_object *stats = result_of(job);
    assert_int_equal(number(stats, "files"), 1);
    json_object_put(stats);
    run_free(job);
    classes_free(classes);
    classes = saved;
}

#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, make_tree, remove_all)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_TREE(noop_and_fail_do_as_they_say),
        WITH_TREE(sleep_sleeps),
        WITH_TREE(manifest_equals_sha256sum),
        WITH_TREE(manifest_of_part_of_the_tree),
        WITH_TREE(refuses_paths_outside),
        WITH_TREE(manifest_over_the_limit_names_it),
        WITH_TREE(stops_between_files_and_inside_large_ones),
        WITH_TREE(stats_count_all_types),
        WITH_TREE(stats_show_twenty_extensions),
        WITH_TREE(stats_of_nothing),
        WITH_TREE(without_a_root_a_class_is_not_offered),
        WITH_TREE(a_root_must_be_a_directory),
        WITH_TREE(a_root_may_be_the_whole_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
