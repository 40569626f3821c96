#include "module/store/store.h"

#include "module/base/error.h"
#include "module/base/text.h"
#include "sql/sql.h"

#include <libpq-fe.h>
#include <string.h>

static bool encoding_is_utf8(PGconn *db) {
    const char *encoding = PQparameterStatus(db, "client_encoding");
    /* SQL_ASCII: bytes pass as they are, and the server judges them. Unknown: an odd pooler;
     * likewise. */
    return !encoding || strcmp(encoding, "UTF8") == 0 || strcmp(encoding, "SQL_ASCII") == 0;
}

int store_begin(const struct job_info_service *s, struct sql **ret, struct jobs_error *err) {
    if (!s || !s->db)
        return error_set(err, JOBS_EINVAL, "a job_info_service needs a connection (db)");
    if (PQstatus(s->db) != CONNECTION_OK)
        return error_set(err, JOBS_EDB, "the connection to PostgreSQL is gone");
    if (PQpipelineStatus(s->db) != PQ_PIPELINE_OFF || PQtransactionStatus(s->db) == PQTRANS_ACTIVE)
        return error_set(err, JOBS_EINVAL,
                         "the connection is busy (pipeline mode or an unread result)");
    if (!encoding_is_utf8(s->db))
        return error_set(err, JOBS_ECONFIG,
                         "the connection's client_encoding is %s, jobs needs UTF8",
                         PQparameterStatus(s->db, "client_encoding"));
    return sql_borrow(s->db, s->schema ? s->schema : "jobs", ret, err);
}

int store_check_one(const char *tenant, const char *id, struct jobs_error *err) {
    if (!tenant)
        return error_set(err, JOBS_EINVAL, "a tenant must be named");
    if (!id || !text_is_uuid(id))
        return error_set(err, JOBS_EINVAL, "tenant \"%.80s\": \"%.80s\" is no job id (a uuid)",
                         tenant, id ? id : "");
    return 0;
}

int store_blame(int code, const char *tenant, const char *id, struct jobs_error *err) {
    if (err && strncmp(err->sqlstate, "JB", 2) != 0) {
        if (id)
            error_prefix(err, "tenant \"%.80s\", job %s", tenant, id);
        else
            error_prefix(err, "tenant \"%.80s\"", tenant);
    }
    return code;
}
