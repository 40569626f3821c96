/* prime-count: how many primes there are up to a limit. An example of a job class in a shared
 * object. */
#include <jobs.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LIMIT_MAX INT64_C(1000000000)

/* Declared parameters are checked before run() is called, so run() may rely on them. */
static const struct job_parameter parameters[] = {
    {.name = "limit",
     .type = JOB_INTEGER,
     .help = "count the primes up to this number, 2 to 1000000000"},
    {.name = "pause",
     .type = JOB_INTEGER,
     .optional = true,
     .help = "ms to rest after each percent"},
    {.name = NULL},
};

static void strike_multiples(unsigned char *composite, int64_t n, int64_t limit) {
    for (int64_t m = n * n; m <= limit; m += n)
        composite[m] = 1;
}

static int count(struct job *job, unsigned char *composite, int64_t limit) {
    int64_t primes = 0, largest = 0, percent = limit / 100 + 1,
            pause = job_integer(job, "pause", 0);
    job_set_completion_count(job, limit);
    for (int64_t n = 2; n <= limit; n++) {
        if (!composite[n]) {
            primes++, largest = n;
            if (n <= limit / n)
                strike_multiples(composite, n, limit);
        }
        if (n % percent == 0) {
            job_advance_completion(job, percent);
            if (!job_sleep(job, pause)) /* also looks at the stop when there is no pause */
                return job_aborted(job);
        }
    }
    char result[100];
    snprintf(result, sizeof result, "{\"primes\": %lld, \"largest\": %lld}", (long long)primes,
             (long long)largest);
    return job_succeed_as(job, "PrimeCount", result);
}

static int run(struct job *job) {
    int64_t limit = job_integer(job, "limit", 0);
    if (limit < 2 || limit > LIMIT_MAX) /* another attempt would not help */
        return job_fail_for_good(job, "limit is %lld, not in 2 to %lld", (long long)limit,
                                 (long long)LIMIT_MAX);
    unsigned char *composite = calloc((size_t)limit + 1, 1);
    if (!composite) /* another attempt may */
        return job_fail(job, "no memory for a limit of %lld", (long long)limit);
    int code = count(job, composite, limit);
    free(composite);
    return code;
}

static const struct job_class prime_count =
    JOB_CLASS(.name = "prime-count", .run = run, .parameters = parameters, .attempts = 3);

JOB_CLASSES(&prime_count);
