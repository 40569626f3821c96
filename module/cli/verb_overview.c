/* jobctl stats, classes, instances, fsck */
#include "module/cli/job.h"
#include "module/cli/print.h"
#include "module/cli/source.h"
#include "module/job/status.h"
#include "module/store/store.h"

#include <stdlib.h>
#include <string.h>

struct listing {
    struct print_table *table; /* NULL: JSON lines to out */
    struct buf out;
    size_t count;
};

static int begin(struct cli *cli, struct listing *listing, const char *headings) {
    int status = cli_connect(cli);
    *listing = (struct listing){0};
    if (!status && !cli->json)
        listing->table = table_new(headings);
    return status;
}

static int end(struct cli *cli, struct listing *listing, int rc, const struct jobs_error *err) {
    int status = rc < 0 ? cli_fail(err) : EXIT_OK;
    if (listing->table)
        table_print(listing->table, cli, &listing->out);
    if (!status)
        status = print_flush(&listing->out);
    buf_done(&listing->out);
    return status;
}

static void add_count(void *arg, const struct store_count *count) {
    struct listing *listing = arg;
    if (listing->table) {
        table_add(listing->table, count->tenant);
        table_add(listing->table, count->class_name);
        for (int i = 0; i < JOB_STATUS_COUNT; i++)
            table_add_integer(listing->table, count->n[i]);
        return;
    }
    json_begin(&listing->out);
    json_text(&listing->out, "tenant", count->tenant);
    json_text(&listing->out, "class_name", count->class_name);
    for (int i = 0; i < JOB_STATUS_COUNT; i++)
        json_integer(&listing->out, status_name((enum job_status)i), count->n[i]);
    json_end(&listing->out);
    buf_char(&listing->out, '\n');
}

int verb_stats(struct cli *cli) {
    struct jobs_error err;
    struct listing listing;
    const char *tenant = cli_text(cli, "tenant");
    const char *otherwise = getenv("JOBS_TENANT");
    if (!tenant && otherwise && *otherwise)
        tenant = otherwise;
    int status =
        begin(cli, &listing,
              "TENANT|CLASS|>PENDING|>QUEUED|>TO_BE_RUN|>RUNNING|>SUCCEEDED|>FAILED|>ABORTED");
    if (status)
        return status;
    return end(cli, &listing, source_counts(cli, tenant, add_count, &listing, &err), &err);
}

static void add_limit(struct print_table *table, int64_t limit) {
    if (limit < 0)
        table_add(table, "-");
    else
        table_add_integer(table, limit);
}

static void add_class(void *arg, const struct store_class *class) {
    struct listing *listing = arg;
    if (listing->table) {
        table_add(listing->table, class->class_name);
        table_add_integer(listing->table, class->instances);
        table_add(listing->table, class->lane);
        add_limit(listing->table, class->max_running);
        add_limit(listing->table, class->max_running_per_tenant);
        table_add(listing->table, class->paused          ? "yes"
                                  : class->paused_for[0] ? class->paused_for
                                                         : "no");
        return;
    }
    json_begin(&listing->out);
    json_text(&listing->out, "class_name", class->class_name);
    json_integer(&listing->out, "instances", class->instances);
    json_text(&listing->out, "lane", class->lane);
    if (class->max_running >= 0)
        json_integer(&listing->out, "max_running", class->max_running);
    if (class->max_running_per_tenant >= 0)
        json_integer(&listing->out, "max_running_per_tenant", class->max_running_per_tenant);
    json_boolean(&listing->out, "paused", class->paused);
    if (class->paused_for[0])
        json_text(&listing->out, "paused_for", class->paused_for);
    json_end(&listing->out);
    buf_char(&listing->out, '\n');
}

int verb_classes(struct cli *cli) {
    struct jobs_error err;
    struct listing listing;
    int status = begin(cli, &listing, "CLASS|>INSTANCES|LANE|>MAX RUNNING|>PER TENANT|PAUSED");
    if (status)
        return status;
    return end(cli, &listing, store_classes(&cli->store, add_class, &listing, &err), &err);
}

static const char *state_of(const struct store_instance *instance) {
    return instance->lost ? "LOST" : instance->connected ? "UP" : "AWAY";
}

static void add_instance(void *arg, const struct store_instance *instance) {
    struct listing *listing = arg;
    if (listing->table) {
        table_add(listing->table, instance->id);
        table_add(listing->table, instance->name);
        table_add(listing->table, state_of(instance));
        table_add(listing->table, instance->host);
        table_add_integer(listing->table, instance->pid);
        table_add(listing->table, instance->version);
        table_add_integer(listing->table, instance->running);
        table_add_integer(listing->table, instance->pool_size);
        table_add_integer(listing->table, instance->classes);
        table_add_date(listing->table, instance->started_date);
        return;
    }
    json_begin(&listing->out);
    json_text(&listing->out, "id", instance->id);
    json_text(&listing->out, "name", instance->name);
    json_text(&listing->out, "state", state_of(instance));
    json_text(&listing->out, "host", instance->host);
    json_integer(&listing->out, "pid", instance->pid);
    json_text(&listing->out, "version", instance->version);
    json_integer(&listing->out, "running", instance->running);
    json_integer(&listing->out, "pool_size", instance->pool_size);
    json_integer(&listing->out, "classes", instance->classes);
    json_integer(&listing->out, "heartbeat", instance->heartbeat);
    json_date(&listing->out, "started_date", instance->started_date);
    json_end(&listing->out);
    buf_char(&listing->out, '\n');
}

int verb_instances(struct cli *cli) {
    struct jobs_error err;
    struct listing listing;
    int status =
        begin(cli, &listing, "ID|NAME|STATE|HOST|>PID|VERSION|>RUNNING|>POOL|>CLASSES|STARTED");
    if (status)
        return status;
    return end(cli, &listing, store_instances(&cli->store, add_instance, &listing, &err), &err);
}

static void add_finding(void *arg, const struct store_finding *finding) {
    struct listing *listing = arg;
    listing->count++;
    if (listing->table) {
        table_add(listing->table, finding->check);
        table_add(listing->table, finding->tenant);
        table_add(listing->table, finding->id);
        table_add(listing->table, finding->text);
        return;
    }
    json_begin(&listing->out);
    json_text(&listing->out, "check", finding->check);
    json_text(&listing->out, "tenant", finding->tenant);
    json_text(&listing->out, "id", finding->id);
    json_text(&listing->out, "text", finding->text);
    json_end(&listing->out);
    buf_char(&listing->out, '\n');
}

int verb_fsck(struct cli *cli) {
    struct jobs_error err;
    struct listing listing;
    int status = begin(cli, &listing, "CHECK|TENANT|JOB|FINDING");
    if (status)
        return status;
    int rc = store_fsck(&cli->store, add_finding, &listing, &err);
    if (rc == 0 && listing.count == 0 && listing.table) { /* no table without rows */
        struct buf nothing = {0};
        table_print(listing.table, cli, &nothing);
        buf_done(&nothing);
        listing.table = NULL;
        cli_note("clean");
    }
    status = end(cli, &listing, rc, &err);
    return !status && listing.count > 0 ? EXIT_FAILED : status;
}
