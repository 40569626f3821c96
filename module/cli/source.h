/* Where jobs are: a database, or a jobsd's HTTP interface (--url http://…). For verbs that work with
 * both, after cli_connect. Errors as in <jobs.h>; what the interface refuses comes as the code that
 * its status stands for, with its own words. */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H
#include "module/cli/cli.h"
#include "module/store/page.h"
#include "module/store/store.h"

int source_create(struct cli *cli, const struct job_info *job, bool pending, struct job_uuid *ret,
                  struct jobs_error *err);
int source_get(struct cli *cli, const char *tenant, const char *id, struct job_info_list **ret,
               struct jobs_error *err);
/* A page of filter->limit jobs (1 to 1,000) at most. `ret_on`: where the next one begins (after_id), also
 * behind a page that is short or empty; "": that was the last one. */
int source_list(struct cli *cli, const struct job_info_filter *filter, bool brief,
                struct job_info_list **ret, char ret_on[37], struct jobs_error *err);
int source_stop(struct cli *cli, const char *tenant, const char *id, enum job_status *ret_now,
                struct jobs_error *err);
int source_release(struct cli *cli, const char *tenant, const char *id, struct jobs_error *err);
int source_retry(struct cli *cli, const char *tenant, const char *id, struct jobs_error *err);
int source_lock(struct cli *cli, const char *tenant, const char *id, bool lock,
                struct jobs_error *err);
int source_wait(struct cli *cli, const char *tenant, const char *id, int64_t timeout,
                struct jobs_error *err);
int source_why(struct cli *cli, const char *tenant, const char *id, char **ret,
               struct jobs_error *err);
int source_attempts(struct cli *cli, const char *tenant, const char *id,
                    void (*row)(void *arg, const struct store_attempt *attempt), void *arg,
                    struct jobs_error *err);
/* tenant NULL: of all. */
int source_counts(struct cli *cli, const char *tenant,
                  void (*row)(void *arg, const struct store_count *count), void *arg,
                  struct jobs_error *err);
/* A date as PostgreSQL reads it; over HTTP as RFC 3339 has it, or "now". */
int source_date(struct cli *cli, const char *text, int64_t *ret, struct jobs_error *err);
#endif
