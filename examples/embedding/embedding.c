/* embedding: a program with a JobService inside. It offers a job class of its own, creates two jobs
 * in a transaction on its own connection, waits for them and prints what came out. */
#include <jobs.h>

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- The job class: pi by throwing points at a square ---- */

#define BLOCK INT64_C(1000000)

static const struct job_parameter parameters[] = {
    {.name = "points", .type = JOB_INTEGER, .help = "how many, the more the better"},
    {.name = NULL},
};

static int64_t throw_points(uint64_t *random, int64_t count) {
    int64_t inside = 0;
    for (int64_t i = 0; i < count; i++) {
        *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        double x = (double)(*random >> 48) / 65536, y = (double)(*random >> 32 & 65535) / 65536;
        inside += x * x + y * y < 1;
    }
    return inside;
}

static int run(struct job *job) {
    int64_t points = job_integer(job, "points", 0), inside = 0;
    uint64_t random = job_attempt(job);
    if (points < 1)
        return job_fail_for_good(job, "%" PRId64 " points are too few", points);
    job_set_completion_count(job, points);
    for (int64_t done = 0, block; done < points; done += block) {
        if (job_is_stopped(job))
            return job_aborted(job);
        block = points - done < BLOCK ? points - done : BLOCK;
        inside += throw_points(&random, block);
        job_advance_completion(job, block);
    }
    char result[50];
    snprintf(result, sizeof result, "{\"pi\": %.4f}", 4 * (double)inside / (double)points);
    return job_succeed(job, result);
}

static const struct job_class pi = JOB_CLASS(.name = "pi", .run = run, .parameters = parameters);
static const struct job_class *const classes[] = {&pi, NULL};

/* ---- The program ---- */

static _Noreturn void give_up(const char *doing, const char *why) {
    fprintf(stderr, "embedding: %s: %s\n", doing, why);
    exit(EXIT_FAILURE);
}

static void execute(PGconn *db, const char *sql) {
    PGresult *result = PQexec(db, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        give_up(sql, PQerrorMessage(db));
    PQclear(result);
}

static void print_result(const struct job_info_service *jobs, const char *tenant, const char *id) {
    struct jobs_error err;
    struct job_info_list *list;
    if (job_info_wait(jobs, tenant, id, 60000, NULL, &err) < 0)
        give_up("wait", err.text);
    if (job_info_get(jobs, tenant, id, &list, &err) < 0)
        give_up("get", err.text);
    const struct job_info *job = &list->infos[0];
    printf("%s: %s\n", job->description, job->result ? job->result : job->error);
    job_info_free(list);
}

int main(int argc, char **argv) {
    const char *tenant = argc > 1 ? argv[1] : "acme", *url = getenv("JOBS_DATASOURCE_MAIN_URL");
    struct jobs_error err;

    /* Settings come from the environment, as for jobsd; these win over it. */
    const char *const settings[] = {"jobs.pool.size=2", NULL};
    const struct job_service_options options = {.size = sizeof options,
                                                .settings = settings,
                                                .classes = classes};
    struct job_service *service;
    if (job_service_start(&options, &service, &err) < 0)
        give_up("start", err.text);

    /* Our own connection and our own transaction: both jobs are there when it commits, or none. */
    PGconn *db = PQconnectdb(url);
    if (PQstatus(db) != CONNECTION_OK)
        give_up("connect", PQerrorMessage(db));
    const struct job_info_service jobs = {.db = db};
    const struct job_info infos[] = {
        JOB_INFO(.tenant = tenant, .class_name = "pi", .description = "a million points",
                 .parameters = "{\"points\": 1000000}"),
        JOB_INFO(.tenant = tenant, .class_name = "pi", .description = "fifty million points",
                 .parameters = "{\"points\": 50000000}", .priority = 10),
    };
    struct job_uuid ids[2];
    execute(db, "begin");
    if (job_info_create_as_queued(&jobs, infos, 2, ids, &err) < 0)
        give_up("create", err.text);
    execute(db, "commit");

    for (int i = 0; i < 2; i++)
        print_result(&jobs, tenant, ids[i].text);
    PQfinish(db);
    if (job_service_stop(service, 5000, &err) < 0)
        give_up("stop", err.text);
    return 0;
}
