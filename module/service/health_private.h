/* Inside of health, for the health*.c files. */
#ifndef SERVICE_HEALTH_PRIVATE_H
#define SERVICE_HEALTH_PRIVATE_H
#include "module/jobs.h"
#include "module/service/health.h"

struct datasource;

/* Adds a check, whose detail the caller fills. Its name is "name:of", or "name" when `of` is NULL. */
struct health_check *health_add(struct health_report *report, enum health_status status,
                                const char *name, const char *of);

/* health_look.c. `why`: the server did not answer; NULL: it did. */
void health_look_at_datasource(struct datasource *ds, const struct jobs_error *why,
                               struct health_report *report);
void health_look_at_broker(bool configured, const struct jobs_error *why,
                           struct health_report *report);
void health_look_at_service(struct job_service *service, struct health_report *report);
#endif
