/* A program of somebody else, in the common part of C and C++: one call that fails without a
 * database. */
#include <jobs.h>
#include <stdio.h>

int main(void) {
    struct job_info_service service = {0, 0};
    struct jobs_error err;
    enum job_status now;
    int rc = job_info_stop(&service, 0, 0, &now, &err);
    printf("no tenant: %s\n", rc == JOBS_EINVAL ? "JOBS_EINVAL" : "something else");
    return rc != JOBS_EINVAL;
}
