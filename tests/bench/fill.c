#include "tests/bench/bench.h"

static void vacuum(const struct bench *bench) {
    bench_sql(bench, "vacuum analyze t_job_info");
    bench_sql(bench, "vacuum analyze t_job_ready");
}

void fill_queued(const struct bench *bench, size_t jobs, size_t tenants) {
    bench_sql(bench,
              "with n as materialized ("
              "    select job_uuid() as id, 't' || g %% %zu as tenant, "
              "        nextval('t_job_ready_seq_seq') as seq from generate_series(1, %zu) g"
              "), i as ("
              "    insert into t_job_info (id, tenant, class_name, status, version, queued_date, "
              "        ready_seq) select id, tenant, 'noop', 'QUEUED', 1, clock_timestamp(), seq "
              "    from n"
              "), r as ("
              "    insert into t_job_ready (tenant, priority, seq, id) "
              "    select tenant, 0, seq, id from n"
              ") insert into t_job_count_delta (tenant, class_name, status, n) "
              "select tenant, 'noop', 'QUEUED', count(*) from n group by tenant",
              tenants, jobs);
    vacuum(bench);
}

void fill_finished(const struct bench *bench, size_t jobs, size_t tenants) {
    bench_sql(bench,
              "insert into t_job_info (id, tenant, class_name, status, version, queued_date, "
              "    start_date, stop_date, percent_completed, attempt) "
              "select job_uuid(), 't' || g %% %zu, 'noop', 'SUCCEEDED', 4, clock_timestamp(), "
              "    clock_timestamp(), clock_timestamp(), 100, 1 from generate_series(1, %zu) g",
              tenants, jobs);
    vacuum(bench);
}
