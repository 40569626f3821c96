#include "tests/bench/system.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct process {
    pid_t pid, parent;
    double own, ended; /* CPU seconds: its own, and of children that it has waited for */
};

static bool read_process(pid_t pid, struct process *ret) {
    char path[64], text[1000];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    const char *rest = strrchr(text, ')'); /* the name before it may hold anything */
    int parent;
    unsigned long user, system;
    long user_ended, system_ended;
    if (!rest || sscanf(rest + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
                        &parent, &user, &system, &user_ended, &system_ended) != 5)
        return false;
    double tick = (double)sysconf(_SC_CLK_TCK);
    *ret = (struct process){pid, parent, (double)(user + system) / tick,
                            (double)(user_ended + system_ended) / tick};
    return true;
}

double system_cpu(pid_t pid) {
    struct process process;
    return read_process(pid, &process) ? process.own : 0;
}

double system_cpu_exact(pid_t pid) {
    char path[64];
    double ns;
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
    FILE *file = fopen(path, "r");
    int found = file ? fscanf(file, "%lf", &ns) : 0;
    if (file)
        fclose(file);
    return found == 1 ? ns / 1e9 : system_cpu(pid);
}

static bool is_below(pid_t pid, pid_t root) {
    struct process process;
    while (pid > 1 && pid != root)
        pid = read_process(pid, &process) ? process.parent : 0;
    return pid == root;
}

double system_cpu_tree(pid_t root) {
    double sum = 0;
    DIR *directory = opendir("/proc");
    for (const struct dirent *entry; directory && (entry = readdir(directory));) {
        struct process process;
        if (isdigit((unsigned char)entry->d_name[0]) && is_below(atoi(entry->d_name), root) &&
            read_process(atoi(entry->d_name), &process))
            sum += process.own + process.ended;
    }
    if (directory)
        closedir(directory);
    return sum;
}

/* word: "VmRSS:" and the like. */
static double memory(pid_t pid, const char *word) {
    char path[64], line[200];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    long kib = 0;
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, word, strlen(word)) == 0) {
            kib = strtol(line + strlen(word), NULL, 10);
            break;
        }
    if (file)
        fclose(file);
    return (double)kib / 1024;
}

double system_memory(pid_t pid) { return memory(pid, "VmRSS:"); }
double system_memory_peak(pid_t pid) { return memory(pid, "VmHWM:"); }

pid_t system_backend(const struct bench *bench) { return PQbackendPID(bench->db); }

pid_t system_postmaster(const struct bench *bench) {
    struct process process;
    if (!read_process(system_backend(bench), &process))
        bench_die("PostgreSQL", "its processes are not to be seen: it must run on this host");
    return process.parent;
}

double system_wal(const struct bench *bench) {
    return bench_number(bench, "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn");
}

static double server_cpu(const struct window *window, const struct bench *bench) {
    return system_cpu_tree(window->postmaster) - system_cpu(system_backend(bench));
}

void window_open(struct window *window, const struct bench *bench, pid_t client) {
    window->client = client ? client : getpid();
    window->postmaster = system_postmaster(bench);
    window->wal = system_wal(bench);
    window->client_cpu = system_cpu_tree(window->client);
    window->server_cpu = server_cpu(window, bench);
}

void window_close(struct window *window, const struct bench *bench) {
    window->client_cpu = system_cpu_tree(window->client) - window->client_cpu;
    window->server_cpu = server_cpu(window, bench) - window->server_cpu;
    window->wal = system_wal(bench) - window->wal;
}
