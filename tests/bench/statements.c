#include "sql/text.h"
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void statements_begin(const struct bench *bench) {
    bench_sql(bench, "create extension if not exists pg_stat_statements schema public");
    bench_sql(bench, "alter system set pg_stat_statements.track = 'top'");
    bench_sql(bench, "select pg_reload_conf(), public.pg_stat_statements_reset()");
}

void statements_end(const struct bench *bench) {
    bench_sql(bench, "alter system reset pg_stat_statements.track");
    bench_sql(bench, "select pg_reload_conf()");
}

/* The server keeps the text as it was sent, and each of our files begins with a line of its own. */
struct statement statements_of(const struct bench *bench, const char *name) {
    char path[100];
    snprintf(path, sizeof path, "query/%s", name);
    const struct sql_text *text = sql_text_find(path);
    if (!text)
        bench_die(name, "no such statement");
    char *line = PQescapeLiteral(bench->db, text->text, strcspn(text->text, "\n"));
    char query[2000];
    snprintf(query, sizeof query,
             "select coalesce(sum(calls), 0), coalesce(sum(rows), 0), "
             "coalesce(sum(total_exec_time), 0) from public.pg_stat_statements "
             "where starts_with(query, %s)",
             line);
    PQfreemem(line);
    PGresult *result = PQexec(bench->db, query);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        bench_die("pg_stat_statements", PQerrorMessage(bench->db));
    struct statement ret = {strtod(PQgetvalue(result, 0, 0), NULL),
                            strtod(PQgetvalue(result, 0, 1), NULL),
                            strtod(PQgetvalue(result, 0, 2), NULL)};
    PQclear(result);
    return ret;
}

double statement_cost(const struct statement *before, const struct statement *now) {
    return (now->ms - before->ms) * 1000 / (now->rows - before->rows);
}
