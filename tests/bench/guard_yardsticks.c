#include "tests/bench/guard.h"
#include "tests/bench/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 500

void guard_reference(const struct bench *bench, size_t rows) {
    bench_sql(bench, "create table t_reference (id uuid primary key, status int not null, "
                     "text text) with (fillfactor = 50)");
    for (size_t done = 0; done < rows; done += BATCH)
        bench_sql(bench,
                  "begin;"
                  "insert into t_reference select gen_random_uuid(), 0, repeat('x', 100) "
                  "from generate_series(1, %d);"
                  "update t_reference r set status = 1 where r.id = any(array(select id from "
                  "t_reference where status = 0));"
                  "delete from t_reference where status = 1; commit",
                  BATCH);
}

/* Of a file that callgrind wrote: its line "totals: N" or "summary: N". */
static double total_of(const char *path) {
    char line[1000];
    double total = 0;
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "totals:", 7) == 0 || strncmp(line, "summary:", 8) == 0)
            total = strtod(strchr(line, ':') + 1, NULL);
    if (file)
        fclose(file);
    return total;
}

double guard_instructions(const char *loop) {
    char program[700], out[] = "/tmp/bench-callgrind-XXXXXX", file[100], toggle[60], name[30];
    char line[100];
    int descriptor = mkstemp(out);
    if (descriptor < 0)
        bench_die(out, "cannot be made");
    child_beside(program, sizeof program, "bench_loops");
    snprintf(file, sizeof file, "--callgrind-out-file=%s", out);
    snprintf(toggle, sizeof toggle, "--toggle-collect=loop_%s", loop);
    snprintf(name, sizeof name, "%s", loop);
    char valgrind[] = "valgrind", tool[] = "--tool=callgrind", quiet[] = "-q";
    char *argv[] = {valgrind, tool, quiet, file, toggle, program, name, NULL};
    struct child child;
    child_start(&child, argv);
    child_line(&child, line, sizeof line);
    child_wait(&child);
    double instructions = total_of(out) / strtod(line, NULL);
    unlink(out);
    close(descriptor);
    if (instructions <= 0)
        bench_die(loop, "callgrind counted nothing");
    return instructions;
}
