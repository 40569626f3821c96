/* What the configuration, or else the class, says of a class's runs: looked up once per class and configuration,
 * not once per job. */
#ifndef SERVICE_CLASS_SETTINGS_H
#define SERVICE_CLASS_SETTINGS_H
#include "module/base/config.h"
#include "module/base/table.h"
#include "module/jobs.h"

#include <stdbool.h>
#include <stdint.h>

struct class_settings {
    const struct config *config; /* of which these are */
    int64_t timeout;             /* ms; 0: none */
    int64_t attempts;            /* runs that a job may have; 0: one */
    bool workspace;
};

/* Those of `class` in `known` (class name to struct class_settings *, freed with free()), made if they are missing or
 * another configuration's. Valid until the next call. */
const struct class_settings *class_settings_find(struct table *known, const struct config *config,
                                                 const struct job_class *class);
#endif
