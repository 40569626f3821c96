/* For tests of isolation: a PostgreSQL of one's own with a database whose tables belong to the plain
 * login "owner", its roles, and the tenants acme and globex with the roles r1 and r2. Each has a job
 * in every status; what is globex's says so: its ids begin with SECRET_ID, texts hold SECRET.
 * Include cmocka's friends and cmocka.h as well. */
#ifndef TESTS_LIB_WALLS_H
#define TESTS_LIB_WALLS_H
#include "tests/lib/servers.h"

#include <libpq-fe.h>

#define SECRET "globex"
#define SECRET_ID "deadbeef"
#define SECRET_JOB SECRET_ID "-0000-7000-8000-000000000002" /* QUEUED */
#define OWN_JOB "00000000-0000-7000-8000-000000000002"      /* acme's, likewise */

struct walls {
    struct test_pg *pg;
    const char *admin; /* URL of the database for the superuser */
};
int walls_up(void **state);
int walls_up_empty(void **state); /* the same without jobs */
int walls_down(void **state);
/* The URL for another login. */
const char *walls_url(const struct walls *walls, const char *login);
/* Another database of the owner's, empty. */
const char *walls_database(const struct walls *walls);
/* A session of that login; PQfinish it. */
PGconn *walls_connect(const struct walls *walls, const char *login);

/* Runs a statement; the result is the caller's. */
PGresult *walls_try(PGconn *db, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The pattern with `name` for every `mark`. Caller frees. */
char *walls_text(const char *pattern, char mark, const char *name);
/* It must fail with that SQLSTATE and tell nothing of the neighbour in any field of the error. */
void walls_refused(PGconn *db, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Does the result, or the error, hold what is globex's? */
bool walls_shows_secret(const PGresult *result);
#endif
