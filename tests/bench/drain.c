/* No-op jobs that wait in the queue, from the start of the first to the recorded end of the last.
 */
#include "tests/bench/bench.h"

double measure_drain(struct bench *bench, size_t jobs, double *ret_submitted) {
    bench_begin(bench, 10);
    *ret_submitted = bench_submit(bench, "noop", jobs, 10);
    struct job_service *service = bench_service(bench, false, NULL, NULL);
    bench_wait_succeeded(bench, jobs);
    bench_stop(service);
    double rate =
        bench_number(bench,
                     "select count(*) / extract(epoch from max(status_date) - min(start_date)) "
                     "from t_job_info where status = 'SUCCEEDED'");
    bench_end(bench);
    return rate;
}
