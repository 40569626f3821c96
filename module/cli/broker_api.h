/* RabbitMQ's management HTTP API, as far as tenants need it: virtual hosts, users, permissions. */
#ifndef CLI_BROKER_API_H
#define CLI_BROKER_API_H
#include "module/jobs.h"

struct broker_api;

/* url: http[s]://user:password@host:15672, with a path before /api if there is one. Keeps a copy; a
 * call takes 10 s at most. JOBS_EINVAL: it is none. */
int broker_api_open(const char *url, struct broker_api **ret, struct jobs_error *err);
void broker_api_close(struct broker_api *api); /* NULL is fine */

/* PUT or DELETE /api/<kind>/<names…> (last NULL; each is percent-encoded), body JSON or NULL.
 * JOBS_EREFUSED: the broker says no, the text says why; JOBS_EDB: nobody answers there. A DELETE of
 * what is not there is fine. */
int broker_api_call(struct broker_api *api, const char *method, const char *kind,
                    const char *const *names, const char *body, struct jobs_error *err);
/* Is it there? GET of the same. */
int broker_api_exists(struct broker_api *api, const char *kind, const char *const *names, bool *ret,
                      struct jobs_error *err);
#endif
