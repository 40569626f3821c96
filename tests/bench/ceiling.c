/* The ceiling: the statements of the tick over one connection, batch after batch, driven by nothing
 * but a pipeline. No pool, no shares, no life of a job in memory: what PostgreSQL allows one
 * dispatcher. */
#include "module/base/buf.h"
#include "module/base/clock.h"
#include "sql/sql.h"
#include "tests/bench/bench.h"

#include <stdlib.h>

#define BATCH 500 /* as the tick's largest */
#define TENANTS 10
#define INSTANCE "00000000-0000-7000-8000-00000000beef"

static const char *const names[] = {"tick_begin", "run_succeed", "ready_claim", "receipt_close"};

struct ceiling {
    struct sql *sql;
    struct sql_result *claimed; /* of the tick before: they end in this one */
    int64_t tick;
    struct buf arrays[24]; /* 6 of run_succeed, 4 of ready_claim, 3 of receipt_close */
    size_t array_count;
};

static struct buf *array_new(struct ceiling *ceiling) {
    struct buf *array = &ceiling->arrays[ceiling->array_count++];
    sql_array_begin(array);
    return array;
}

static void array_end(struct sql_parameters *p, struct buf *array) {
    sql_array_end(array);
    sql_add_text(p, buf_get(array));
}

/* An array of `count` times the same element. */
static void add_same(struct ceiling *ceiling, struct sql_parameters *p, size_t count,
                     const char *element) {
    struct buf *array = array_new(ceiling);
    for (size_t i = 0; i < count; i++)
        sql_array_plain(array, element);
    array_end(p, array);
}

static void add_column(struct ceiling *ceiling, struct sql_parameters *p, const char *column) {
    struct buf *array = array_new(ceiling);
    int of = sql_column(ceiling->claimed, column);
    for (size_t i = 0; i < sql_count(ceiling->claimed); i++)
        sql_array_plain(array, sql_get(ceiling->claimed, i, of));
    array_end(p, array);
}

/* All that were claimed have begun and succeeded meanwhile. */
static void fill_ends(struct ceiling *ceiling, struct sql_parameters *p) {
    static const char *const rest[] = {"100", "50", "NULL", "NULL"};
    add_column(ceiling, p, "id");
    add_column(ceiling, p, "version");
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        add_same(ceiling, p, sql_count(ceiling->claimed), rest[i]);
}

static void fill_claim(struct ceiling *ceiling, struct sql_parameters *p) {
    sql_add_integer(p, ++ceiling->tick);
    struct buf *lanes = array_new(ceiling), *tenants = array_new(ceiling),
               *quotas = array_new(ceiling), *ranges = array_new(ceiling);
    char tenant[8] = "t0";
    for (; tenant[1] < '0' + TENANTS; tenant[1]++) {
        sql_array_text(lanes, "");
        sql_array_text(tenants, tenant);
        sql_array_integer(quotas, BATCH / TENANTS);
        sql_array_integer(ranges, 1);
    }
    array_end(p, lanes);
    array_end(p, tenants);
    array_end(p, quotas);
    sql_add_integer(p, BATCH);
    array_end(p, ranges); /* all of them look everywhere */
    sql_add_text(p, buf_get(ranges));
    sql_add_text(p, "{2147483647}");
    sql_add_text(p, "{-2147483648}");
    sql_add_text(p, "{-1}");
}

/* The receipts of the tick before the last. */
static void fill_receipts(struct ceiling *ceiling, struct sql_parameters *p) {
    struct buf *ticks = array_new(ceiling), *tenants = array_new(ceiling),
               *lanes = array_new(ceiling);
    char tenant[8] = "t0";
    for (; tenant[1] < '0' + TENANTS; tenant[1]++) {
        sql_array_integer(ticks, ceiling->tick - 2);
        sql_array_text(tenants, tenant);
        sql_array_text(lanes, "");
    }
    array_end(p, ticks);
    array_end(p, tenants);
    array_end(p, lanes);
}

/* Returns how many jobs it ended. */
static size_t tick(struct ceiling *ceiling) {
    struct sql_parameters parameters[4] = {0};
    struct sql_step steps[4];
    size_t ended = ceiling->claimed ? sql_count(ceiling->claimed) : 0, count = 0;
    ceiling->array_count = 0;
    for (size_t i = 0; i < 4; i++) {
        if (i == 1 && ended == 0)
            continue;
        struct sql_parameters *p = &parameters[count];
        steps[count++] = (struct sql_step){.name = names[i], .parameters = p};
        sql_add_text(p, INSTANCE);
        if (i == 0)
            sql_add_integer(p, 0);
        else if (i == 1)
            fill_ends(ceiling, p);
        else if (i == 2)
            fill_claim(ceiling, p);
        else
            fill_receipts(ceiling, p);
    }
    struct jobs_error err;
    if (sql_pipeline(ceiling->sql, steps, count, NULL, &err) < 0)
        bench_die("ceiling", err.text);
    sql_result_free(ceiling->claimed);
    ceiling->claimed = steps[count - 2].result;
    for (size_t i = 0; i < count; i++)
        if (i != count - 2)
            sql_result_free(steps[i].result);
    return ended;
}

double measure_ceiling(const struct bench *bench, size_t jobs) {
    struct ceiling ceiling = {0};
    struct sql_options options = {.url = bench->url,
                                  .schema = bench->schema,
                                  .fenced_plans = true,
                                  .lock_timeout = 100};
    struct jobs_error err;
    if (sql_open(&options, &ceiling.sql, &err) < 0 ||
        sql_prepare(ceiling.sql, names, sizeof names / sizeof *names, &err) < 0)
        bench_die("ceiling", err.text);
    bench_sql(bench, "insert into t_job_instance (id, name, host, pid, version, class_names, "
                     "pool_size) values ('" INSTANCE "', 'ceiling', '', 0, '', '{noop}', 10)");
    int64_t before = clock_now();
    for (size_t ended = 0; ended < jobs;)
        ended += tick(&ceiling);
    double rate = (double)jobs * 1e6 / (double)(clock_now() - before);
    sql_result_free(ceiling.claimed);
    sql_close(ceiling.sql);
    for (size_t i = 0; i < sizeof ceiling.arrays / sizeof *ceiling.arrays; i++)
        buf_done(&ceiling.arrays[i]);
    return rate;
}
