#include "tests/lib/service.h"

#include "module/base/buf.h"
#include "module/base/mem.h"
#include "module/store/store.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct test_service {
    struct job_service *service;
    pthread_mutex_t lock;
    struct buf log; /* lines */
    bool show;
};

void service_schema(const char *url) {
    OK(store_migrate(url, "jobs", NULL, NULL, &err));
    test_sql(url,
             "insert into jobs.t_tenant (tenant) select 't' || n from generate_series(0, 6) n");
}

const char *service_database(void) {
    const char *url = test_database();
    service_schema(url);
    return url;
}

/* ---- life ---- */

static void on_log(void *arg, int level, const char *tenant, const char *id, const char *text) {
    struct test_service *s = arg;
    pthread_mutex_lock(&s->lock);
    buf_format(&s->log, "%d [%s/%s] %s\n", level, tenant ? tenant : "", id ? id : "", text);
    pthread_mutex_unlock(&s->lock);
    if (s->show)
        fprintf(stderr, "%d [%s/%s] %s\n", level, tenant ? tenant : "", id ? id : "", text);
}

static void service_free(struct test_service *s) {
    pthread_mutex_destroy(&s->lock);
    buf_done(&s->log);
    free(s);
}

int service_try(const char *file, const char *const *settings,
                const struct job_class *const *classes, struct test_service **ret,
                struct jobs_error *err) {
    struct test_service *s = MEM_NEW(struct test_service);
    pthread_mutex_init(&s->lock, NULL);
    s->show = getenv("JOBS_TEST_LOG") != NULL;
    struct job_service_options options = {.size = sizeof options,
                                          .file = file,
                                          .settings = settings,
                                          .classes = classes ? classes : runs_classes,
                                          .log = on_log,
                                          .arg = s};
    int rc = job_service_start(&options, &s->service, err);
    if (rc < 0)
        service_free(s);
    else
        *ret = s;
    return rc;
}

struct test_service *service_start(const char *url, const struct job_class *const *classes, ...) {
    const char *settings[24] = {"jobs.amqp.url=", "jobs.log.level=debug"};
    struct buf main_url = {0};
    struct test_service *s = NULL;
    size_t n = 2;
    buf_format(&main_url, "jobs.datasource.main.url=%s", url ? url : "");
    if (url)
        settings[n++] = buf_get(&main_url);
    va_list more;
    va_start(more, classes);
    while (n < 23 && (settings[n] = va_arg(more, const char *)))
        n++;
    va_end(more);
    OK(service_try(NULL, settings, classes, &s, &err));
    buf_done(&main_url);
    return s;
}

struct job_service *service_of(struct test_service *service) {
    return service->service;
}

size_t service_said(struct test_service *service, const char *text) {
    size_t n = 0;
    pthread_mutex_lock(&service->lock);
    for (const char *at = buf_get(&service->log); (at = strstr(at, text)); n++)
        at += strcspn(at, "\n");
    pthread_mutex_unlock(&service->lock);
    return n;
}

void service_stop_within(struct test_service *service, int64_t grace) {
    if (!service)
        return;
    OK(job_service_stop(service->service, grace, &err));
    service_free(service);
}

void service_stop(struct test_service *service) {
    service_stop_within(service, LONG_MS * test_time_factor());
}

/* ---- jobs ---- */

void submit_many(const char *url, const char *class_name, int count, int tenants,
                 const char *options) {
    test_sql(url,
             "select jobs.job_submit_many('t' || n %% %d, jsonb_agg(jsonb_build_object("
             "'class_name', '%s', 'parameters', jsonb_build_object('n', n)) || '%s' order by n)) "
             "from generate_series(0, %d - 1) n group by n %% %d",
             tenants, class_name, options ? options : "{}", count, tenants);
}

char *submit(const char *url, const char *format, ...) {
    char *arguments;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&arguments, format, args);
    va_end(args);
    assert_true(n >= 0);
    char *id = test_sql_value(url, "select jobs.job_submit(%s)", arguments);
    free(arguments);
    return id;
}

void wait_final(const char *url, int64_t count, int64_t timeout) {
    static const char final[] = "select coalesce(sum(n), 0) from jobs.v_job_count "
                                "where status in ('SUCCEEDED', 'FAILED', 'ABORTED')";
    if (test_wait_sql(url, timeout, "select (%s) >= %lld", final, (long long)count))
        return;
    char *counts = test_sql_value(url, "select string_agg(status || ' ' || n, ', ') from (select "
                                       "status, count(*) n from jobs.t_job_info group by 1) x");
    fail_msg("%lld jobs have not ended in time; there are: %s", (long long)count, counts);
}

void wait_status(const char *url, const char *id, const char *status) {
    if (test_wait_sql(url, LONG_MS, "select status = '%s' from jobs.t_job_info where id = '%s'",
                      status, id))
        return;
    char *now = job_column(url, id, "status");
    fail_msg("job %s is %s, not %s", id, now, status);
}

char *job_column(const char *url, const char *id, const char *column) {
    char *text =
        test_sql_value(url, "select (%s)::text from jobs.v_job where id = '%s'", column, id);
    return text ? text : mem_text("");
}

void assert_job(const char *url, const char *id, const char *column, const char *expected) {
    char *text = job_column(url, id, column);
    if (strcmp(text, expected) != 0)
        fail_msg("job %s: %s is \"%.200s\", not \"%.200s\"", id, column, text, expected);
    free(text);
}

int64_t count_jobs(const char *url, const char *condition) {
    return test_sql_integer(url, "select count(*) from jobs.t_job_info where %s", condition);
}
