/* Pages of tenants, of counts and of tokens, of one datasource and of several: all of them once, in order. */
#include "module/base/buf.h"
#include "tests/lib/api.h"
#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MORE = 2500 };

static struct test_service *service;
static char base[300];

static void add_tenants(const char *url, const char *prefix, int count) {
    test_sql(url,
             "insert into jobs.t_tenant (tenant) select '%s' || n from generate_series(1, %d) n",
             prefix, count);
    test_sql(url,
             "insert into jobs.t_job_count (tenant, class_name, status, n) "
             "select '%s' || n, 'noop', s::jobs.job_status, n from generate_series(1, %d) n, "
             "unnest('{QUEUED,SUCCEEDED}'::text[]) s",
             prefix, count);
}

/* Minutes `from`, from + 2, … of one day. */
static void add_tokens(const char *url, const char *name, int from, int count) {
    test_sql(url,
             "insert into jobs.t_job_token (id, hash, name, role, created_date) "
             "select gen_random_uuid(), '%s' || n, '%s' || n, 'viewer', "
             "timestamptz '2026-01-01 00:00Z' + n * interval '1 minute' "
             "from generate_series(%d, %d, 2) n",
             name, name, from, from + 2 * (count - 1));
}

static int up(void **state) {
    struct buf a = {0}, b = {0};
    const char *urls[] = {service_database(), service_database()};
    (void)state;
    add_tenants(urls[0], "a", MORE);
    add_tenants(urls[1], "b", 3);
    add_tenants(urls[1], "a-", 3); /* between those of the other one */
    add_tokens(urls[0], "even", 0, 20);
    add_tokens(urls[1], "odd", 1, 15);
    buf_format(&a, "jobs.datasource.one.url=%s", urls[0]);
    buf_format(&b, "jobs.datasource.two.url=%s", urls[1]);
    service = service_start(NULL, NULL, buf_get(&a), buf_get(&b),
                            "jobs.amqp.url=", "jobs.api.listen=127.0.0.1:0", "jobs.api.rate=0",
                            "jobs.api.auth=none", NULL);
    STORE_OK(job_service_url(service_of(service), base, sizeof base, &err));
    buf_done(&a), buf_done(&b);
    return 0;
}

static int down(void **state) {
    (void)state;
    service_stop(service);
    return 0;
}

/* Reads all pages; fails unless the `member`s of the rows are in rising order, each once. */
static size_t page_through(const char *path, size_t *ret_pages) {
    char cursor[300] = "", last[300] = "";
    size_t rows = 0;
    for (*ret_pages = 0;; ++*ret_pages) {
        char *body = http_get(200, base, NULL, "%s%s%s", path, *cursor ? "&cursor=" : "", cursor);
        for (char *p = body; (p = strstr(p, "{\"tenant\":\"")); rows++) {
            char name[300] = "";
            p += 11;
            snprintf(name, sizeof name, "%.*s", (int)strcspn(p, "\""), p);
            assert_true(strcmp(name, last) > 0 || (last[0] == 't' && !strcmp(name, last)));
            memcpy(last, name, sizeof last);
        }
        const char *next = strstr(body, "\"cursor\":\"");
        snprintf(cursor, sizeof cursor, "%.*s", next ? (int)strcspn(next + 10, "\"") : 0,
                 next ? next + 10 : "");
        free(body);
        if (!next)
            return rows;
    }
}

static void tenants_come_in_pages(void **state) {
    const size_t all = MORE + 6 + 14; /* t0 to t6 are in both */
    size_t pages;
    (void)state;
    assert_int_equal(page_through("/api/v1/tenants?limit=7", &pages), all);
    assert_int_equal(pages, (all - 1) / 7);
    assert_int_equal(page_through("/api/v1/tenants?limit=1000", &pages), all);
    assert_int_equal(pages, 2);
    assert_int_equal(page_through("/api/v1/tenants?search=a-", &pages), 3);
    char *body = http_get(200, base, NULL, "/api/v1/tenants");
    api_has(body, "\"total\":2520");
    api_has(body, "\"cursor\":");
    free(body);
    body = http_get(200, base, NULL, "/api/v1/tenants?order=work&limit=2");
    api_has(body, "{\"tenants\":[{\"tenant\":\"a2500\",");
    char *second = strstr(body, "\"cursor\":\"") + 10;
    second[strcspn(second, "\"")] = '\0';
    char *next = http_get(200, base, NULL, "/api/v1/tenants?order=work&limit=2&cursor=%s", second);
    api_has(next, "{\"tenants\":[{\"tenant\":\"a2498\",");
    free(next), free(body);
    free(http_get(400, base, NULL, "/api/v1/tenants?order=age"));
    free(http_get(400, base, NULL, "/api/v1/tenants?limit=0"));
}

static void counts_come_in_pages(void **state) {
    size_t pages;
    (void)state;
    assert_int_equal(page_through("/api/v1/stats?limit=500", &pages), MORE + 6);
    char *body = http_get(200, base, NULL, "/api/v1/stats?limit=1");
    api_has(body, "\"QUEUED\":3126262,"); /* the sums are of all */
    free(body);
    body = http_get(200, base, NULL, "/api/v1/tenants/a7/stats?limit=1");
    api_has(body, "\"QUEUED\":7,");
    assert_null(strstr(body, "cursor"));
    free(body);
}

/* Those of both datasources, the latest first. */
static void tokens_come_in_pages(void **state) {
    char cursor[300] = "", last[40] = "9";
    size_t rows = 0, pages = 0;
    (void)state;
    do {
        char *body = http_get(200, base, NULL, "/api/v1/tokens?limit=4%s%s",
                              *cursor ? "&cursor=" : "", cursor);
        for (const char *p = body; (p = strstr(p, "\"created_date\":\"")); rows++) {
            char date[40];
            p += 16;
            snprintf(date, sizeof date, "%.*s", (int)strcspn(p, "\""), p);
            assert_true(strcmp(date, last) < 0);
            memcpy(last, date, sizeof last);
        }
        const char *next = strstr(body, "\"cursor\":\"");
        snprintf(cursor, sizeof cursor, "%.*s", next ? (int)strcspn(next + 10, "\"") : 0,
                 next ? next + 10 : "");
        free(body);
        pages++;
    } while (cursor[0]);
    assert_int_equal(rows, 35);
    assert_int_equal(pages, 9);
    free(http_get(400, base, NULL, "/api/v1/tokens?limit=1001"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tenants_come_in_pages),
        cmocka_unit_test(counts_come_in_pages),
        cmocka_unit_test(tokens_come_in_pages),
    };
    return cmocka_run_group_tests(tests, up, down);
}
