/* One job for people and programs: what several verbs print. */
#ifndef CLI_JOB_H
#define CLI_JOB_H
#include "module/cli/cli.h"

/* Waits for the job's end (timeout in ms, negative: without limit) and prints it: a line with id,
 * status and error, then the result if there is one; or the job as JSON. Returns 0, 1, 3 or 124 as
 * `jobctl wait` does. */
int job_wait_and_print(struct cli *cli, const char *tenant, const char *id, int64_t timeout);

/* All there is, a line each. */
void job_print(const struct cli *cli, const struct job_info *job, struct buf *out);

/* "12 s left" of a running job whose end is estimated; else how long it ran; else "". */
void job_print_time(const struct job_info *job, struct buf *out);
#endif
