/* Requests whose answer may take a while to make: a thread of their own makes it, once for all that
 * have come by then, so that they wait neither for each other nor hold up an HTTP thread. */
#ifndef API_DESK_H
#define API_DESK_H
#include "module/api/api.h"

struct desk_answer {
    int status;               /* 0: 200 */
    const char *content_type; /* static text; NULL: application/json */
    struct buf out;
};

struct desk;
/* `make` is called by the desk's thread. */
int desk_open(struct api *api, void (*make)(struct api *api, struct desk_answer *answer),
              struct desk **ret, struct jobs_error *err);
/* Takes the request; any thread. What a handler returns then: API_LATER. */
int desk_wait(struct desk *desk, struct api_request *r);
/* Answers those that stand there. NULL is fine. */
void desk_close(struct desk *desk);
#endif
