#include "module/service/watermark.h"

#include "module/base/clock.h"
#include "module/service/datasource.h"
#include "module/worker/workspace_base.h"

#include <stdio.h>

#define LOOK_EVERY CLOCK_SECOND
#define COMPLAIN_EVERY (60 * CLOCK_SECOND)

static void complain(struct datasource *ds, int64_t most, int64_t now) {
    struct space *space = &ds->space;
    if (space->complained_at && now - space->complained_at < COMPLAIN_EVERY)
        return;
    space->complained_at = now;
    log_error(&ds->service->log,
              "datasource %s: the file system of %s is %d %% full, above "
              "jobs.workspace.max.percent = %lld: jobs that need a workspace wait",
              ds->name, ds->service->workspace_dir, space->used, (long long)most);
}

static bool is_full(struct datasource *ds, int64_t most) {
    struct space *space = &ds->space;
    int64_t now = clock_now();
    if (most <= 0)
        return false;
    if (!space->looked_at || now - space->looked_at >= LOOK_EVERY) {
        space->looked_at = now;
        space->used = workspace_base_used(ds->service->workspace_dir);
        atomic_store(&ds->counters.workspace_used, space->used);
    }
    if (space->used > most)
        complain(ds, most, now);
    else if (space->complained_at) {
        space->complained_at = 0;
        log_info(&ds->service->log, "datasource %s: there is room for workspaces again", ds->name);
    }
    return space->used > most;
}

bool watermark_park(struct datasource *ds, struct live *live) {
    const struct config *config = service_config(ds->service);
    char text[200];
    if (!is_full(ds, config_integer(config, "jobs.workspace.max.percent")))
        return false;
    count(&ds->counters.parked_workspace, 1);
    snprintf(text, sizeof text,
             "no room for its workspace: the file system is %d %% full; it waits until there is",
             ds->space.used);
    live_park(live, WATERMARK_PARK_MS, "WORKSPACE", text);
    return true;
}
