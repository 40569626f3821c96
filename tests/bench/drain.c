/* No-op jobs that wait in the queue, from the start of the first to the recorded end of the last.
 */
#include "tests/bench/bench.h"

#include <poll.h>

double bench_drain(struct bench *bench, size_t jobs, double *ret_submitted) {
    bench_begin(bench);
    *ret_submitted = bench_submit(bench, "noop", jobs);
    struct job_service *service = bench_service(bench, false, NULL);
    while (bench_number(bench,
                        "select coalesce(sum(n), 0) from v_job_count where status = 'SUCCEEDED'") <
           (double)jobs)
        poll(NULL, 0, 20);
    bench_stop(service);
    double rate =
        bench_number(bench,
                     "select count(*) / extract(epoch from max(status_date) - min(start_date)) "
                     "from t_job_info where status = 'SUCCEEDED'");
    bench_end(bench);
    return rate;
}
