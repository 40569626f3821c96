/* Other programs, run by a test. */
#ifndef TESTS_LIB_PROGRAM_H
#define TESTS_LIB_PROGRAM_H
#include "module/jobs.h"

#include <sys/types.h>

/* Runs argv (last NULL) to its end and returns what it wrote to stdout, without the last newline;
 * caller frees. stderr is the test's own. Another exit status than 0 ends the test program. */
char *program_read(const char *const *argv);

/* The same, for when the exit status is what is tested: it is returned (128 + n for signal n); what
 * was written to stdout and stderr comes in *ret_output (caller frees). */
int program_run(const char *const *argv, char **ret_output);

/* Starts argv in the background with `environment` ("NAME=value", last NULL; NULL: none) added to
 * the test's own, stdout and stderr appended to the file `log` (NULL: the test's own). It gets
 * SIGKILL when the calling thread ends. */
pid_t program_start(const char *const *argv, const char *const *environment, const char *log);
/* Sends the signal (0: none) and waits for its end: exit status, or 128 + n when signal n ended it.
 * After `timeout` ms (times test_time_factor()) it is killed: 128 + 9. */
int program_end(pid_t pid, int signal, int64_t timeout);

/* Prints the text and ends the test program with exit status 1. */
_Noreturn void program_give_up(const char *format, ...) JOBS_PRINTF(1, 2);
#endif
