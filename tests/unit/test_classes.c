#include "tests/unit/unit.h"

#include "module/base/error.h"
#include "module/job/classes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run_nothing(struct job *job) {
    (void)job;
    return 0;
}

static void add(struct classes *classes, const struct job_class *class) {
    struct jobs_error err;
    if (classes_add(classes, class, "test", &err) < 0)
        fail_msg("%s", err.text);
}

static void refuse(const struct job_class *class, const char *word) {
    struct classes *classes = classes_new();
    struct jobs_error err = {0};
    assert_int_equal(classes_add(classes, class, "/lib/x.so", &err), JOBS_EINVAL);
    if (!strstr(err.text, word) || !strstr(err.text, "/lib/x.so"))
        fail_msg("'%s' or the origin is not in: %s", word, err.text);
    assert_int_equal(classes_count(classes), 0);
    classes_free(classes);
}

static void finds_by_name(void **state) {
    (void)state;
    static const char *const names[] = {"m", "b", "z", "a.1", "B"};
    struct classes *classes = classes_new();
    for (size_t i = 0; i < 5; i++) {
        struct job_class class = JOB_CLASS(.name = names[i], .run = run_nothing);
        add(classes, &class);
    }
    assert_int_equal(classes_count(classes), 5);
    for (size_t i = 0; i < 5; i++) {
        const struct class_entry *entry = classes_find(classes, names[i]);
        assert_non_null(entry);
        assert_string_equal(entry->class->name, names[i]);
        assert_string_equal(entry->origin, "test");
    }
    assert_null(classes_find(classes, "c"));
    assert_null(classes_find(classes, ""));
    for (size_t i = 1; i < 5; i++)
        assert_true(strcmp(classes_at(classes, i - 1)->class->name,
                           classes_at(classes, i)->class->name) < 0);
    classes_free(classes);
}

static void refuses_bad_classes(void **state) {
    (void)state;
    static const struct job_parameter twice[] = {{.name = "a"}, {.name = "a"}, {.name = NULL}};
    struct job_class good = JOB_CLASS(.name = "good", .run = run_nothing), bad = good;
    bad.size = 0;
    refuse(&bad, "0 bytes");
    bad.size = 40;
    refuse(&bad, "40 bytes");
    bad.size = (size_t)1 << 40;
    refuse(&bad, "1099511627776 bytes");
    bad = good, bad.run = NULL;
    refuse(&bad, "run");
    bad = good, bad.name = NULL;
    refuse(&bad, "bad class name");
    bad = good, bad.name = "a b\xff";
    refuse(&bad, "bad class name 'a b\xef\xbf\xbd'");
    bad = good, bad.kind = (enum job_kind)7;
    refuse(&bad, "kind");
    bad = good, bad.parameters = twice;
    refuse(&bad, "'a' is declared twice");
}

static void names_both_origins_of_a_taken_name(void **state) {
    (void)state;
    struct classes *classes = classes_new();
    struct job_class class = JOB_CLASS(.name = "twice", .run = run_nothing);
    struct jobs_error err;
    add(classes, &class);
    assert_int_equal(classes_add(classes, &class, "second", &err), JOBS_EINVAL);
    assert_string_equal(err.text, "class name twice of second is taken already, by test");
    classes_free(classes);
}

/* A class of a later release has more fields, one of this release fewer than the host may know: the
 * copy has all. */
static void copies_what_the_class_has(void **state) {
    (void)state;
    struct {
        struct job_class class;
        char later[64];
    } larger = {
        .class = {.size = sizeof larger, .name = "larger", .run = run_nothing, .attempts = 3}};
    memset(larger.later, 'x', sizeof larger.later);
    struct classes *classes = classes_new();
    add(classes, &larger.class);
    const struct class_entry *entry = classes_find(classes, "larger");
    assert_ptr_not_equal(entry->class, &larger.class);
    assert_int_equal(entry->class->size, sizeof(struct job_class));
    assert_int_equal(entry->class->attempts, 3);
    larger.class.attempts = 4;
    assert_int_equal(entry->class->attempts, 3);
    classes_free(classes);
}

static int opened, closed;

static int open_well(void **ret_shared, struct jobs_error *err) {
    (void)err;
    opened++;
    *ret_shared = &opened;
    return 0;
}

static int open_badly(void **ret_shared, struct jobs_error *err) {
    *ret_shared = NULL;
    return error_set(err, JOBS_EREFUSED, "no model");
}

static void close_one(void *shared) {
    assert_ptr_equal(shared, &opened);
    closed++;
}

static void opens_and_closes_once(void **state) {
    (void)state;
    struct job_class good =
        JOB_CLASS(.name = "good", .run = run_nothing, .open = open_well, .close = close_one);
    struct job_class bad =
        JOB_CLASS(.name = "bad", .run = run_nothing, .open = open_badly, .close = close_one);
    struct job_class plain = JOB_CLASS(.name = "plain", .run = run_nothing, .close = close_one);
    struct classes *classes = classes_new();
    struct jobs_error err;
    opened = closed = 0;
    add(classes, &good), add(classes, &bad), add(classes, &plain);
    assert_int_equal(classes_open(classes, &err), JOBS_EREFUSED);
    assert_string_equal(err.text, "class bad (test): open failed: no model");
    assert_null(classes_find(classes, "bad"));
    assert_ptr_equal(classes_find(classes, "good")->shared, &opened);
    assert_non_null(classes_find(classes, "plain"));
    assert_int_equal(classes_open(classes, &err), 0);
    assert_int_equal(opened, 1);
    classes_free(classes);
    assert_int_equal(closed, 1);
}

static char order[8];
static void note(void *thing) { strcat(order, thing); }

static void frees_what_is_bound_then_owned(void **state) {
    (void)state;
    char bound[] = "b", owned[] = "o", owned_first[] = "f";
    struct job_class class = JOB_CLASS(.name = "bound", .run = run_nothing);
    struct job_class opening = JOB_CLASS(.name = "opening", .run = run_nothing, .open = open_well);
    struct classes *classes = classes_new();
    order[0] = '\0';
    classes_own(classes, owned_first, note);
    classes_own(classes, owned, note);
    assert_int_equal(classes_add_bound(classes, &class, "test", bound, note, NULL), 0);
    assert_int_equal(classes_add_bound(classes, &opening, "test", bound, note, NULL), JOBS_EINVAL);
    assert_ptr_equal(classes_find(classes, "bound")->shared, bound);
    classes_free(classes);
    assert_string_equal(order, "bof");
    classes_free(NULL);
}

static void suggests_similar_names(void **state) {
    (void)state;
    static const char *const names[] = {"sleep",  "noop",  "sha256-manifest",
                                        "sleeps", "sheep", "slept"};
    char *text = classes_similar(names, 6, "sleeep");
    assert_string_equal(text, "sleep, sleeps, sheep");
    free(text);
    text = classes_similar(names, 6, "sha256manifest");
    assert_string_equal(text, "sha256-manifest");
    free(text);
    text = classes_similar(names, 6, "invoice");
    assert_string_equal(text, "");
    free(text);
    static const char *const twice[] = {"sleep", "sleep", "noop", "sleep"};
    text = classes_similar(twice, 4, "slep"); /* several instances have it */
    assert_string_equal(text, "sleep");
    free(text);
}

static void judges_names(void **state) {
    (void)state;
    char longest[130];
    memset(longest, 'a', 129), longest[128] = '\0';
    assert_true(class_name_is_valid("a") && class_name_is_valid("9._-Z") &&
                class_name_is_valid(longest));
    longest[128] = 'a', longest[129] = '\0';
    assert_false(class_name_is_valid(longest));
    static const char *const bad[] = {"", ".a", "-a", "_a", "a b", "a/b", "a\n", "\xc3\xa9", "a*"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(class_name_is_valid(bad[i]));
    assert_false(class_name_is_valid(NULL));
}

/* ---- run by another function ---- */

static int run_elsewhere(struct job *job) {
    (void)job;
    return 0;
}

static int never_open(void **ret_shared, struct jobs_error *err) {
    (void)ret_shared, (void)err;
    fail_msg("open() of a class that runs elsewhere was called");
    return 0;
}

static void count_free(void *shared) { ++*(int *)shared; }

static void a_class_may_be_run_elsewhere(void **state) {
    (void)state;
    int freed = 0, bound = 0;
    struct jobs_error err;
    struct classes *classes = classes_new();
    struct job_class class =
        JOB_CLASS(.name = "far", .run = run_nothing, .open = never_open, .attempts = 7);
    struct job_class near = JOB_CLASS(.name = "near", .run = run_nothing);
    assert_int_equal(classes_add(classes, &class, "here", &err), 0);
    assert_int_equal(classes_add_bound(classes, &near, "here", &bound, count_free, &err), 0);
    assert_int_equal(classes_rebind(classes, "far", run_elsewhere, &freed, count_free, &err), 0);
    assert_int_equal(classes_rebind(classes, "near", run_elsewhere, NULL, NULL, &err), 0);
    assert_int_equal(bound, 1); /* what it had is freed at once */
    assert_int_equal(classes_rebind(classes, "none", run_elsewhere, &freed, count_free, &err),
                     JOBS_ENOENT);
    assert_int_equal(classes_open(classes, &err), 0);
    const struct class_entry *entry = classes_find(classes, "far");
    assert_ptr_equal(entry->class->run, run_elsewhere);
    assert_ptr_equal(entry->shared, &freed);
    assert_int_equal(entry->class->attempts, 7);
    classes_free(classes);
    assert_int_equal(freed, 1);
}

static int open_once(void **ret_shared, struct jobs_error *err) {
    static int times;
    (void)err;
    *ret_shared = &times;
    times++;
    return 0;
}

static void one_class_is_opened_alone(void **state) {
    (void)state;
    struct jobs_error err;
    struct classes *classes = classes_new();
    struct job_class one = JOB_CLASS(.name = "one", .run = run_nothing, .open = open_once);
    struct job_class other = JOB_CLASS(.name = "other", .run = run_nothing, .open = never_open);
    assert_int_equal(classes_add(classes, &one, "here", &err), 0);
    assert_int_equal(classes_add(classes, &other, "here", &err), 0);
    assert_int_equal(classes_open_one(classes, "one", &err), 0);
    assert_int_equal(classes_open_one(classes, "one", &err), 0);
    assert_int_equal(*(int *)classes_find(classes, "one")->shared, 1);
    assert_int_equal(classes_open_one(classes, "none", &err), JOBS_ENOENT);
    classes_free(classes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_name),
        cmocka_unit_test(refuses_bad_classes),
        cmocka_unit_test(names_both_origins_of_a_taken_name),
        cmocka_unit_test(copies_what_the_class_has),
        cmocka_unit_test(opens_and_closes_once),
        cmocka_unit_test(frees_what_is_bound_then_owned),
        cmocka_unit_test(suggests_similar_names),
        cmocka_unit_test(judges_names),
        cmocka_unit_test(a_class_may_be_run_elsewhere),
        cmocka_unit_test(one_class_is_opened_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
