/* One datasource as the interface uses it: a queue of tasks and a few threads, each with a session,
 * that are made when there is work and end when there was none for a while. Requests never touch
 * the tick's session. Where there are two sessions or more, tasks of one tenant never have all. */
#ifndef API_DATABASE_H
#define API_DATABASE_H
#include "module/api/api.h"

struct log;
struct database;

struct database_options {
    const char *name, *url, *schema;
    int sessions; /* at most */
    const struct log *log;
};
/* Texts are copied. No session is opened yet. */
struct database *database_new(const struct database_options *options);
/* Tasks that wait, or come later, are run without a session; those that run may end within a few
 * seconds. */
void database_stop(struct database *database);
/* Stopped before. NULL is fine. */
void database_free(struct database *database);
const char *database_name(const struct database *database);
void database_submit(struct database *database, struct api_task *task);
/* Ends sessions whose statement is past its deadline. Called every now and then by one thread. */
void database_watch(struct database *database);
#endif
