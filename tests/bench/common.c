#include "module/base/clock.h"
#include "module/base/mem.h"
#include "sql/sql.h"
#include "tests/bench/bench.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 1000

void bench_die(const char *what, const char *why) {
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

static JOBS_PRINTF(2, 0) PGresult *ask(const struct bench *bench, const char *format,
                                       va_list arguments) {
    char text[4000];
    vsnprintf(text, sizeof text, format, arguments);
    PGresult *result = PQexec(bench->db, text);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        bench_die(text, PQerrorMessage(bench->db));
    return result;
}

void bench_sql(const struct bench *bench, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PQclear(ask(bench, format, arguments));
    va_end(arguments);
}

PGresult *bench_rows(const struct bench *bench, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PGresult *result = ask(bench, format, arguments);
    va_end(arguments);
    return result;
}

double bench_number(const struct bench *bench, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PGresult *result = ask(bench, format, arguments);
    va_end(arguments);
    if (PQntuples(result) != 1)
        bench_die(format, "one row was expected");
    double number = strtod(PQgetvalue(result, 0, 0), NULL);
    PQclear(result);
    return number;
}

PGconn *bench_connect(const struct bench *bench) {
    char text[200];
    snprintf(text, sizeof text, "set client_min_messages = warning; set search_path = %s",
             bench->schema);
    PGconn *db = PQconnectdb(bench->url);
    PGresult *result = PQexec(db, text);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        bench_die("connect", PQerrorMessage(db));
    PQclear(result);
    return db;
}

void bench_begin(struct bench *bench, size_t tenants) {
    static int number;
    struct jobs_error err;
    snprintf(bench->schema, sizeof bench->schema, "bench_%d_%d", (int)getpid(), ++number);
    snprintf(bench->service, sizeof bench->service, "bench-%d-%d", (int)getpid(), number);
    struct sql_options options = {.url = bench->url, .schema = bench->schema};
    struct sql *sql;
    if (sql_open(&options, &sql, &err) < 0 || sql_migrate(sql, NULL, NULL, &err) < 0)
        bench_die("migrate", err.text);
    sql_close(sql);
    bench->db = bench_connect(bench);
    bench->infos = (struct job_info_service){.db = bench->db, .schema = bench->schema};
    bench_sql(bench, "insert into t_tenant (tenant) select 't' || g from generate_series(0, %zu) g",
              tenants - 1);
}

void bench_end(struct bench *bench) {
    bench_sql(bench, "drop schema %s cascade", bench->schema);
    PQfinish(bench->db);
}

static void only_errors(void *arg, int level, const char *tenant, const char *id,
                        const char *text) {
    (void)arg, (void)tenant, (void)id;
    if (level == 0)
        fprintf(stderr, "bench: %s\n", text);
}

#define SETTINGS_MAX 20

struct job_service *bench_service(const struct bench *bench, bool with_broker,
                                  const struct job_class *const *classes,
                                  const char *const *settings) {
    char schema[100], service[100], amqp[600];
    snprintf(schema, sizeof schema, "jobs.datasource.main.schema=%s", bench->schema);
    snprintf(service, sizeof service, "jobs.service=%s", bench->service);
    snprintf(amqp, sizeof amqp, "jobs.amqp.url=%s", with_broker ? bench->amqp_url : "");
    const char *all[SETTINGS_MAX] = {schema, service, amqp};
    for (size_t n = 3; settings && *settings && n < SETTINGS_MAX - 1; settings++)
        all[n++] = *settings;
    struct job_service_options options = {.size = sizeof options,
                                          .settings = all,
                                          .classes = classes,
                                          .log = only_errors};
    struct job_service *ret;
    struct jobs_error err;
    if (job_service_start(&options, &ret, &err) < 0)
        bench_die("start", err.text);
    return ret;
}

void bench_stop(struct job_service *service) {
    struct jobs_error err;
    if (job_service_stop(service, 10000, &err) < 0)
        bench_die("stop", err.text);
}

/* Looks seldom at first: what measures must not be what is measured. */
void bench_wait_succeeded(const struct bench *bench, size_t jobs) {
    for (double left = (double)jobs; left > 0;) {
        left = (double)jobs - bench_number(bench, "select coalesce(sum(n), 0) from v_job_count "
                                                  "where status = 'SUCCEEDED'");
        if (left > 0)
            poll(NULL, 0, left > (double)jobs / 10 ? 50 : 5);
    }
}

void bench_wait_idle(const struct bench *bench) {
    while (bench_number(bench, "select count(*) from t_job_wake where sleepers <> '{}'") < 1)
        poll(NULL, 0, 20);
}

double bench_submit(const struct bench *bench, const char *class_name, size_t n, size_t tenants) {
    struct job_info *infos = mem_zero(BATCH, sizeof *infos);
    struct job_uuid *ids = mem_zero(BATCH, sizeof *ids);
    char(*names)[24] = mem_zero(BATCH, sizeof *names);
    int64_t before = clock_now();
    for (size_t done = 0; done < n;) {
        size_t batch = n - done < BATCH ? n - done : BATCH;
        for (size_t i = 0; i < batch; i++) {
            snprintf(names[i], sizeof names[i], "t%zu", (done + i) % tenants);
            infos[i] = (struct job_info){.size = sizeof infos[i],
                                         .tenant = names[i],
                                         .class_name = class_name};
        }
        struct jobs_error err;
        if (job_info_create_as_queued(&bench->infos, infos, batch, ids, &err) < 0)
            bench_die("submit", err.text);
        done += batch;
    }
    double rate = (double)n * 1e6 / (double)(clock_now() - before);
    free(infos), free(ids), free(names);
    return rate;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_percentile(double *values, size_t n, double p) {
    qsort(values, n, sizeof *values, ascending);
    return values[(size_t)((double)(n - 1) * p / 100 + 0.5)];
}

struct bench_latency bench_latency_of(double *values, size_t n) {
    return (struct bench_latency){bench_percentile(values, n, 50), bench_percentile(values, n, 99),
                                  bench_percentile(values, n, 100)};
}
