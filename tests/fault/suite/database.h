/* A session with a server that is being maltreated: it is made anew whenever it was lost. One
 * thread. */
#ifndef SUITE_DATABASE_H
#define SUITE_DATABASE_H
#include <libpq-fe.h>
#include <stdbool.h>

struct database {
    const char *url; /* must outlive it */
    PGconn *db;
};

/* Is there a session, or could one be made now? */
bool database_ready(struct database *database);
/* NULL: the session or the server is not there, or asks to try again; nothing may be concluded
 * about whether the statement was carried out. Any other error ends the program. PQclear it. */
PGresult *database_try(struct database *database, const char *sql, int count,
                       const char *const *values);
/* Is this what a server says that goes down, or that must be asked again? */
bool database_may_pass(const char *sqlstate);
void database_drop(struct database *database); /* closes the session */
#endif
