#include "tests/fault/suite/database.h"

#include "module/base/buf.h"
#include "tests/lib/program.h"

#include <string.h>

static void say_nothing(void *arg, const char *text) { (void)arg, (void)text; }

bool database_ready(struct database *database) {
    if (database->db && PQstatus(database->db) == CONNECTION_OK)
        return true;
    database_drop(database);
    database->db =
        PQconnectdbParams((const char *const[]){"dbname", "connect_timeout", "application_name",
                                                NULL},
                          (const char *const[]){database->url, "3", "fault suite", NULL}, 1);
    if (PQstatus(database->db) == CONNECTION_OK) {
        PQsetNoticeProcessor(database->db, say_nothing, NULL);
        return true;
    }
    database_drop(database);
    return false;
}

bool database_may_pass(const char *sqlstate) {
    return !sqlstate[0] || strncmp(sqlstate, "08", 2) == 0 || strncmp(sqlstate, "57P", 3) == 0 ||
           strcmp(sqlstate, "40001") == 0 || strcmp(sqlstate, "40P01") == 0 ||
           strcmp(sqlstate, "55P03") == 0;
}

PGresult *database_try(struct database *database, const char *sql, int count,
                       const char *const *values) {
    if (!database_ready(database))
        return NULL;
    PGresult *result = count == 0
                           ? PQexec(database->db, sql)
                           : PQexecParams(database->db, sql, count, NULL, values, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return result;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (!database_may_pass(state ? state : ""))
        program_give_up("%s: %s", sql, PQresultErrorMessage(result));
    PQclear(result);
    if (PQstatus(database->db) != CONNECTION_OK || !state || strncmp(state, "57P", 3) == 0)
        database_drop(database);
    return NULL;
}

void database_drop(struct database *database) {
    PQfinish(database->db);
    database->db = NULL;
}
