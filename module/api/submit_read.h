/* The body of a submit: one job or an array of jobs. No I/O; fuzzed. */
#ifndef API_SUBMIT_READ_H
#define API_SUBMIT_READ_H
#include "module/jobs.h"

enum { SUBMIT_MOST = 1000 };

struct submit_item {
    /* As read; freed by submit_done. */
    char *class_name, *parameters, *description, *owner, *related_type, *related_id, *traceparent,
        *id;
    int64_t priority, at, expires, attempts, backoff, timeout;
    bool pending, locked;

    struct jobs_error err; /* code 0: it can be submitted */
    const char *field;     /* what is wrong; static text or NULL */
};
struct submit {
    bool array;
    size_t count;
    struct submit_item *items;
};
/* JOBS_EINVAL: no JSON, or neither an object nor an array of 1 to SUBMIT_MOST; *ret is empty then.
 * What is wrong with one job is told in its item. */
int submit_read(const char *text, size_t length, struct submit *ret, struct jobs_error *err);
void submit_done(struct submit *submit);
/* The job to create from an item; its texts are the item's. */
struct job_info submit_info(const struct submit_item *item, const char *tenant);
/* A uuid (of version 8) that follows from tenant, key and place. */
void submit_key_id(const char *tenant, const char *key, size_t place, char ret[37]);
#endif
