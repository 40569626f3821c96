/* What docs/ has for monitoring fits the metrics that there are: the tables of monitoring.md, the
 * alert rules (by promtool) and the dashboard. */
#include "module/base/buf.h"
#include "module/base/table.h"
#include "tests/lib/event_source.h"
#include "tests/lib/http.h"
#include "tests/lib/service.h"

#include <ctype.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *read_file(const char *path) {
    struct buf text = {0};
    char part[4096];
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;)
        buf_add(&text, part, n);
    fclose(file);
    return buf_take(&text);
}

/* The names of all families, from their # TYPE lines. */
static void read_families(struct table *ret) {
    struct event_source source;
    char amqp[300], name[300], base[300];
    event_source_open(&source, test_amqp_url(), NULL);
    snprintf(amqp, sizeof amqp, "jobs.amqp.url=%s", test_amqp_url());
    snprintf(name, sizeof name, "jobs.service=%s", source.service);
    struct test_service *service =
        service_start(service_database(), runs_classes, amqp, name, "jobs.api.listen=127.0.0.1:0",
                      "jobs.api.auth=none", NULL);
    OK(job_service_url(service_of(service), base, sizeof base, &err));
    char *text = http_get(200, base, NULL, "/metrics");
    for (char *p = text; (p = strstr(p, "# TYPE ")); p++) {
        char family[100];
        assert_int_equal(sscanf(p, "# TYPE %99s", family), 1);
        table_put(ret, family, ret);
    }
    free(text);
    service_stop(service);
    event_source_close(&source);
}

static size_t word_length(const char *p) {
    size_t n = 0;
    while (isalnum((unsigned char)p[n]) || p[n] == '_')
        n++;
    return n;
}

/* Takes the suffix of a histogram's series off. */
static void base_name(const struct table *families, char *name) {
    static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
    for (size_t i = 0; i < 3 && !table_get(families, name); i++) {
        size_t length = strlen(name), end = strlen(suffixes[i]);
        if (length > end && strcmp(name + length - end, suffixes[i]) == 0)
            name[length - end] = '\0';
    }
}

/* Every word that looks like a metric must be one. Returns how many there were. */
static size_t check_names(const struct table *families, const char *what, const char *text) {
    size_t found = 0;
    for (const char *p = text; (p = strstr(p, "jobs_"));) {
        char name[100];
        size_t n = word_length(p);
        bool begins = p == text || !(isalnum((unsigned char)p[-1]) || strchr("_.:/-", p[-1]));
        snprintf(name, sizeof name, "%.*s", (int)n, p);
        p += n;
        base_name(families, name);
        if (!begins)
            continue;
        found++;
        if (!table_get(families, name))
            fail_msg("%s speaks of %s, which is no metric", what, name);
    }
    return found;
}

static void they_speak_of_what_there_is(void **state) {
    (void)state;
    struct table families = {0};
    read_families(&families);
    assert_true(families.count > 50);
    char *manual = read_file(SOURCE_DIR "/docs/monitoring.md"),
         *rules = read_file(SOURCE_DIR "/docs/prometheus/alerts.yml"),
         *board = read_file(SOURCE_DIR "/docs/grafana/jobs.json");
    assert_true(check_names(&families, "monitoring.md", manual) > 50);
    assert_true(check_names(&families, "alerts.yml", rules) > 10);
    struct json_object *json = json_tokener_parse(board);
    assert_non_null(json);
    assert_true(check_names(&families, "jobs.json", board) > 30);
    json_object_put(json);
    size_t at = 0;
    const char *name;
    void *value;
    while (table_next(&families, &at, &name, &value)) {
        char row[120];
        snprintf(row, sizeof row, "| `%s`", name);
        if (!strstr(manual, row))
            fail_msg("%s is not in docs/monitoring.md", name);
    }
    free(manual), free(rules), free(board);
    table_done(&families, NULL);
}

static void promtool_takes_the_rules(void **state) {
    (void)state;
    int status = system("promtool check rules " SOURCE_DIR "/docs/prometheus/alerts.yml >&2");
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_speak_of_what_there_is),
        cmocka_unit_test(promtool_takes_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
