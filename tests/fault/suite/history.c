#include "tests/fault/suite/history.h"

#include "tests/lib/servers.h"

#include <stdio.h>
#include <stdlib.h>

void history_print(const char *pg_url, const char *id, const char *path,
                   const struct run_note *runs) {
    char *row = test_sql_value(pg_url,
                               "select jsonb_pretty(jsonb_strip_nulls(to_jsonb(j))) from "
                               "jobs.t_job_info j where id = '%s'",
                               id);
    char *attempts = test_sql_value(
        pg_url,
        "select string_agg(to_jsonb(a)::text, chr(10) order by attempt) from jobs.v_job_attempt a "
        "where job_id = '%s'",
        id);
    char *instances = test_sql_value(
        pg_url, "select string_agg(format('%%s %%s pid %%s lost %%s', id, name, pid, lost_date), "
                "chr(10)) from jobs.t_job_instance");
    printf("row: %s\nattempts: %s\nevents: %s\ninstances:\n%s\n", row ? row : "none",
           attempts ? attempts : "none", path, instances ? instances : "none");
    for (; runs; runs = runs->next)
        printf("run: attempt %u on incarnation %d from %lld to %lld ms\n", runs->attempt,
               runs->incarnation, (long long)runs->begin,
               runs->end == INT64_MAX ? -1 : (long long)runs->end);
    free(row);
    free(attempts);
    free(instances);
}
