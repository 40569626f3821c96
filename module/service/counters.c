#include "module/service/counters.h"

#include <string.h>

const char *const tick_outcome_names[TICK_OUTCOMES] = {"committed", "looked", "narrowed",
                                                       "again",     "lost",   "failed"};
const char *const run_result_names[RUN_RESULTS] = {"succeeded", "failed",  "aborted",
                                                   "retried",   "snoozed", "handed_back"};
const char *const error_kind_names[ERROR_KINDS] = {"ERROR", "TIMEOUT",   "CRASH",     "EXPIRED",
                                                   "CLASS", "PARAMETER", "WORKSPACE", "RESULT"};

static enum run_result result_of(const char *status, const char *outcome) {
    if (strcmp(status, "SUCCEEDED") == 0)
        return RESULT_SUCCEEDED;
    if (strcmp(status, "FAILED") == 0)
        return RESULT_FAILED;
    if (strcmp(status, "ABORTED") == 0)
        return RESULT_ABORTED;
    if (strcmp(outcome, "SNOOZED") == 0)
        return RESULT_SNOOZED;
    return strcmp(outcome, "FAILED") == 0 ? RESULT_RETRIED : RESULT_HANDED_BACK;
}

void count_result(struct datasource_counters *counters, const char *status, const char *outcome,
                  const char *kind) {
    if (status[0] == '\0')
        return;
    enum run_result result = result_of(status, outcome);
    count(&counters->results[result], 1);
    if (!kind || result == RESULT_HANDED_BACK)
        return;
    for (size_t i = 0; i < ERROR_KINDS; i++)
        if (strcmp(kind, error_kind_names[i]) == 0)
            count(&counters->errors[i], 1);
}
