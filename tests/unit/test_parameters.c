#include "tests/unit/unit.h"

#include "module/base/buf.h"
#include "module/job/parameters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct parameters *parse(const char *json) {
    struct parameters *p = NULL;
    struct jobs_error err = {0};
    if (parameters_parse(json, &p, &err) < 0)
        fail_msg("%.100s: %s", json, err.text);
    return p;
}

static void refuse(const char *json, const char *word) {
    struct parameters *p = NULL;
    struct jobs_error err = {0};
    assert_int_equal(parameters_parse(json, &p, &err), JOBS_EINVAL);
    assert_null(p);
    if (!strstr(err.text, word))
        fail_msg("%.100s: '%s' is not in: %s", json, word, err.text);
}

static void reads_each_type(void **state) {
    (void)state;
    struct parameters *p = parse(" { \"s\" : \"a\\u00e9\\n\" , \"i\":-7,\"d\":2.5,\"b\":true,\n"
                                 "\"n\":null,\"o\":{\"x\":[1,2]},\"f\":false} ");
    assert_string_equal(parameters_string(p, "s", "other"), "a\xc3\xa9\n");
    assert_int_equal(parameters_integer(p, "i", 1), -7);
    assert_true(parameters_number(p, "d", 0) == 2.5);
    assert_true(parameters_number(p, "i", 0) == -7.0);
    assert_true(parameters_boolean(p, "b", false));
    assert_false(parameters_boolean(p, "f", true));
    assert_string_equal(parameters_json(p, "o"), "{\"x\":[1,2]}");
    assert_string_equal(parameters_json(p, "n"), "null");
    assert_string_equal(parameters_json(p, "s"), "\"a\\u00e9\\n\"");
    parameters_free(p);
}

static void gives_otherwise(void **state) {
    (void)state;
    struct parameters *p = parse("{\"s\":1,\"i\":\"1\",\"n\":null,\"half\":0.5}");
    assert_string_equal(parameters_string(p, "s", "x"), "x");
    assert_null(parameters_string(p, "absent", NULL));
    assert_int_equal(parameters_integer(p, "i", 9), 9);
    assert_int_equal(parameters_integer(p, "n", 9), 9);
    assert_int_equal(parameters_integer(p, "half", 9), 9);
    assert_true(parameters_number(p, "i", 1.5) == 1.5);
    assert_true(parameters_boolean(p, "s", true));
    assert_null(parameters_json(p, "absent"));
    parameters_free(p);
}

/* json-c alone would print 18446744073709551615 for the first one. */
static void leaves_text_as_written(void **state) {
    (void)state;
    const char *whole = "{\"big\": 12345678901234567890123, \"tiny\":1.10e-7 ,\"a\":[ 1 ,  2 ],"
                        "\"e\":\"\\ud83d\\ude00 \\\"}\"}";
    struct parameters *p = parse(whole);
    assert_string_equal(parameters_json(p, NULL), whole);
    assert_string_equal(parameters_json(p, "big"), "12345678901234567890123");
    assert_string_equal(parameters_json(p, "tiny"), "1.10e-7");
    assert_string_equal(parameters_json(p, "a"), "[ 1 ,  2 ]");
    assert_string_equal(parameters_string(p, "e", ""), "\xf0\x9f\x98\x80 \"}");
    assert_true(parameters_number(p, "big", 0) == 12345678901234567890123.0);
    parameters_free(p);
}

static void knows_the_range_of_integers(void **state) {
    (void)state;
    struct parameters *p = parse("{\"max\":9223372036854775807,\"min\":-9223372036854775808,"
                                 "\"over\":9223372036854775808,\"point\":7.0,\"e\":7e2,"
                                 "\"huge\":1e400000,\"hugest\":1e300}");
    assert_true(parameters_integer(p, "max", 0) == INT64_MAX);
    assert_true(parameters_integer(p, "min", 0) == INT64_MIN);
    assert_int_equal(parameters_integer(p, "over", 5), 5);
    assert_int_equal(parameters_integer(p, "point", 5), 7);
    assert_int_equal(parameters_integer(p, "e", 5), 700);
    assert_int_equal(parameters_integer(p, "huge", 5), 5);
    assert_int_equal(parameters_integer(p, "hugest", 5), 5);
    assert_true(isinf(parameters_number(p, "huge", 0)));
    parameters_free(p);
}

static void takes_the_last_of_a_name(void **state) {
    (void)state;
    struct parameters *p = parse("{\"a\":1,\"\\u0061\":2}");
    assert_int_equal(parameters_integer(p, "a", 0), 2);
    parameters_free(p);
    p = parse("{}");
    assert_string_equal(parameters_json(p, NULL), "{}");
    parameters_free(p);
}

static void refuses_what_is_no_object(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"", "not a JSON object"},
        {"[1]", "not a JSON object"},
        {"null", "not a JSON object"},
        {"{} x", "after the JSON object"},
        {"{}{}", "after the JSON object"},
        {"{", "name in double quotes"},
        {"{,}", "name in double quotes"},
        {"{\"a\":1,}", "name in double quotes"},
        {"{'a':1}", "name in double quotes"},
        {"{a:1}", "name in double quotes"},
        {"{\"a", "name in double quotes"},
        {"{\"a\"", "'a' has no valid JSON value"},
        {"{\"a\":", "'a' has no valid JSON value"},
        {"{\"a\":}", "'a' has no valid JSON value"},
        {"{\"a\":]}", "'a' has no valid JSON value"},
        {"{\"a\":[1}", "'a' has no valid JSON value"},
        {"{\"a\":[1,2}}", "'a' has no valid JSON value"},
        {"{\"a\":\"x}", "'a' has no valid JSON value"},
        {"{\"a\":\"\\", "'a' has no valid JSON value"},
        {"{\"a\":NaN}", "'a' has no valid JSON value"},
        {"{\"a\":-Infinity}", "'a' has no valid JSON value"},
        {"{\"a\":'x'}", "'a' has no valid JSON value"},
        {"{\"a\":-}", "'a' has no valid JSON value"},
        {"{\"a\":01}", "'a' has no valid JSON value"},
        {"{\"a\":1.}", "'a' has no valid JSON value"},
        {"{\"a\":1e+}", "'a' has no valid JSON value"},
        {"{\"a\":1x}", "'a' has no valid JSON value"},
        {"{\"a\":1]}", "'a' has no valid JSON value"},
        {"{\"a\":tru}", "'a' has no valid JSON value"},
        {"{\"a\":\"\xff\"}", "'a' has no valid JSON value"},
        {"{\"a\":\"x\\u0000y\"}", "\\u0000"},
        {"{\"a\\u0000b\":1}", "\\u0000"},
        {"{\"a\":1 \"b\":2}", "',' or '}'"},
        {"{\"a\":1", "',' or '}'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse(bad[i][0], bad[i][1]);
}

static char *nested(int depth) {
    struct buf text = {0};
    buf_text(&text, "{\"a\":");
    for (int i = 0; i < depth; i++)
        buf_char(&text, '[');
    for (int i = 0; i < depth; i++)
        buf_char(&text, ']');
    buf_char(&text, '}');
    return buf_take(&text);
}

static void reads_deep_values_but_not_any(void **state) {
    (void)state;
    char *good = nested(500), *bad = nested(20000);
    parameters_free(parse(good));
    refuse(bad, "too deep");
    free(good);
    free(bad);
}

static const struct job_parameter declared[] = {
    {.name = "path", .type = JOB_STRING},
    {.name = "depth", .type = JOB_INTEGER, .optional = true},
    {.name = "ratio", .type = JOB_NUMBER, .optional = true},
    {.name = "deep", .type = JOB_BOOLEAN, .optional = true},
    {.name = "extra", .type = JOB_JSON, .optional = true},
    {.name = NULL},
};

static void check(const char *json, const struct job_parameter *table, const char *text) {
    struct parameters *p = parse(json);
    struct jobs_error err = {0};
    int rc = parameters_check(p, table, &err);
    assert_int_equal(rc, text ? JOBS_EINVAL : 0);
    if (text)
        assert_string_equal(err.text, text);
    parameters_free(p);
}

static void checks_what_is_declared(void **state) {
    (void)state;
    static const struct job_parameter none[] = {{.name = NULL}};
    check("{\"path\":\"/x\",\"depth\":3,\"ratio\":1,\"deep\":false,\"extra\":{}}", declared, NULL);
    check("{\"path\":\"\",\"depth\":null,\"extra\":null}", declared, NULL);
    check("{\"anything\":1}", NULL, NULL);
    check("{}", none, NULL);
    check("{\"x\":1}", none, "parameter 'x' is not one of this class");
    check("{}", declared, "parameter 'path' is missing: a string");
    check("{\"path\":null}", declared, "parameter 'path' must be a string, found null");
    check("{\"path\":1}", declared, "parameter 'path' must be a string, found an integer");
    check("{\"path\":[1]}", declared, "parameter 'path' must be a string, found an array");
    check("{\"path\":\"\",\"depth\":1.5}", declared,
          "parameter 'depth' must be an integer of at most 64 bits, found a number");
    check("{\"path\":\"\",\"ratio\":\"1\"}", declared,
          "parameter 'ratio' must be a number, found a string");
    check("{\"path\":\"\",\"deep\":{}}", declared,
          "parameter 'deep' must be a boolean, found an object");
    check("{\"pth\":\"/x\"}", declared, "parameter 'pth' is not one of this class (similar: path)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_type),
        cmocka_unit_test(gives_otherwise),
        cmocka_unit_test(leaves_text_as_written),
        cmocka_unit_test(knows_the_range_of_integers),
        cmocka_unit_test(takes_the_last_of_a_name),
        cmocka_unit_test(refuses_what_is_no_object),
        cmocka_unit_test(reads_deep_values_but_not_any),
        cmocka_unit_test(checks_what_is_declared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
