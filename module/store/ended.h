/* Which of many jobs have ended, of whatever tenant. For long polls. */
#ifndef STORE_ENDED_H
#define STORE_ENDED_H
#include "module/jobs.h"

/* Calls `ended` for those that are SUCCEEDED, FAILED, ABORTED or not there. */
int store_ended(const struct job_info_service *s, const char *const *ids, size_t count,
                void (*ended)(void *arg, const char *id), void *arg, struct jobs_error *err);
#endif
