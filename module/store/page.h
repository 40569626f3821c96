/* Pages of jobs by more than <jobs.h> has, and how many there are. */
#ifndef STORE_PAGE_H
#define STORE_PAGE_H
#include "module/jobs.h"

struct store_more { /* narrows further; 0 = any */
    bool has_priority;
    int32_t priority;
    int64_t created_from, created_to; /* microseconds since 1970; the second is not included */
};
/* store_list with more to choose by (NULL: nothing), bounded: looks at 20,000 jobs at most. `ret_on`:
 * where another call goes on (after_id) when there is more to look at, also after an empty page; ""
 * when all were looked at. */
int store_page(const struct job_info_service *s, const struct job_info_filter *filter,
               const struct store_more *more, bool brief, struct job_info_list **ret,
               char ret_on[37], struct jobs_error *err);

struct store_total {
    int64_t n;
    bool exact; /* else there are n at least: counting was given up */
};
/* By tenant, class and status from the counts that are kept; otherwise by looking at 20,000 jobs at
 * most. limit and after_id do not matter. */
int store_total(const struct job_info_service *s, const struct job_info_filter *filter,
                const struct store_more *more, struct store_total *ret, struct jobs_error *err);
#endif
