/* An answer line of a program: a JSON object such as {"count":200} {"advance":1} {"completion":37}
 * {"text":"…"} {"log":"…","level":"warning"} {"result":…,"result_class_name":"…"}
 * {"error":"…","retry":false|"30s"} {"snooze":"5m"} {"end":true|"<job id>"}. One line may say several of
 * these; names that are not known are left to later releases. */
#ifndef WORKER_ANSWER_H
#define WORKER_ANSWER_H
#include "module/job/parameters.h"

struct answer {
    struct parameters *object; /* the texts below are its */
    int64_t count, advance;    /* 0: not said */
    double completion;         /* percent, 0 to 100; negative: not said */
    const char *text, *log;    /* NULL: not said */
    int level;                 /* of log: enum log_level */
    const char *result;        /* JSON as it stands in the line; NULL: not said */
    const char *result_class_name;
    const char *error; /* NULL: not said */
    enum { ANSWER_RETRY, ANSWER_RETRY_IN, ANSWER_FOR_GOOD } retry;
    int64_t delay; /* ms, of ANSWER_RETRY_IN or snooze */
    bool snooze, end;
    const char *end_id; /* which job has ended; NULL: the one that runs */
};

/* JOBS_EINVAL: no JSON object, or a value of the wrong type; the text shows the line's beginning. */
int answer_read(const char *line, size_t length, struct answer *ret, struct jobs_error *err);
void answer_done(struct answer *answer);
#endif
