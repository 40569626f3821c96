/* Commands in the keeper's hands: carried out, answered, or buried with the reason. */
#include "module/service/keeper_private.h"

#include "module/base/error.h"

#include <string.h>

#define RETRY CLOCK_SECOND

static const char problem[] = "application/problem+json";

/* What is in keeper->top->text, as an answer. Best effort. */
static void reply(struct keeper *keeper, const struct command *command, const char *content_type) {
    struct bus_message message = {.routing_key = command->reply_to,
                                  .body = keeper->top->text.data,
                                  .length = keeper->top->text.length,
                                  .content_type = content_type,
                                  .correlation_id = command->correlation_id,
                                  .mandatory = true};
    if (command_may_reply(command))
        bus_publish(keeper->bus, &message, NULL, NULL);
}

/* Acknowledges and, with a content type, answers, in this order: an answer that the broker takes
 * offence at must not bring the command back. bus_poll reports a loss. */
static void finish(struct keeper *keeper, struct command *command, const char *content_type) {
    bus_ack(keeper->bus, command->tag, NULL);
    if (content_type)
        reply(keeper, command, content_type);
    list_remove(&command->link);
    command_free(command);
}

/* Sends a copy to the dead; it is acknowledged once the copy is safe. */
static void bury(struct keeper *keeper, struct command *command, int64_t now) {
    struct bus_header headers[] = {{"reason", command->reason},
                                   {"original-exchange", keeper->commands_exchange},
                                   {"original-routing-key", command->routing_key},
                                   {"original-user-id", command->user_id ? command->user_id : ""}};
    struct bus_message message = {.exchange = keeper->dead_exchange,
                                  .routing_key = command->routing_key,
                                  .body = command->body,
                                  .length = command->body ? command->length : 0,
                                  .content_type = command->content_type,
                                  .message_id = command->message_id,
                                  .correlation_id = command->correlation_id,
                                  .persistent = true,
                                  .mandatory = true,
                                  .headers = headers,
                                  .header_count = sizeof headers / sizeof *headers};
    command->due = now + RETRY;
    bus_publish(keeper->bus, &message, &command->publish_tag, NULL); /* bus_poll reports a loss */
}

void keeper_buried(struct keeper *keeper, uint64_t publish_tag, bool safe) {
    LIST_EACH (&keeper->commands, p) {
        struct command *command = LIST_ENTRY(p, struct command, link);
        if (command->publish_tag != publish_tag)
            continue;
        command->publish_tag = 0;
        if (!safe)
            return; /* again when it is due */
        log_about(keeper->log, LOG_LEVEL_WARNING, command->tenant[0] ? command->tenant : NULL,
                  command->id[0] ? command->id : NULL, "a command was moved to %s: %s",
                  keeper->dead_exchange, command->reason);
        struct jobs_error why;
        error_set(&why, JOBS_EINVAL, "%s", command->reason);
        command_refusal("not a command", &why, &keeper->top->text);
        atomic_fetch_add(&keeper->top->dead, 1);
        finish(keeper, command, command->known && !command->has_x_death ? problem : NULL);
        return;
    }
}

void keeper_postpone_burials(struct keeper *keeper) {
    LIST_EACH (&keeper->commands, p)
        LIST_ENTRY(p, struct command, link)->publish_tag = 0;
}

/* Reads it, and asks who sent it. Negative: the database failed. */
static int examine(struct keeper *keeper, struct command *command, struct jobs_error *err) {
    const char *unreadable = command_read(command), *user = NULL, *forbidden = NULL;
    if (command->tenant[0]) {
        int rc = keeper_tenant_user(keeper->top, command->tenant, &user, err);
        if (rc < 0)
            return rc;
        forbidden = user ? command_judge(command, keeper->trust, user, bus_user(keeper->bus))
                         : "the tenant is unknown here";
        if (keeper->tenant && strcmp(keeper->tenant, command->tenant) != 0)
            forbidden = "this virtual host is another tenant's";
        command->known = !forbidden;
    }
    command->reason = forbidden && !command->has_x_death ? forbidden : unreadable;
    return 0;
}

static int stop_job(struct keeper *keeper, struct command *command, struct jobs_error *err) {
    struct sql_parameters p = {0};
    sql_add_text(&p, command->tenant);
    sql_add_text(&p, command->id);
    if (command->version)
        sql_add_integer(&p, command->version);
    else
        sql_add_text(&p, NULL);
    struct sql_result *row;
    int rc = sql_call(keeper->top->sql, "command_stop", &p, SQL_ONE, &row, err);
    if (rc < 0)
        return rc;
    command_answer(command, sql_get(row, 0, sql_column(row, "status")), &keeper->top->text);
    sql_result_free(row);
    return 0;
}

/* The database failed for this command. Away: the consumer goes too, and the broker keeps the
 * commands. Else (a row that is locked, say) this one waits and others go on. */
static void postpone(struct keeper *keeper, struct command *command, const struct jobs_error *why,
                     int64_t now) {
    if (sql_is_broken(keeper->top->sql)) {
        keeper_fail(keeper->top, why);
        return;
    }
    if (!command->postponed)
        log_about(keeper->log, LOG_LEVEL_WARNING, command->tenant, command->id,
                  "a stop command has to wait: %s", why->text);
    command->postponed = true;
    command->due = now + RETRY;
}

/* False: the connections are gone, and the command with them. */
static bool carry_out(struct keeper *keeper, struct command *command, int64_t now) {
    struct jobs_error err;
    int rc = examine(keeper, command, &err);
    if (rc == 0 && !command->reason)
        rc = stop_job(keeper, command, &err);
    if (rc == JOBS_EINVAL)
        command->reason = "the database does not take its data";
    if (command->reason) {
        bury(keeper, command, now);
        return true;
    }
    if (rc < 0 && rc != JOBS_ENOENT) {
        postpone(keeper, command, &err, now);
        return keeper->bus != NULL;
    }
    if (rc == JOBS_ENOENT)
        command_refusal("unknown job", &err, &keeper->top->text);
    atomic_fetch_add(&keeper->top->carried_out, 1);
    finish(keeper, command, rc == 0 ? "application/json" : problem);
    return true;
}

int64_t keeper_work(struct keeper *keeper, int64_t now) {
    int64_t next = INT64_MAX;
    if (!keeper->bus || !keeper->top->sql)
        return next;
    LIST_EACH (&keeper->commands, p) {
        struct command *command = LIST_ENTRY(p, struct command, link);
        if (command->publish_tag)
            continue;
        if (command->due > now) {
            next = command->due < next ? command->due : next;
            continue;
        }
        if (!carry_out(keeper, command, now))
            return INT64_MAX;
    }
    return next;
}
