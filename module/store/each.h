/* Jobs of several submits in one commit, each for itself: what is wrong with one is told for that
 * one. For the HTTP interface. */
#ifndef STORE_EACH_H
#define STORE_EACH_H
#include "module/jobs.h"

struct store_submit { /* for the audit log: who gave so many of the jobs */
    const char *who, *address;
    size_t count;
};
struct store_created {
    char id[37];           /* "": it was not made, err says why */
    struct jobs_error err; /* with the SQLSTATE; code 0: it was made, or had been */
};
/* `pendings`: which are stored only. The submits' counts add up to `count`. `ret` has room for
 * `count`. An error: none was made, or JOBS_EUNSURE. */
int store_create_each(const struct job_info_service *s, const struct job_info *infos,
                      const bool *pendings, size_t count, const struct store_submit *submits,
                      size_t submit_count, struct store_created *ret, struct jobs_error *err);
/* Once for a connection that is kept and goes to the server itself: store_create_each stays prepared
 * on it. */
int store_keep_prepared(const struct job_info_service *s, struct jobs_error *err);
#endif
