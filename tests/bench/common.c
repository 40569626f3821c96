#include "module/base/clock.h"
#include "sql/sql.h"
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 1000

void bench_die(const char *what, const char *why) {
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

static void command(const struct bench *bench, const char *text) {
    PGresult *result = PQexec(bench->db, text);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        bench_die(text, PQerrorMessage(bench->db));
    PQclear(result);
}

void bench_begin(struct bench *bench) {
    static int number;
    struct jobs_error err;
    snprintf(bench->schema, sizeof bench->schema, "bench_%d_%d", (int)getpid(), ++number);
    snprintf(bench->service, sizeof bench->service, "bench-%d-%d", (int)getpid(), number);
    struct sql_options options = {.url = bench->url, .schema = bench->schema};
    struct sql *sql;
    if (sql_open(&options, &sql, &err) < 0 || sql_migrate(sql, NULL, NULL, &err) < 0)
        bench_die("migrate", err.text);
    sql_close(sql);
    bench->db = PQconnectdb(bench->url);
    bench->infos = (struct job_info_service){.db = bench->db, .schema = bench->schema};
    char text[200];
    snprintf(text, sizeof text, "set client_min_messages = warning; set search_path = %s",
             bench->schema);
    command(bench, text);
    command(bench, "insert into t_tenant (tenant) select 't' || g from generate_series(0, 9) g");
}

void bench_end(struct bench *bench) {
    char text[80];
    snprintf(text, sizeof text, "drop schema %s cascade", bench->schema);
    command(bench, text);
    PQfinish(bench->db);
}

static void only_errors(void *arg, int level, const char *tenant, const char *id,
                        const char *text) {
    (void)arg, (void)tenant, (void)id;
    if (level == 0)
        fprintf(stderr, "bench: %s\n", text);
}

struct job_service *bench_service(const struct bench *bench, bool with_broker,
                                  const struct job_class *const *classes) {
    char schema[100], service[100], amqp[600];
    snprintf(schema, sizeof schema, "jobs.datasource.main.schema=%s", bench->schema);
    snprintf(service, sizeof service, "jobs.service=%s", bench->service);
    snprintf(amqp, sizeof amqp, "jobs.amqp.url=%s", with_broker ? bench->amqp_url : "");
    const char *settings[] = {schema, service, amqp, NULL};
    struct job_service_options options = {.size = sizeof options,
                                          .settings = settings,
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

double bench_number(const struct bench *bench, const char *query) {
    PGresult *result = PQexec(bench->db, query);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
        bench_die(query, PQerrorMessage(bench->db));
    double number = strtod(PQgetvalue(result, 0, 0), NULL);
    PQclear(result);
    return number;
}

double bench_submit(const struct bench *bench, const char *class_name, size_t n) {
    static struct job_info infos[BATCH];
    static struct job_uuid ids[BATCH];
    char tenants[10][4];
    int64_t before = clock_now();
    for (size_t done = 0; done < n;) {
        size_t batch = n - done < BATCH ? n - done : BATCH;
        for (size_t i = 0; i < batch; i++) {
            snprintf(tenants[i % 10], sizeof tenants[0], "t%zu", i % 10);
            infos[i] = (struct job_info){.size = sizeof infos[i],
                                         .tenant = tenants[i % 10],
                                         .class_name = class_name};
        }
        struct jobs_error err;
        if (job_info_create_as_queued(&bench->infos, infos, batch, ids, &err) < 0)
            bench_die("submit", err.text);
        done += batch;
    }
    return (double)n * 1e6 / (double)(clock_now() - before);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_percentile(double *values, size_t n, double p) {
    qsort(values, n, sizeof *values, ascending);
    return values[(size_t)((double)(n - 1) * p / 100 + 0.5)];
}
