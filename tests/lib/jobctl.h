/* jobctl as a shell runs it. */
#ifndef TESTS_LIB_JOBCTL_H
#define TESTS_LIB_JOBCTL_H
#include "module/jobs.h"

/* Puts a folder in front of PATH, and forgets what the caller's environment says of jobs. */
void jobctl_use(const char *bin);
/* Runs `jobctl <arguments>`, the arguments read by sh; another exit status than `status` fails the
 * test with what was printed. Returns stdout and stderr as they came (redirect in the arguments to
 * keep one of them), without the last line feed; caller frees. */
char *jobctl(int status, const char *format, ...) JOBS_PRINTF(2, 3);
/* The same, and `part` must be in what was printed. */
void jobctl_says(int status, const char *part, const char *format, ...) JOBS_PRINTF(3, 4);
/* The same with status 0 and --json added: how many lines, each a JSON object (or the test fails).
 * `member` (may be NULL) must be "name":value in each. */
int jobctl_lines(const char *member, const char *format, ...) JOBS_PRINTF(2, 3);
#endif
