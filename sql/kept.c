/* Statements that stay prepared on a borrowed PGconn, in libpq's own keeping, so that they are
 * forgotten with the connection. */
#include "module/base/error.h"
#include "module/base/mem.h"
#include "sql/session.h"

#include <libpq-events.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MOST = 16 };

struct kept {
    char *schema;
    const char *const *names; /* last NULL */
    bool prepared[NAMES_MOST];
};

static int on_event(PGEventId id, void *info, void *pass) {
    (void)pass;
    if (id == PGEVT_CONNRESET) {
        struct kept *kept = PQinstanceData(((PGEventConnReset *)info)->conn, on_event);
        memset(kept->prepared, 0, sizeof kept->prepared);
    } else if (id == PGEVT_CONNDESTROY) {
        struct kept *kept = PQinstanceData(((PGEventConnDestroy *)info)->conn, on_event);
        free(kept ? kept->schema : NULL);
        free(kept);
    }
    return 1;
}

int sql_keep_prepared(struct pg_conn *db, const char *schema, const char *const *names,
                      struct jobs_error *err) {
    if (!PQregisterEventProc(db, on_event, "jobs", NULL))
        return error_set(err, JOBS_ENOMEM, "libpq takes no note of prepared statements");
    struct kept *kept = MEM_NEW(struct kept);
    kept->schema = mem_text(schema);
    kept->names = names;
    PQsetInstanceData(db, on_event, kept);
    return 0;
}

static bool *find(struct kept *kept, const char *name) {
    for (size_t i = 0; i < NAMES_MOST && kept->names[i]; i++)
        if (strcmp(kept->names[i], name) == 0)
            return &kept->prepared[i];
    return NULL;
}

PGresult *kept_execute(struct sql *sql, const char *name, const struct sql_parameters *p) {
    struct kept *kept = PQinstanceData(sql->db, on_event);
    const char *text = session_statement(sql, name)->text;
    int count = p ? p->count : 0;
    const char *const *values = p ? p->values : NULL;
    bool *prepared = kept && strcmp(kept->schema, sql->schema) == 0 ? find(kept, name) : NULL;
    if (!prepared)
        return PQexecParams(sql->db, text, count, NULL, values, NULL, NULL, 0);
    if (!*prepared) {
        PGresult *result = PQprepare(sql->db, name, text, 0, NULL);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            return result;
        PQclear(result);
        *prepared = true;
    }
    return PQexecPrepared(sql->db, name, count, values, NULL, NULL, 0);
}
