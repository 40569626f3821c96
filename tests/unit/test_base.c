/* The base library: buffers, text, tables, lists, errors, log lines. */
#include "module/base/buf.h"
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/list.h"
#include "module/base/log.h"
#include "module/base/mem.h"
#include "module/base/table.h"
#include "module/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

/* ---- buf ---- */

static void a_buffer_grows_by_every_kind_of_piece(void **state) {
    (void)state;
    struct buf buf = {0};
    assert_string_equal(buf_get(&buf), "");
    buf_text(&buf, "a"), buf_char(&buf, 'b'), buf_add(&buf, "cd", 2),
        buf_format(&buf, "%d%s", 5, "e");
    assert_string_equal(buf_get(&buf), "abcd5e");
    assert_int_equal(buf.length, 6);
    buf_add(&buf, "", 0);
    assert_int_equal(buf.length, 6);
    buf_clear(&buf);
    assert_string_equal(buf_get(&buf), "");
    for (int i = 0; i < 10000; i++)
        buf_format(&buf, "%04d", i);
    assert_int_equal(buf.length, 40000);
    assert_memory_equal(buf.data + 17284, "4321", 4);
    buf_done(&buf);
    assert_null(buf.data);
}

static void a_taken_text_belongs_to_the_caller(void **state) {
    (void)state;
    struct buf buf = {0};
    char *empty = buf_take(&buf);
    assert_string_equal(empty, "");
    free(empty);
    buf_text(&buf, "mine");
    char *text = buf_take(&buf);
    assert_string_equal(text, "mine");
    assert_int_equal(buf.length, 0);
    assert_string_equal(buf_get(&buf), "");
    free(text);
}

static void integers_are_written_to_their_limits(void **state) {
    (void)state;
    static const int64_t numbers[] = {0, 7, -7, INT64_MAX, INT64_MIN, 1000000};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct buf buf = {0};
        char expected[32];
        snprintf(expected, sizeof expected, "%lld", (long long)numbers[i]);
        buf_integer(&buf, numbers[i]);
        assert_string_equal(buf_get(&buf), expected);
        buf_done(&buf);
    }
}

static void json_strings_read_back_as_they_were(void **state) {
    (void)state;
    static const char *const texts[] = {"", "plain", "\"quoted\\\"", "tab\tline\nreturn\r\x01\x1f",
                                        "\xc3\xa9\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf buf = {0};
        buf_json_string(&buf, texts[i]);
        struct json_object *read = json_tokener_parse(buf_get(&buf));
        assert_string_equal(json_object_get_string(read), texts[i]);
        json_object_put(read);
        buf_done(&buf);
    }
}

/* ---- text ---- */

static void utf8_is_told_from_what_is_not(void **state) {
    (void)state;
    static const char *const good[] = {"",
                                       "a",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {
        "\x80",         "\xc0\xaf",         "\xc1\xbf",         "\xc3",
        "\xe0\x9f\xbf", "\xed\xa0\x80", /* surrogate */
        "\xe2\x82",     "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xff"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(text_is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(text_is_utf8(bad[i], strlen(bad[i])));
}

static void a_cut_never_splits_a_character(void **state) {
    (void)state;
    static const char whole[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"; /* lengths 1 2 3 4 1 */
    static const size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t max = 0; max < sizeof kept / sizeof *kept; max++) {
        char text[sizeof whole];
        memcpy(text, whole, sizeof whole);
        assert_int_equal(text_cut(text, max), kept[max]);
        assert_int_equal(strlen(text), kept[max]);
    }
}

static void cleaning_repairs_and_marks(void **state) {
    (void)state;
    char *text = text_clean("a\xff\0b", 4, 100);
    assert_string_equal(text, "a\xef\xbf\xbd\xef\xbf\xbd"
                              "b");
    free(text);
    text = text_clean("exactly ten", 11, 11);
    assert_string_equal(text, "exactly ten");
    free(text);
    char *many = mem_alloc(1000);
    memset(many, 'x', 1000);
    text = text_clean(many, 1000, 50);
    assert_true(strlen(text) <= 50);
    assert_non_null(strstr(text, " \xe2\x80\xa6 (cut)"));
    free(text), free(many);
}

static void cleaned_text_fits_and_is_utf8_at_every_limit(void **state) {
    (void)state;
    static const char source[] = "\xe2\x82\xac\xff\xf0\x9f\x98\x80 some text\xc3\xa9\xc3";
    for (size_t max = 12; max < 40; max++) {
        char *text = text_clean(source, sizeof source - 1, max);
        assert_true(strlen(text) <= max);
        assert_true(text_is_utf8(text, strlen(text)));
        free(text);
    }
}

static void uuids_are_told_from_other_text(void **state) {
    (void)state;
    assert_true(text_is_uuid("018f3a1c-7b2e-7c3d-8e4f-0123456789ab"));
    assert_true(text_is_uuid("018F3A1C-7B2E-7C3D-8E4F-0123456789AB"));
    assert_false(text_is_uuid(""));
    assert_false(text_is_uuid("018f3a1c-7b2e-7c3d-8e4f-0123456789a"));
    assert_false(text_is_uuid("018f3a1c-7b2e-7c3d-8e4f-0123456789abc"));
    assert_false(text_is_uuid("018f3a1c07b2e07c3d08e4f00123456789ab"));
    assert_false(text_is_uuid("018f3a1c-7b2e-7c3d-8e4f-0123456789ag"));
}

static void distances_are_those_of_levenshtein(void **state) {
    (void)state;
    assert_int_equal(text_distance("", ""), 0);
    assert_int_equal(text_distance("", "abc"), 3);
    assert_int_equal(text_distance("kitten", "sitting"), 3);
    assert_int_equal(text_distance("sitting", "kitten"), 3);
    assert_int_equal(text_distance("same", "same"), 0);
}

/* ---- table ---- */

static void a_table_finds_replaces_and_forgets(void **state) {
    (void)state;
    struct table table = {0};
    int one = 1, two = 2;
    assert_null(table_get(&table, "a"));
    assert_null(table_take(&table, "a"));
    char key[] = "a";
    table_put(&table, key, &one);
    key[0] = 'b'; /* the table has its own copy */
    assert_ptr_equal(table_get(&table, "a"), &one);
    table_put(&table, "a", &two);
    assert_int_equal(table.count, 1);
    assert_ptr_equal(table_take(&table, "a"), &two);
    assert_null(table_get(&table, "a"));
    table_done(&table, NULL);
}

/* Many keys, taken and put again so often that tombstones would fill the slots if they were never
 * swept. */
static void a_table_survives_growth_and_churn(void **state) {
    (void)state;
    struct table table = {0};
    char key[32];
    for (int i = 0; i < 20000; i++) {
        int *value = mem_alloc(sizeof *value);
        *value = i;
        snprintf(key, sizeof key, "key%d", i);
        table_put(&table, key, value);
        if (i >= 100) {
            snprintf(key, sizeof key, "key%d", i - 100);
            int *old = table_take(&table, key);
            assert_non_null(old);
            assert_int_equal(*old, i - 100);
            free(old);
        }
    }
    assert_int_equal(table.count, 100);
    assert_true(table.capacity <= 1024);
    table_done(&table, free);
}

static void iteration_meets_every_key_once(void **state) {
    (void)state;
    struct table table = {0};
    int seen[50] = {0};
    char name[8];
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "%d", i);
        table_put(&table, name, &seen[i]);
    }
    const char *key;
    void *value;
    for (size_t at = 0; table_next(&table, &at, &key, &value);) {
        ++*(int *)value;
        assert_ptr_equal(&seen[strtol(key, NULL, 10)], value);
        if (strtol(key, NULL, 10) % 2)
            table_take(&table, key);
    }
    for (int i = 0; i < 50; i++)
        assert_int_equal(seen[i], 1);
    assert_int_equal(table.count, 25);
    table_done(&table, NULL);
}

/* ---- list ---- */

struct item {
    int number;
    struct list link;
};

static void check_list(struct list *head, const int *numbers, size_t count) {
    struct list *p = head->next;
    for (size_t i = 0; i < count; i++, p = p->next)
        assert_int_equal(LIST_ENTRY(p, struct item, link)->number, numbers[i]);
    assert_ptr_equal(p, head);
    assert_int_equal(list_empty(head), count == 0);
}

static void a_list_keeps_order_at_both_ends(void **state) {
    (void)state;
    struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    struct list head, other;
    list_init(&head), list_init(&other);
    check_list(&head, NULL, 0);
    assert_null(list_pop_front(&head));
    list_push_back(&head, &items[1].link), list_push_back(&head, &items[2].link);
    list_push_front(&head, &items[0].link);
    check_list(&head, (int[]){0, 1, 2}, 3);
    LIST_EACH (&head, p)
        if (LIST_ENTRY(p, struct item, link)->number == 1)
            list_remove(p);
    check_list(&head, (int[]){0, 2}, 2);
    list_remove(&items[1].link); /* a second time: nothing */
    check_list(&head, (int[]){0, 2}, 2);
    list_push_back(&other, &items[3].link);
    list_move_all(&other, &head);
    check_list(&head, NULL, 0);
    check_list(&other, (int[]){3, 0, 2}, 3);
    assert_ptr_equal(list_pop_front(&other), &items[3].link);
}

/* ---- error, clock ---- */

static void errors_carry_code_state_and_whole_characters(void **state) {
    (void)state;
    struct jobs_error err;
    assert_int_equal(error_set_sql(&err, JOBS_EDB, "JB001", "tenant %s", "acme"), JOBS_EDB);
    assert_string_equal(err.sqlstate, "JB001");
    assert_string_equal(err.text, "tenant acme");
    assert_int_equal(error_prefix(&err, "%s", "main"), JOBS_EDB);
    assert_string_equal(err.text, "main: tenant acme");
    assert_int_equal(error_set(&err, JOBS_EINVAL, "x"), JOBS_EINVAL);
    assert_string_equal(err.sqlstate, "");
    assert_int_equal(error_set(NULL, JOBS_ENOENT, "x"), JOBS_ENOENT);
    char many[1003] = "a";
    for (size_t i = 1; i + 1 < sizeof many; i += 2)
        memcpy(many + i, "\xc3\xa9", 2);
    many[1001] = '\0';
    error_set(&err, JOBS_EINVAL, "%s", many);
    assert_true(text_is_utf8(err.text, strlen(err.text)));
    error_prefix(&err, "bb");
    assert_true(text_is_utf8(err.text, strlen(err.text)));
}

static void every_code_has_a_name(void **state) {
    (void)state;
    assert_string_equal(error_name(JOBS_EINVAL), "JOBS_EINVAL");
    assert_string_equal(error_name(JOBS_ENOMEM), "JOBS_ENOMEM");
    assert_string_equal(error_name(JOBS_EUNSURE), "JOBS_EUNSURE");
    assert_string_equal(error_name(1), "JOBS_E?");
    assert_string_equal(error_name(-100), "JOBS_E?");
}

static int64_t noon(void) { return 42; }

static void the_clock_can_be_replaced(void **state) {
    (void)state;
    int64_t before = clock_now();
    assert_true(clock_now() >= before);
    clock_inject(noon);
    assert_int_equal(clock_now(), 42);
    clock_inject(NULL);
    assert_true(clock_now() >= before);
}

/* ---- log ---- */

/* What the sink writes to stderr; caller frees. */
static char *logged(void (*sink)(void *, int, const char *, const char *, const char *),
                    const char *text) {
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    sink(NULL, LOG_LEVEL_WARNING, "acme", "the-id", text);
    dup2(saved, STDERR_FILENO);
    close(ends[1]), close(saved);
    char line[1024];
    ssize_t n = read(ends[0], line, sizeof line - 1);
    close(ends[0]);
    assert_true(n > 0);
    return mem_text_n(line, (size_t)n);
}

static void a_json_log_line_is_one_object(void **state) {
    (void)state;
    char *line = logged(log_json_sink, "two\nlines \"quoted\"");
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    struct json_object *object = json_tokener_parse(line), *field;
    assert_non_null(object);
    assert_true(json_object_object_get_ex(object, "level", &field));
    assert_string_equal(json_object_get_string(field), "warning");
    assert_true(json_object_object_get_ex(object, "tenant", &field));
    assert_string_equal(json_object_get_string(field), "acme");
    assert_true(json_object_object_get_ex(object, "job", &field));
    assert_string_equal(json_object_get_string(field), "the-id");
    assert_true(json_object_object_get_ex(object, "message", &field));
    assert_string_equal(json_object_get_string(field), "two\nlines \"quoted\"");
    assert_true(json_object_object_get_ex(object, "time", &field));
    assert_int_equal(strlen(json_object_get_string(field)), strlen("2025-01-01T00:00:00.000Z"));
    json_object_put(object);
    free(line);
}

static void a_text_log_line_stays_one_line(void **state) {
    (void)state;
    char *line = logged(log_text_sink, "two\nlines");
    assert_non_null(strstr(line, "warning [acme/the-id] two lines\n"));
    free(line);
}

static void count_sink(void *arg, int level, const char *tenant, const char *id, const char *text) {
    (void)level, (void)tenant, (void)id, (void)text;
    ++*(int *)arg;
}

static void details_beyond_the_level_are_dropped(void **state) {
    (void)state;
    int count = 0;
    struct log log = {LOG_LEVEL_WARNING, count_sink, &count};
    log_info(&log, "%d", 1);
    log_debug(&log, "%d", 1);
    assert_int_equal(count, 0);
    log_warning(&log, "%d", 1);
    log_about(&log, LOG_LEVEL_ERROR, "acme", NULL, "%d", 1);
    assert_int_equal(count, 2);
    log_error(NULL, "%d", 1); /* no log at all is fine */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_grows_by_every_kind_of_piece),
        cmocka_unit_test(a_taken_text_belongs_to_the_caller),
        cmocka_unit_test(integers_are_written_to_their_limits),
        cmocka_unit_test(json_strings_read_back_as_they_were),
        cmocka_unit_test(utf8_is_told_from_what_is_not),
        cmocka_unit_test(a_cut_never_splits_a_character),
        cmocka_unit_test(cleaning_repairs_and_marks),
        cmocka_unit_test(cleaned_text_fits_and_is_utf8_at_every_limit),
        cmocka_unit_test(uuids_are_told_from_other_text),
        cmocka_unit_test(distances_are_those_of_levenshtein),
        cmocka_unit_test(a_table_finds_replaces_and_forgets),
        cmocka_unit_test(a_table_survives_growth_and_churn),
        cmocka_unit_test(iteration_meets_every_key_once),
        cmocka_unit_test(a_list_keeps_order_at_both_ends),
        cmocka_unit_test(errors_carry_code_state_and_whole_characters),
        cmocka_unit_test(every_code_has_a_name),
        cmocka_unit_test(the_clock_can_be_replaced),
        cmocka_unit_test(a_json_log_line_is_one_object),
        cmocka_unit_test(a_text_log_line_stays_one_line),
        cmocka_unit_test(details_beyond_the_level_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
