/* No-op jobs that wait in the queue, from the start of the first to the recorded end of the last.
 */
#include "tests/bench/bench.h"

double measure_drain(const struct bench *bench, size_t jobs) {
    struct job_service *service = bench_service(bench, false, NULL, NULL);
    bench_wait_succeeded(bench, jobs);
    bench_stop(service);
    return bench_number(bench,
                        "select count(*) / extract(epoch from max(status_date) - min(start_date)) "
                        "from t_job_info where status = 'SUCCEEDED'");
}
