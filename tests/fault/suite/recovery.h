/* Measures, on a thread of its own, how long it takes from the kill of a jobsd until no live job
 * names it any more. */
#ifndef SUITE_RECOVERY_H
#define SUITE_RECOVERY_H
#include <stddef.h>
#include <stdint.h>

struct recovery;

struct recovery *recovery_start(const char *pg_url);
/* The incarnation of that name was killed just now. */
void recovery_killed(struct recovery *recovery, const char *name);
size_t recovery_open(struct recovery *recovery); /* kills not yet recovered from */

struct recovery_times {
    size_t count;           /* kills that hit live jobs */
    size_t idle;            /* that hit none */
    int64_t p50, p95, most; /* ms */
};
struct recovery_times recovery_get(struct recovery *recovery);
void recovery_stop(struct recovery *recovery);
#endif
