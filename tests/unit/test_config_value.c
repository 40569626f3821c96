/* Types of values, the table itself, and what is printed from it. */
#include "module/base/config.h"
#include "module/base/config_key.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reads(const struct config_key *key, const char *text, int64_t first, int64_t second) {
    int64_t got[2] = {-77, -77};
    return config_value_read(key, text, got) && got[0] == first && got[1] == second;
}

static bool refuses(const struct config_key *key, const char *text) {
    int64_t got[2] = {-77, -77};
    return !config_value_read(key, text, got) && got[0] == -77 && got[1] == -77;
}

static void refuses_all(const struct config_key *key, const char *const *texts) {
    for (; *texts; texts++)
        if (!refuses(key, *texts))
            fail_msg("type %d takes \"%s\"", (int)key->type, *texts);
}

static void takes_all(const struct config_key *key, const char *const *texts) {
    for (; *texts; texts++)
        if (!reads(key, *texts, 0, 0))
            fail_msg("type %d refuses \"%s\"", (int)key->type, *texts);
}

static void describes(const struct config_key *key, const char *expected) {
    struct buf text = {0};
    config_value_describe(key, &text);
    assert_string_equal(buf_get(&text), expected);
    buf_done(&text);
}

static void test_integer(void **state) {
    (void)state;
    const struct config_key key = {.type = CONFIG_INTEGER, .low = -20, .high = 1000};
    assert_true(reads(&key, "-20", -20, 0));
    assert_true(reads(&key, "0", 0, 0));
    assert_true(reads(&key, "007", 7, 0));
    assert_true(reads(&key, "1000", 1000, 0));
    refuses_all(&key, (const char *[]){"", "-", "-21", "1001", "1 ", " 1", "+1", "0x10", "1.5",
                                       "1s", "99999999999999999999", "--1", NULL});
    describes(&key, "a whole number from -20 to 1000");
}

static void test_duration(void **state) {
    (void)state;
    const struct config_key key = {.type = CONFIG_DURATION, .low = 10, .high = 4 * 86400000};
    assert_true(reads(&key, "10", 10, 0));
    assert_true(reads(&key, "500ms", 500, 0));
    assert_true(reads(&key, "10s", 10000, 0));
    assert_true(reads(&key, "15m", 900000, 0));
    assert_true(reads(&key, "2h", 7200000, 0));
    assert_true(reads(&key, "3d", 259200000, 0));
    refuses_all(&key, (const char *[]){"", "9", "5d", "s", "10 s", "10S", "1.5h", "1h30m", "10sec",
                                       "-10s", "9223372036854775807d", NULL});
    describes(&key, "a duration from 10ms to 4d, such as 500ms, 10s, 15m, 2h or 3d");
}

static void test_size(void **state) {
    (void)state;
    const struct config_key key = {.type = CONFIG_SIZE, .low = 1024, .high = INT64_C(1) << 40};
    assert_true(reads(&key, "2000", 2000, 0));
    assert_true(reads(&key, "64K", 65536, 0));
    assert_true(reads(&key, "512M", 536870912, 0));
    assert_true(reads(&key, "1G", 1073741824, 0));
    assert_true(reads(&key, "1T", INT64_C(1) << 40, 0));
    refuses_all(&key, (const char *[]){"", "1023", "2T", "64k", "64KB", "64 K", "9000000T",
                                       "9223372036854775808", NULL});
    describes(&key, "a size from 1K to 1T, such as 64K, 512M or 1G");
}

static void test_span(void **state) {
    (void)state;
    const struct config_key key = {.type = CONFIG_SPAN, .high = 86400000};
    assert_true(reads(&key, "10s..15m", 10000, 900000));
    assert_true(reads(&key, "0..1d", 0, 86400000));
    assert_true(reads(&key, "5s", 5000, 5000));
    refuses_all(&key, (const char *[]){"", "..", "10s..", "..10s", "15m..10s", "1s..2d", "1s...2s",
                                       "1s..2s..3s", "1s-2s", "-1s..2s", NULL});
    describes(&key, "a pair of durations from 0 to 1d, such as 10s..15m, the smaller first");
}

static void test_bool_and_choice(void **state) {
    (void)state;
    const struct config_key yes = {.type = CONFIG_BOOL};
    assert_true(reads(&yes, "true", 1, 0));
    assert_true(reads(&yes, "false", 0, 0));
    refuses_all(&yes, (const char *[]){"", "yes", "1", "True", "false|true", NULL});
    describes(&yes, "true or false");
    const struct config_key choice = {.type = CONFIG_CHOICE, .choices = "one|two|three"};
    assert_true(reads(&choice, "one", 0, 0));
    assert_true(reads(&choice, "three", 2, 0));
    refuses_all(&choice, (const char *[]){"", "tw", "twos", "one|two", "ONE", NULL});
    describes(&choice, "one, two or three");
}

static void test_texts(void **state) {
    (void)state;
    const struct config_key text = {.type = CONFIG_TEXT, .high = 4};
    takes_all(&text, (const char *[]){"a", "a b", "abcd", NULL});
    refuses_all(&text, (const char *[]){"", "abcde", NULL});
    describes(&text, "a text of 1 to 4 bytes");
    const struct config_key name = {.type = CONFIG_NAME};
    takes_all(&name, (const char *[]){"a", "0", "a-b_c", NULL});
    refuses_all(&name, (const char *[]){"", "A", "-a", "_a", "a.b", "a b", NULL});
    const struct config_key schema = {.type = CONFIG_SCHEMA};
    takes_all(&schema, (const char *[]){"jobs", "_x", "Jobs_2", NULL});
    refuses_all(&schema, (const char *[]){"", "2x", "-x", "pg_x", "a.b", "a\"b",
                                          "a234567890123456789012345678901234567890123456789012345"
                                          "678901234",
                                          NULL});
    const struct config_key path = {.type = CONFIG_PATH};
    takes_all(&path, (const char *[]){"/", "/var/tmp/a b", NULL});
    refuses_all(&path, (const char *[]){"", "a/b", "./a", "~/a", NULL});
}

static void test_addresses(void **state) {
    (void)state;
    const struct config_key listen = {.type = CONFIG_LISTEN, .flags = CONFIG_EMPTY};
    takes_all(&listen, (const char *[]){"", "127.0.0.1:8080", "host:1", "[::1]:65535", NULL});
    refuses_all(&listen, (const char *[]){":80", "8080", "host:", "host:65536", "::1:80", "[::1:80",
                                          "a b:80", "host:80x", NULL});
    const struct config_key database = {.type = CONFIG_DATABASE};
    takes_all(&database,
              (const char *[]){"postgresql://h/d", "postgres://h", "host=h", "service=s", NULL});
    refuses_all(&database, (const char *[]){"", "h", "mysql://h/d?a=b", NULL});
    const struct config_key amqp = {.type = CONFIG_AMQP, .flags = CONFIG_EMPTY};
    takes_all(&amqp, (const char *[]){"", "amqp://h", "amqps://u:p@h:5671/v", NULL});
    refuses_all(&amqp, (const char *[]){"amqp://", "h", "http://h", NULL});
}

/* ---- The table ---- */

static void test_table_is_sound(void **state) {
    (void)state;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        int64_t numbers[2];
        assert_ptr_equal(config_key_named(key->name), key); /* no name twice */
        assert_true(strlen(key->help) > 10);
        if (key->stands_for)
            assert_null(config_key_named(key->stands_for)->stands_for);
        else if (!config_key_is_template(key) && !(key->flags & CONFIG_HOST_NAME))
            assert_non_null(key->otherwise);
        if (key->otherwise && !config_value_read(key, key->otherwise, numbers))
            fail_msg("default of %s", key->name);
        if (key->example && !config_value_read(key, key->example, numbers))
            fail_msg("example of %s", key->name);
    }
}

/* Every line of the sample, its # taken away, is a setting that is accepted. */
static void test_sample_lines_are_settings(void **state) {
    (void)state;
    struct buf sample = {0};
    config_sample(&sample);
    size_t count = 0;
    char *rest = sample.data;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (strncmp(line, "#jobs.", 6) != 0 || strstr(line, ".file = "))
            continue;
        const char *settings[] = {line + 1, "jobs.datasource.main.url=host=h", NULL};
        struct config *config = NULL;
        struct jobs_error err;
        if (config_load(NULL, NULL, settings, NULL, &config, &err))
            fail_msg("%s: %s", line, err.text);
        config_free(config);
        count++;
    }
    assert_true(count + 4 == config_key_count); /* three .file keys and one old name */
    buf_done(&sample);
}

static void same_as_file(const char *name, const struct buf *expected) {
    struct buf path = {0}, text = {0};
    buf_format(&path, "%s/docs/%s", SOURCE_DIR, name);
    FILE *file = fopen(buf_get(&path), "r");
    if (!file)
        fail_msg("cannot read %s", buf_get(&path));
    for (int c; (c = getc(file)) != EOF;)
        buf_char(&text, (char)c);
    fclose(file);
    if (strcmp(buf_get(&text), buf_get(expected)) != 0)
        fail_msg("%s is not what the table gives: make it anew with jobsd", buf_get(&path));
    buf_done(&path);
    buf_done(&text);
}

static void test_shipped_files(void **state) {
    (void)state;
    struct buf sample = {0}, manual = {0};
    config_sample(&sample);
    config_manual(&manual);
    same_as_file("jobsd.properties.sample", &sample);
    same_as_file("configuration.md", &manual);
    buf_done(&sample);
    buf_done(&manual);
}

/* ---- What is printed and compared ---- */

static struct config *load(const char *const *settings) {
    struct config *config = NULL;
    struct jobs_error err;
    if (config_load(NULL, NULL, settings, NULL, &config, &err))
        fail_msg("%s", err.text);
    return config;
}

static void test_print(void **state) {
    (void)state;
    struct config *config =
        load((const char *[]){"jobs.datasource.b.url=postgresql://u:secret1@h/d",
                              "jobs.datasource.a.url=host=h password='secret2 x' user=u",
                              "jobs.amqp.url=amqp://u:secret3@h/v", "jobs.class.c.env.KEY=secret4",
                              "jobs.class.c.timeout=5m", NULL});
    struct buf text = {0};
    config_print(config, &text);
    static const char *const lines[] = {
        "jobs.service = jobs                                     (default)\n",
        "jobs.amqp.url = amqp://u:***@h/v                        (setting)\n",
        "jobs.class.c.env.KEY = ***                              (setting)\n"
        "jobs.class.c.timeout = 5m                               (setting)\n"
        "jobs.datasource.a.schema = jobs                         (default)\n"
        "jobs.datasource.a.url = host=h password=*** user=u      (setting)\n"
        "jobs.datasource.b.schema = jobs                         (default)\n"
        "jobs.datasource.b.url = postgresql://u:***@h/d          (setting)\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(buf_get(&text), lines[i]))
            fail_msg("missing: %s", lines[i]);
    assert_null(strstr(buf_get(&text), "secret"));
    buf_done(&text);
    config_free(config);
}

static void note(void *arg, const char *key, bool reloadable) {
    buf_format(arg, "%s%s\n", key, reloadable ? "" : " (restart)");
}

static void test_compare(void **state) {
    (void)state;
    struct config *now =
        load((const char *[]){"jobs.pool.size=5", "jobs.service=a", "jobs.datasource.a.url=host=h",
                              "jobs.class.a.timeout=1s", NULL});
    struct config *next =
        load((const char *[]){"jobs.pool.size=6", "jobs.service=b", "jobs.datasource.a.url=host=i",
                              "jobs.datasource.b.url=host=h", "jobs.class.b.timeout=1s", NULL});
    struct buf seen = {0};
    assert_int_equal(config_compare(now, now, note, &seen), 0);
    assert_string_equal(buf_get(&seen), "");
    assert_int_equal(config_compare(now, next, note, &seen), 7);
    assert_string_equal(buf_get(&seen), "jobs.service (restart)\njobs.pool.size\n"
                                        "jobs.class.a.timeout\njobs.class.b.timeout\n"
                                        "jobs.datasource.a.url\n"
                                        "jobs.datasource.b.schema\n"
                                        "jobs.datasource.b.url\n");
    buf_done(&seen);
    config_free(now);
    config_free(next);
}

static void collect(void *arg, int level, const char *tenant, const char *id, const char *text) {
    (void)tenant;
    (void)id;
    buf_format(arg, "%s: %s\n", log_level_name(level), text);
}

static void test_log_changes(void **state) {
    (void)state;
    struct config *now = load((const char *[]){"jobs.amqp.url=amqp://u:secret@h", NULL});
    struct config *next =
        load((const char *[]){"jobs.amqp.url=amqp://u:secret2@h", "jobs.log.level=debug", NULL});
    struct buf text = {0};
    const struct log log = {LOG_LEVEL_INFO, collect, &text};
    config_log_changes(now, next, &log);
    assert_string_equal(buf_get(&text),
                        "warning: reload: jobs.amqp.url has changed, which takes effect at the "
                        "next start\n"
                        "info: reload: jobs.log.level has changed\n");
    buf_done(&text);
    config_free(now);
    config_free(next);
}

/* ---- Masks ---- */

static void masks(const char *url, const char *expected) {
    char *masked = config_mask(url);
    assert_string_equal(masked, expected);
    free(masked);
}

static void test_mask_urls(void **state) {
    (void)state;
    masks("postgresql://user:secret@host", "postgresql://user:***@host");
    masks("postgresql://user:secret@h1:1,h2:2/db?sslmode=require",
          "postgresql://user:***@h1:1,h2:2/db?sslmode=require");
    masks("postgresql://:secret@host/db", "postgresql://:***@host/db");
    masks("postgresql://user@host:5432/db", "postgresql://user@host:5432/db");
    masks("postgresql://host:5432/db", "postgresql://host:5432/db");
    masks("postgresql://user:a@b/c@host/db", "postgresql://user:***@host/db");
    masks("postgresql://user:a?b@host/db", "postgresql://user:***@host/db");
    masks("postgresql://host/db?user=u&password=secret&sslpassword=other&x=1",
          "postgresql://host/db?user=u&password=***&sslpassword=***&x=1");
    masks("postgresql://host/db?application_name=a@b", "postgresql://host/db?application_name=a@b");
    masks("amqp://guest:secret@h:5672/%2f", "amqp://guest:***@h:5672/%2f");
    masks("amqps://h", "amqps://h");
}

static void test_mask_pairs(void **state) {
    (void)state;
    masks("host=h password=secret user=u", "host=h password=*** user=u");
    masks("password=secret", "password=***");
    masks("password = 'a b\\' c' user=u", "password = *** user=u");
    masks("password=a\\ b user=u", "password=*** user=u");
    masks("password='open user=u", "password=***");
    masks("PASSWORD=secret sslpassword=other", "PASSWORD=*** sslpassword=***");
    masks("options='password=x' password=y", "options='password=x' password=***");
    masks("options='a://b' password=y", "options='a://b' password=***");
    masks("host=h  service=s", "host=h  service=s");
    masks("word", "word");
    masks("", "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integer),
        cmocka_unit_test(test_duration),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_span),
        cmocka_unit_test(test_bool_and_choice),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_table_is_sound),
        cmocka_unit_test(test_sample_lines_are_settings),
        cmocka_unit_test(test_shipped_files),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_log_changes),
        cmocka_unit_test(test_mask_urls),
        cmocka_unit_test(test_mask_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
