#include "tests/bench/bench.h"

PGconn *hold_begin(const struct bench *bench) {
    PGconn *holder = bench_connect(bench);
    PGresult *result = PQexec(holder, "begin isolation level repeatable read; select 1");
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        bench_die("hold", PQerrorMessage(holder));
    PQclear(result);
    return holder;
}

void hold_end(PGconn *holder) { PQfinish(holder); }
