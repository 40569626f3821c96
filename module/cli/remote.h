/* A jobsd's HTTP interface. One thread. */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H
#include "module/api/json_read.h"
#include "module/base/buf.h"
#include "module/jobs.h"

struct remote;

bool remote_is_url(const char *url); /* http:// or https:// */
/* `token`: NULL or "" for none. Nothing is sent yet. */
struct remote *remote_new(const char *url, const char *token);
void remote_free(struct remote *remote); /* NULL is fine */

/* Sends one request to `path` below /api/v1 (body NULL: none) and reads the whole answer into `ret`,
 * which is cleared. JOBS_EDB: it is not reached, or does not answer in `timeout` ms; else the code
 * that the answer's status stands for, with the problem's words. */
int remote_call(struct remote *remote, const char *method, const char *path, const char *body,
                int64_t timeout, struct buf *ret, struct jobs_error *err);
/* What GET /health/ready says, be it that all is well or that something is down. */
int remote_ready(struct remote *remote, int64_t timeout, struct buf *ret, struct jobs_error *err);
/* The value as part of a path or query. */
void remote_add(struct buf *path, const char *value);

/* ---- Answers ---- */
/* Jobs of {"jobs": […]}, or the one that the object is. */
int remote_read_jobs(const struct buf *answer, struct job_info_list **ret, struct jobs_error *err);
/* A member of an object; kind JSON_NULL when it is not there. */
struct json_value remote_member(const struct json_value *object, const char *name);
/* Its text, or NULL. Caller frees. */
char *remote_text(const struct json_value *object, const char *name);
#endif
