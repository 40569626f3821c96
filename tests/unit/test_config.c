/* Loading settings: files, environment, settings, which of them wins, what is refused in which
 * words. */
#include "module/base/config.h"
#include "module/base/mem.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "jobsd.properties"
#define MAIN_URL "jobs.datasource.main.url = postgresql://jobs@127.0.0.1/jobs\n"

/* ---- Helpers: all files are in a directory of their own, which is the working directory ---- */

static int enter_directory(void **state) {
    char path[] = "/tmp/jobs-config-XXXXXX";
    if (!mkdtemp(path) || chdir(path))
        return -1;
    *state = mem_text(path);
    return 0;
}

static int leave_directory(void **state) {
    static const char *const files[] = {FILE_NAME, "secret", "long"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(files[i]);
    int failed = chdir("/") || rmdir(*state);
    free(*state);
    return failed;
}

static void write_bytes(const char *name, const char *bytes, size_t length) {
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void write_text(const char *name, const char *text) {
    write_bytes(name, text, strlen(text));
}

static void collect(void *arg, int level, const char *tenant, const char *id, const char *text) {
    assert_null(tenant);
    assert_null(id);
    buf_format(arg, "%s: %s\n", log_level_name(level), text);
}

static struct config *load_from(const char *file, const char *const *environment,
                                const char *const *settings, struct buf *warnings) {
    char *copies[16] = {0};
    for (size_t i = 0; environment && environment[i]; i++)
        copies[i] = mem_text(environment[i]);
    struct log log = {LOG_LEVEL_DEBUG, collect, warnings};
    struct config *config = NULL;
    struct jobs_error err = {0};
    if (config_load(file, copies, settings, warnings ? &log : NULL, &config, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; copies[i]; i++)
        free(copies[i]);
    return config;
}

static struct config *load_file(const char *text) {
    write_text(FILE_NAME, text);
    return load_from(FILE_NAME, NULL, NULL, NULL);
}

static struct config *load_environment(const char *const *environment, struct buf *warnings) {
    return load_from(NULL, environment, NULL, warnings);
}

static void assert_error(const char *file, const char *variable, const char *setting,
                         const char *expected) {
    char *copy = mem_text(variable);
    char *environment[] = {copy, NULL};
    const char *settings[] = {setting, NULL};
    struct config *untouched = (struct config *)&copy, *config = untouched;
    struct jobs_error err = {0};
    assert_int_equal(config_load(file, environment, settings, NULL, &config, &err), JOBS_ECONFIG);
    assert_int_equal(err.code, JOBS_ECONFIG);
    assert_string_equal(err.text, expected);
    assert_ptr_equal(config, untouched);
    free(copy);
}

static void file_refused(const char *text, const char *expected) {
    write_text(FILE_NAME, text);
    assert_error(FILE_NAME, NULL, NULL, expected);
}

static void setting_refused(const char *setting, const char *expected) {
    assert_error(NULL, NULL, setting, expected);
}

static void variable_refused(const char *variable, const char *expected) {
    assert_error(NULL, variable, NULL, expected);
}

/* ---- Files ---- */

static void test_defaults(void **state) {
    (void)state;
    struct config *config = load_from(NULL, NULL, NULL, NULL);
    char host[256];
    assert_int_equal(gethostname(host, sizeof host), 0);
    assert_string_equal(config_text(config, "jobs.instance.name"), host);
    assert_string_equal(config_text(config, "jobs.service"), "jobs");
    assert_string_equal(config_text(config, "jobs.amqp.url"), "");
    assert_string_equal(config_text(config, "jobs.migrate"), "auto");
    assert_int_equal(config_integer(config, "jobs.pool.size"), 10);
    assert_int_equal(config_integer(config, "jobs.completion.update.rate.ms"), 1000);
    assert_int_equal(config_integer(config, "jobs.shutdown.grace.ms"), 30000);
    assert_int_equal(config_integer(config, "jobs.amqp.refused.ms"), 60000);
    assert_int_equal(config_integer(config, "jobs.log.level"), LOG_LEVEL_INFO);
    assert_int_equal(config_datasource_count(config), 0);
    config_free(config);
    config_free(NULL);
}

static void test_file_forms(void **state) {
    (void)state;
    static const char *const texts[] = {
        "jobs.pool.size = 7\njobs.service=a\n",
        "\xef\xbb\xbfjobs.pool.size=7\r\n\r\n  # comment = 1\r\njobs.service = a\r\n",
        "\tjobs.pool.size\t=\t7 \t\n#\n\njobs.service =  a  ",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct config *config = load_file(texts[i]);
        assert_int_equal(config_integer(config, "jobs.pool.size"), 7);
        assert_string_equal(config_text(config, "jobs.service"), "a");
        config_free(config);
    }
    struct config *config = load_file("");
    assert_int_equal(config_integer(config, "jobs.pool.size"), 10);
    config_free(config);
}

static void test_value_is_the_rest_of_the_line(void **state) {
    (void)state;
    struct config *config = load_file("jobs.instance.name = a = #b \"c\" \\\n");
    assert_string_equal(config_text(config, "jobs.instance.name"), "a = #b \"c\" \\");
    config_free(config);
}

static void test_file_errors(void **state) {
    (void)state;
    file_refused("\n# x\njobs.pool.sise = 3\n",
                 "jobsd.properties:3: unknown key jobs.pool.sise (did you mean jobs.pool.size?)");
    file_refused("something.else = 3\n", "jobsd.properties:1: unknown key something.else");
    file_refused("jobs.pool.size = ten\n", "jobsd.properties:1: jobs.pool.size: \"ten\" is not a "
                                           "whole number from 1 to 1000");
    file_refused("jobs.pool.size = 5 # five\n",
                 "jobsd.properties:1: jobs.pool.size: \"5 # five\" is not a whole number from 1 to "
                 "1000 (a comment needs a line of its own)");
    file_refused("jobs.pool.size = 5\r\njobs.service = b\r\njobs.pool.size = 6\r\n",
                 "jobsd.properties:3: jobs.pool.size: jobs.pool.size is set already by "
                 "jobsd.properties:1");
    file_refused("jobs.completion.update.rate.ms = 1s\nregards.jobs.completion.update.rate.ms = 2s",
                 "jobsd.properties:2: regards.jobs.completion.update.rate.ms: "
                 "jobs.completion.update.rate.ms is set already by jobsd.properties:1");
    file_refused("jobs.pool.size 5\n",
                 "jobsd.properties:1: a line must be \"key = value\" or begin with #");
    file_refused(" = 5\n", "jobsd.properties:1: a line must be \"key = value\" or begin with #");
    file_refused("jobs.service = \xff\n",
                 "jobsd.properties:1: the line has a NUL byte or is not UTF-8");
    file_refused("jobs.instance.name = a\x01\n", "jobsd.properties:1: jobs.instance.name: the "
                                                 "value has control characters or is not UTF-8");
    write_bytes(FILE_NAME, "jobs.service = a\0b\n", 19);
    assert_error(FILE_NAME, NULL, NULL,
                 "jobsd.properties:1: the line has a NUL byte or is not UTF-8");
}

static void test_unreadable_files(void **state) {
    (void)state;
    assert_error("missing", NULL, NULL, "cannot read missing: No such file or directory");
    assert_error(".", NULL, NULL, "cannot read .: Is a directory");
    assert_error("/dev/zero", NULL, NULL, "cannot read /dev/zero: File too large");
}

static void test_long_lines(void **state) {
    (void)state;
    struct buf line = {0};
    buf_text(&line, "# ");
    while (line.length < 16384)
        buf_char(&line, 'x');
    buf_text(&line, "\njobs.pool.size = 3\n");
    write_text("long", buf_get(&line));
    struct config *config = load_from("long", NULL, NULL, NULL);
    assert_int_equal(config_integer(config, "jobs.pool.size"), 3);
    config_free(config);
    line.data[16384] = 'x';
    write_text("long", buf_get(&line));
    assert_error("long", NULL, NULL, "long:1: the line is longer than 16384 bytes");
    buf_done(&line);
}

/* ---- Names ---- */

static void test_datasources(void **state) {
    (void)state;
    struct config *config = load_file("jobs.datasource.b.url = host=h dbname=d\n"
                                      "jobs.datasource.a-b.url = postgres://h/d\n"
                                      "jobs.datasource.a.url = postgresql://h/d\n"
                                      "jobs.datasource.a.schema = Other_1\n");
    assert_int_equal(config_datasource_count(config), 3);
    assert_string_equal(config_datasource_name(config, 0), "a");
    assert_string_equal(config_datasource_name(config, 1), "a-b");
    assert_string_equal(config_datasource_name(config, 2), "b");
    assert_string_equal(config_datasource_text(config, 0, "url"), "postgresql://h/d");
    assert_string_equal(config_datasource_text(config, 0, "schema"), "Other_1");
    assert_string_equal(config_datasource_text(config, 1, "schema"), "jobs");
    assert_string_equal(config_datasource_text(config, 2, "url"), "host=h dbname=d");
    config_free(config);
}

static void test_datasource_errors(void **state) {
    (void)state;
    file_refused("jobs.datasource.Main.url = host=h\n",
                 "jobsd.properties:1: jobs.datasource.Main.url: \"Main\" is not a datasource name "
                 "(a-z, 0-9 and -, a letter or digit first, at most 63)");
    file_refused("jobs.datasource.a.schema = x\n", "jobsd.properties:1: jobs.datasource.a.schema: "
                                                   "datasource a has no jobs.datasource.a.url");
    file_refused("jobs.datasource.a.url = mysql://u:secret@h/d\n",
                 "jobsd.properties:1: jobs.datasource.a.url: the value is not a postgresql:// URL "
                 "or key=value connection string");
    file_refused("jobs.datasource.a.urll = x\n",
                 "jobsd.properties:1: unknown key jobs.datasource.a.urll (did you mean "
                 "jobs.datasource.a.url?)");
    file_refused("jobs.datasource..url = x\n", "jobsd.properties:1: unknown key "
                                               "jobs.datasource..url");
}

static void test_need_datasource(void **state) {
    (void)state;
    struct jobs_error err = {0};
    struct config *config = load_file("");
    assert_int_equal(config_need_datasource(config, &err), JOBS_ECONFIG);
    assert_string_equal(err.text, "no datasource: set jobs.datasource.<name>.url (in the "
                                  "environment JOBS_DATASOURCE_MAIN_URL for one called main)");
    config_free(config);
    struct buf text = {0};
    for (int i = 0; i < 100; i++)
        buf_format(&text, "jobs.datasource.d%d.url = host=h\n", i);
    config = load_file(buf_get(&text));
    assert_int_equal(config_need_datasource(config, &err), 0);
    config_free(config);
    buf_text(&text, MAIN_URL);
    config = load_file(buf_get(&text));
    assert_int_equal(config_need_datasource(config, &err), JOBS_ECONFIG);
    assert_string_equal(err.text, "101 datasources: one instance takes up to 100");
    config_free(config);
    buf_done(&text);
}

static void test_classes(void **state) {
    (void)state;
    struct config *config = load_file("jobs.class.com.acme.Invoice.timeout = 5m\n"
                                      "jobs.class.com.acme.Invoice.backoff = 10s..15m\n"
                                      "jobs.class.b.backoff = 3s\n"
                                      "jobs.class.b.workspace = true\n"
                                      "jobs.class.b.root = /srv/data\n"
                                      "jobs.class.b.env.PATH = /bin\n");
    static const char invoice[] = "com.acme.Invoice";
    assert_int_equal(config_class_integer(config, invoice, "timeout", -1), 300000);
    assert_int_equal(config_class_integer(config, invoice, "backoff", -1), 10000);
    assert_int_equal(config_class_integer(config, invoice, "backoff.max", -1), 900000);
    assert_int_equal(config_class_integer(config, invoice, "attempts", -1), -1);
    assert_null(config_class_text(config, invoice, "root"));
    assert_int_equal(config_class_integer(config, "b", "backoff", -1), 3000);
    assert_int_equal(config_class_integer(config, "b", "backoff.max", -1), 3000);
    assert_int_equal(config_class_integer(config, "b", "workspace", 0), 1);
    assert_int_equal(config_class_integer(config, "c", "backoff.max", -1), -1);
    assert_string_equal(config_class_text(config, "b", "root"), "/srv/data");
    assert_string_equal(config_class_text(config, "b", "env.PATH"), "/bin");
    config_free(config);
}

static void test_class_errors(void **state) {
    (void)state;
    file_refused("jobs.class.a b.timeout = 1s\n",
                 "jobsd.properties:1: jobs.class.a b.timeout: \"a b\" is not a job class name "
                 "(letters, digits, _ . and -, a letter or digit first, at most 128)");
    file_refused("jobs.class.a.env.B-C = 1\n",
                 "jobsd.properties:1: jobs.class.a.env.B-C: \"B-C\" is not a variable name "
                 "(letters, digits and _, no digit first, at most 128)");
    file_refused("jobs.class.a.b.timout = 1s\n",
                 "jobsd.properties:1: unknown key jobs.class.a.b.timout (did you mean "
                 "jobs.class.a.b.timeout?)");
    file_refused("pool.size = 1\n",
                 "jobsd.properties:1: unknown key pool.size (did you mean jobs.pool.size?)");
}

/* ---- Environment and settings ---- */

static void test_environment(void **state) {
    (void)state;
    struct config *config = load_environment(
        (const char *[]){"JOBS_POOL_SIZE=4", "JOBS_DATASOURCE_MAIN_URL=host=h",
                         "JOBS_DATASOURCE_SECOND_ONE_URL=host=i", "JOBS_AMQP_URL=amqp://h/",
                         "JOBS_CLASS_SHA256_MANIFEST_ROOT=/srv", "JOBS_CLASS_A_MAX_RUNNING=3",
                         "JOBS_CLASS_A_ENV_HTTP_TIMEOUT=5", "REGARDS_JOBS_OTHER=1",
                         "REGARDS_JOBS_COMPLETION_UPDATE_RATE_MS=250", "NO_EQUALS_SIGN",
                         "jobs.pool.size=9", NULL},
        NULL);
    assert_int_equal(config_integer(config, "jobs.pool.size"), 4);
    assert_int_equal(config_datasource_count(config), 2);
    assert_string_equal(config_datasource_name(config, 0), "main");
    assert_string_equal(config_datasource_name(config, 1), "second-one");
    assert_string_equal(config_text(config, "jobs.amqp.url"), "amqp://h/");
    assert_string_equal(config_class_text(config, "sha256-manifest", "root"), "/srv");
    assert_int_equal(config_class_integer(config, "a", "max_running", 0), 3);
    assert_string_equal(config_class_text(config, "a", "env.HTTP_TIMEOUT"), "5");
    assert_int_equal(config_integer(config, "jobs.completion.update.rate.ms"), 250);
    config_free(config);
}

static void test_environment_warnings(void **state) {
    (void)state;
    struct buf warnings = {0};
    struct config *config = load_environment(
        (const char *[]){"JOBS_PORT=tcp://10.0.0.1:80", "JOBS_POOL_SISE=4", "JOBS_TENANT=acme",
                         "JOBS_TEST_SERVERS=1", "JOBS_ID=1", "JOBS_CLASS=c", "JOBS_WORKSPACE=/w",
                         "JOBS_CLASS_A_B_TIMEOTU=1s", "PATH=/bin", "JOBSITE=1", NULL},
        &warnings);
    assert_string_equal(buf_get(&warnings),
                        "warning: environment JOBS_PORT: no such setting, ignored\n"
                        "warning: environment JOBS_POOL_SISE: no such setting (did you mean "
                        "JOBS_POOL_SIZE?), ignored\n"
                        "warning: environment JOBS_CLASS_A_B_TIMEOTU: no such setting (did you "
                        "mean JOBS_CLASS_A_B_TIMEOUT?), ignored\n");
    config_free(config);
    buf_done(&warnings);
}

static void test_environment_and_setting_errors(void **state) {
    (void)state;
    variable_refused("JOBS_POOL_SIZE=0", "environment JOBS_POOL_SIZE: jobs.pool.size: \"0\" is not "
                                         "a whole number from 1 to 1000");
    variable_refused("JOBS_LOG_LEVEL=", "environment JOBS_LOG_LEVEL: jobs.log.level: \"\" is not "
                                        "error, warning, info or debug");
    variable_refused("JOBS_DATASOURCE___URL=host=h",
                     "environment JOBS_DATASOURCE___URL: jobs.datasource.-.url: \"-\" is not a "
                     "datasource name (a-z, 0-9 and -, a letter or digit first, at most 63)");
    setting_refused("jobs.pool.size=0", "setting: jobs.pool.size: \"0\" is not a whole number from "
                                        "1 to 1000");
    setting_refused("jobs.pool.sise=1",
                    "setting: unknown key jobs.pool.sise (did you mean jobs.pool.size?)");
    setting_refused("jobs.pool.size", "setting: it must be \"key=value\"");
}

static void test_variables_for_one_key(void **state) {
    (void)state;
    char one[] = "JOBS_AMQP_URL=amqp://h", two[] = "JOBS_AMQP_URL_FILE=secret";
    struct config *config = NULL;
    struct jobs_error err;
    assert_int_equal(config_load(NULL, (char *[]){one, two, NULL}, NULL, NULL, &config, &err),
                     JOBS_ECONFIG);
    assert_string_equal(err.text, "environment JOBS_AMQP_URL_FILE: jobs.amqp.url.file: "
                                  "jobs.amqp.url is set already by environment JOBS_AMQP_URL");
}

static void test_later_source_wins(void **state) {
    (void)state;
    write_text(FILE_NAME, "jobs.pool.size = 1\njobs.service = file\njobs.migrate = never\n");
    struct config *config =
        load_from(FILE_NAME, (const char *[]){"JOBS_POOL_SIZE=2", "JOBS_SERVICE=env", NULL},
                  (const char *[]){"jobs.pool.size=3", " jobs.pool.size = 4 ", NULL}, NULL);
    assert_int_equal(config_integer(config, "jobs.pool.size"), 4);
    assert_string_equal(config_text(config, "jobs.service"), "env");
    assert_string_equal(config_text(config, "jobs.migrate"), "never");
    config_free(config);
}

/* ---- Secrets in files ---- */

static void test_url_file(void **state) {
    (void)state;
    write_text("secret", "amqp://u:p@h/v\r\n\n");
    struct config *config = load_file(MAIN_URL "jobs.amqp.url.file = secret\n");
    assert_string_equal(config_text(config, "jobs.amqp.url"), "amqp://u:p@h/v");
    config_free(config);
    write_text("secret", "host=h password=p");
    config = load_environment((const char *[]){"JOBS_DATASOURCE_MAIN_URL_FILE=secret", NULL}, NULL);
    assert_string_equal(config_datasource_text(config, 0, "url"), "host=h password=p");
    config_free(config);
}

/* A file that another source overrides is not even read. */
static void test_url_file_overridden(void **state) {
    (void)state;
    write_text(FILE_NAME, "jobs.amqp.url.file = missing\n");
    struct config *config =
        load_from(FILE_NAME, (const char *[]){"JOBS_AMQP_URL=amqp://h", NULL}, NULL, NULL);
    assert_string_equal(config_text(config, "jobs.amqp.url"), "amqp://h");
    config_free(config);
}

static void test_url_file_errors(void **state) {
    (void)state;
    file_refused("\njobs.amqp.url.file = missing\n",
                 "jobsd.properties:2: jobs.amqp.url.file: cannot read missing: No such file or "
                 "directory");
    write_text("secret", "http://u:p@h\n");
    file_refused("jobs.amqp.url.file = secret\n", "jobsd.properties:1, secret: jobs.amqp.url: the "
                                                  "value is not an amqp:// or amqps:// URL, or "
                                                  "nothing");
    write_text("secret", "amqp://h\namqp://i\n");
    file_refused("jobs.amqp.url.file = secret\n",
                 "jobsd.properties:1, secret: jobs.amqp.url: the value has control characters or "
                 "is not UTF-8");
    file_refused("jobs.amqp.url = amqp://h\njobs.amqp.url.file = secret\n",
                 "jobsd.properties:2: jobs.amqp.url.file: jobs.amqp.url is set already by "
                 "jobsd.properties:1");
    file_refused("jobs.amqp.url.file =\n",
                 "jobsd.properties:1: jobs.amqp.url.file: \"\" is not the name of a file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_file_forms),
        cmocka_unit_test(test_value_is_the_rest_of_the_line),
        cmocka_unit_test(test_file_errors),
        cmocka_unit_test(test_unreadable_files),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_datasources),
        cmocka_unit_test(test_datasource_errors),
        cmocka_unit_test(test_need_datasource),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_class_errors),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_environment_warnings),
        cmocka_unit_test(test_environment_and_setting_errors),
        cmocka_unit_test(test_variables_for_one_key),
        cmocka_unit_test(test_later_source_wins),
        cmocka_unit_test(test_url_file),
        cmocka_unit_test(test_url_file_overridden),
        cmocka_unit_test(test_url_file_errors),
    };
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
