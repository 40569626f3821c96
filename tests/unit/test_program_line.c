/* What programs say: bytes cut into lines, lines read as answers, tails kept. Also with random changes. */
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/text.h"
#include "module/worker/answer.h"
#include "module/worker/frame.h"
#include "module/worker/lines.h"
#include "module/worker/tail.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lines ---- */

static void note(void *arg, const char *line, size_t length) {
    struct buf *said = arg;
    if (line) {
        assert_int_equal(line[length], '\0');
        buf_format(said, "[%.*s]", (int)length, line);
    } else {
        buf_text(said, "[too long]");
    }
}

/* In pieces of every size. */
static void expect_lines(const char *prefix, size_t max, const char *bytes, const char *wanted) {
    size_t length = strlen(bytes);
    for (size_t piece = 1; piece <= length; piece++) {
        struct buf said = {0};
        struct lines lines = {.prefix = prefix, .max = max, .line = note, .arg = &said};
        for (size_t at = 0; at < length; at += piece)
            lines_feed(&lines, bytes + at, length - at < piece ? length - at : piece);
        lines_end(&lines);
        assert_string_equal(buf_get(&said), wanted);
        lines_done(&lines);
        buf_done(&said);
    }
}

static void bytes_become_lines(void **state) {
    (void)state;
    expect_lines(NULL, 10, "a\nbc\r\n\n \nd", "[a][bc][d]");
    expect_lines(NULL, 4, "abcd\nabcde\nab\n", "[abcd][too long][ab]");
    expect_lines(NULL, 4, "abcdefghijklmnop", "[too long]");
    expect_lines("::job ", 10, "x\n::job 1\n::jobs 2\n ::job 3\n::job 4", "[1][4]");
    expect_lines("::job ", 3, "::job abc\n::job abcd\n::j\nsomething long\n::job a\n",
                 "[abc][too long][a]");
    expect_lines("::job ", 3, "::job", "");
}

static void a_long_line_costs_no_memory(void **state) {
    (void)state;
    struct buf said = {0};
    struct lines lines = {.prefix = "::job ", .max = 100, .line = note, .arg = &said};
    char piece[4096];
    memset(piece, 'x', sizeof piece);
    for (int i = 0; i < 1000; i++)
        lines_feed(&lines, piece, sizeof piece);
    assert_true(lines.part.capacity < 1000);
    lines_feed(&lines, "\n::job 1\n", 9);
    assert_string_equal(buf_get(&said), "[1]");
    lines_done(&lines);
    buf_done(&said);
}

/* ---- answers ---- */

static struct answer read_good(const char *line) {
    struct answer a;
    struct jobs_error err = {0};
    if (answer_read(line, strlen(line), &a, &err) < 0)
        fail_msg("%s: %s", line, err.text);
    return a;
}

static void every_form_is_read(void **state) {
    (void)state;
    struct answer a = read_good("{\"count\":200,\"advance\":3, \"completion\": 37.5}");
    assert_int_equal(a.count, 200);
    assert_int_equal(a.advance, 3);
    assert_true(a.completion > 37.4 && a.completion < 37.6);
    assert_false(a.end || a.snooze || a.error || a.result || a.log || a.text);
    answer_done(&a);

    a = read_good("{\"log\":\"gr\\u00fc\\u00df\",\"level\":\"warning\",\"text\":\"clearing\"}");
    assert_string_equal(a.log, "gr\xc3\xbc\xc3\x9f");
    assert_string_equal(a.text, "clearing");
    assert_int_equal(a.level, 1);
    assert_true(a.completion < 0);
    answer_done(&a);

    a = read_good(
        "{\"result\": {\"n\": 12345678901234567890123, \"z\":1.0} ,\"result_class_name\":\"R\"}");
    assert_string_equal(a.result, "{\"n\": 12345678901234567890123, \"z\":1.0}");
    assert_string_equal(a.result_class_name, "R");
    answer_done(&a);

    a = read_good("{\"snooze\":\"5m\",\"unknown\":[1,{}]}");
    assert_true(a.snooze && a.delay == 300000);
    answer_done(&a);

    a = read_good("{\"result\":null,\"end\":true}");
    assert_string_equal(a.result, "null");
    assert_true(a.end && !a.end_id);
    answer_done(&a);

    a = read_good("{\"end\":\"abc\"}");
    assert_true(a.end);
    assert_string_equal(a.end_id, "abc");
    answer_done(&a);
}

static void an_error_says_how_to_go_on(void **state) {
    (void)state;
    static const struct {
        const char *line;
        int retry;
        int64_t delay;
    } cases[] = {
        {"{\"error\":\"no paper\"}", ANSWER_RETRY, 0},
        {"{\"error\":\"no paper\",\"retry\":true}", ANSWER_RETRY, 0},
        {"{\"error\":\"no paper\",\"retry\":null}", ANSWER_RETRY, 0},
        {"{\"error\":\"no paper\",\"retry\":false}", ANSWER_FOR_GOOD, 0},
        {"{\"error\":\"no paper\",\"retry\":\"30s\"}", ANSWER_RETRY_IN, 30000},
        {"{\"error\":\"no paper\",\"retry\":1500}", ANSWER_RETRY_IN, 1500},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer a = read_good(cases[i].line);
        assert_string_equal(a.error, "no paper");
        assert_int_equal(a.retry, cases[i].retry);
        assert_int_equal(a.delay, cases[i].delay);
        answer_done(&a);
    }
    struct answer a = read_good("{\"error\":{\"code\":7}}");
    assert_string_equal(a.error, "{\"code\":7}");
    answer_done(&a);
}

static void bad_lines_say_why(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"garbage", "no JSON object: garbage"},
        {"[1]", "no JSON object"},
        {"{\"result\":", "{\"result\":"},
        {"{\"result\":{\"a\":1}", "expected"},
        {"{\"result\": NaN}", "NaN"},
        {"{'result': 1}", "double quotes"},
        {"{\"count\":\"many\"}", "\"count\" must be a whole number"},
        {"{\"advance\":-1}", "\"advance\" must be"},
        {"{\"completion\":101}", "percentage"},
        {"{\"completion\":\"x\"}", "percentage"},
        {"{\"snooze\":\"soon\"}", "duration"},
        {"{\"error\":\"x\",\"retry\":\"later\"}", "duration"},
        {"{\"log\":\"x\",\"level\":\"loud\"}", "error, warning, info or debug"},
        {"{\"text\":\"\\u0000\"}", "u0000"},
        {"{\"text\":\"\xff\"}", "utf-8"},
        {"{} {}", "after"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer a;
        struct jobs_error err = {0};
        assert_int_equal(answer_read(cases[i][0], strlen(cases[i][0]), &a, &err), JOBS_EINVAL);
        if (!strstr(err.text, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], err.text);
        assert_true(text_is_utf8(err.text, strlen(err.text)));
    }
    struct answer a;
    struct jobs_error err;
    assert_int_equal(answer_read("{}\0{}", 5, &a, &err), JOBS_EINVAL);
    assert_non_null(strstr(err.text, "NUL"));
}

static void mutate(char *line, size_t *length) {
    static const char bytes[] = "{}[]\",:\\truefalsn0123456789eE+-. \t\xc3\xa9\xff";
    for (int changes = 1 + rand() % 4; changes > 0; changes--) {
        size_t at = (size_t)rand() % *length;
        switch (rand() % 3) {
        case 0: line[at] = bytes[(size_t)rand() % (sizeof bytes - 1)]; break;
        case 1: line[at] = (char)(1 + rand() % 255); break;
        default: /* cut a piece out */
            memmove(line + at, line + at + 1, *length - at - 1);
            *length -= *length > 2;
        }
    }
    line[*length] = '\0';
}

static void changed_lines_are_read_or_refused(void **state) {
    (void)state;
    static const char *const seeds[] = {
        "{\"count\":200,\"advance\":3,\"completion\":37.5e0,\"text\":\"a\\n\\u00e9\"}",
        "{\"error\":\"no \\\"paper\\\"\",\"retry\":\"30s\",\"log\":\"x\",\"level\":\"debug\"}",
        "{\"result\":{\"a\":[1,2,{\"b\":null}],\"c\":\"\\ud83d\\ude00\"},\"end\":true}",
        "{\"snooze\":\"5m\",\"end\":\"0192aaaa-0000-7000-8000-000000000001\"}",
    };
    size_t good = 0;
    srand(1);
    for (int i = 0; i < 40000; i++) {
        const char *seed = seeds[i % 4];
        size_t length = strlen(seed);
        char *line = mem_text(seed);
        struct answer a;
        struct jobs_error err = {0};
        mutate(line, &length);
        if (answer_read(line, length, &a, &err) == 0) {
            good++;
            assert_true(!a.result || strstr(line, a.result));
            assert_true(a.count >= 0 && a.advance >= 0 && a.delay >= 0);
            answer_done(&a);
        } else {
            assert_true(err.text[0] && text_is_utf8(err.text, strlen(err.text)));
        }
        free(line);
    }
    assert_true(good > 100); /* or the changes were too wild to try anything */
}

/* ---- frames ---- */

static void frames_come_back_as_they_went(void **state) {
    (void)state;
    struct buf out = {0};
    struct host_log head = {.level = 2}, back;
    struct frame frame;
    const char *texts[2];
    frame_put(&out, FRAME_LOG, &head, sizeof head, (const char *const[]){"one", "", NULL});
    for (size_t n = 0; n < out.length; n++)
        assert_int_equal(frame_get(out.data, n, &frame), 0);
    assert_int_equal(frame_get(out.data, out.length, &frame), (long)out.length);
    assert_int_equal(frame.type, FRAME_LOG);
    assert_true(frame_read(&frame, &back, sizeof back, texts, 2));
    assert_int_equal(back.level, 2);
    assert_string_equal(texts[0], "one");
    assert_string_equal(texts[1], "");
    assert_false(frame_read(&frame, &back, sizeof back, texts, 1));
    frame.length--;
    assert_false(frame_read(&frame, &back, sizeof back, texts, 2));
    frame.length = 1;
    assert_false(frame_read(&frame, &back, sizeof back, texts, 0));
    out.data[0] = 99;
    assert_int_equal(frame_get(out.data, out.length, &frame), -1);
    buf_done(&out);
}

/* ---- tails ---- */

static void a_tail_keeps_the_last_lines(void **state) {
    (void)state;
    struct tail tail = {0};
    struct buf out = {0};
    tail_get(&tail, 100, &out);
    assert_string_equal(buf_get(&out), "");
    tail_add(&tail, "one\ntwo\xff\n", 9);
    tail_get(&tail, 100, &out);
    assert_string_equal(buf_get(&out), "one\ntwo\xef\xbf\xbd\n");
    buf_clear(&out);
    for (int i = 0; i < 10000; i++) {
        char line[20];
        tail_add(&tail, line, (size_t)snprintf(line, sizeof line, "line %d\n", i));
    }
    tail_get(&tail, 22, &out);
    assert_string_equal(buf_get(&out), "line 9998\nline 9999\n");
    buf_clear(&out);
    char *big = mem_alloc(3 * TAIL_MAX);
    memset(big, 'x', 3 * TAIL_MAX);
    tail_add(&tail, big, 3 * TAIL_MAX);
    tail_get(&tail, TAIL_MAX, &out);
    assert_int_equal(out.length, TAIL_MAX);
    free(big);
    buf_done(&out);
    tail_done(&tail);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_become_lines),
        cmocka_unit_test(a_long_line_costs_no_memory),
        cmocka_unit_test(every_form_is_read),
        cmocka_unit_test(an_error_says_how_to_go_on),
        cmocka_unit_test(bad_lines_say_why),
        cmocka_unit_test(changed_lines_are_read_or_refused),
        cmocka_unit_test(frames_come_back_as_they_went),
        cmocka_unit_test(a_tail_keeps_the_last_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
