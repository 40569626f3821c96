/* The parts of the interface, each in a file part_*.c, and what they share. */
#ifndef API_PARTS_H
#define API_PARTS_H
#include "module/api/api.h"

extern const struct api_part api_part_events;   /* live events */
extern const struct api_part api_part_live;     /* metrics, health */
extern const struct api_part api_part_page;     /* the dashboard's files */
extern const struct api_part api_part_server;   /* version, openapi.json, me */
extern const struct api_part api_part_submit;   /* POST …/jobs */
extern const struct api_part api_part_jobs;     /* lists, one job, attempts, logs */
extern const struct api_part api_part_change;   /* stop, release, retry, … */
extern const struct api_part api_part_stats;    /* counts, throughput */
extern const struct api_part api_part_overview; /* tenants, classes, instances */
extern const struct api_part api_part_access;   /* tokens, audit log */

/* Keeps a request of api_part_jobs until its job has ended, or for `most` ms; it is then handled
 * once more. false: not (again). wait.c */
bool wait_for(struct api_request *r, int64_t most);
int wait_start(struct api *api, void **ret_state, struct jobs_error *err);
void wait_stop(void *state);

/* JOBS_ENOENT: there is no such tenant in this datasource. */
int tenant_check(struct api_request *r, struct jobs_error *err);
/* Writes to the audit log what was done (rc 0) or tried. tenant, job, detail may be NULL. */
void audit_note(struct api_request *r, const char *action, const char *tenant, const char *job,
                const char *detail, int rc, const struct jobs_error *err);
#endif
