/* What processes cost, from /proc. Seconds and MiB. */
#ifndef TESTS_BENCH_SYSTEM_H
#define TESTS_BENCH_SYSTEM_H
#include "tests/bench/bench.h"

#include <stdio.h>
#include <sys/types.h>

/* CPU time, user and system, of a process, and of it and all below it, those that ended too. */
double system_cpu(pid_t pid);
double system_cpu_tree(pid_t root);
/* Of one process, to the microsecond, where the kernel keeps it so; for what is short. */
double system_cpu_exact(pid_t pid);
/* Resident memory now, and at its highest, of one process. */
double system_memory(pid_t pid);
double system_memory_peak(pid_t pid);
/* The server of bench->db, which runs on this host; and the backend of bench->db. */
pid_t system_postmaster(const struct bench *bench);
pid_t system_backend(const struct bench *bench);
/* Bytes of WAL written so far. */
double system_wal(const struct bench *bench);

/* ---- Costs between two moments ---- */
struct window {
    pid_t client, postmaster;
    double client_cpu, server_cpu, wal;
};
/* client: 0 for this program. What the backend of bench->db uses is not counted. */
void window_open(struct window *window, const struct bench *bench, pid_t client);
/* The costs since then, in the same fields. */
void window_close(struct window *window, const struct bench *bench);

/* ---- Child processes ---- */
struct child {
    pid_t pid;
    FILE *in, *out; /* its standard input and output */
};
/* Ends with us, also if we crash. argv[0] is looked up in PATH. */
void child_start(struct child *child, char *const *argv);
/* Its next line of output, without the newline; ends the program when there is none. */
void child_line(struct child *child, char *ret, size_t size);
/* Closes its input, asks it to end, and waits. */
void child_stop(struct child *child);
/* The same without asking: it ends by itself. */
void child_wait(struct child *child);
/* The path of a program beside this one. */
void child_beside(char *ret, size_t size, const char *name);

/* A jobsd of its own on the schema. settings: "key=value", last NULL, or NULL. child_stop ends it,
 * orderly. */
void daemon_start(const struct bench *bench, struct child *child, bool with_broker,
                  const char *const *settings);
#endif
