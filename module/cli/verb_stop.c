/* jobctl stop: through the database, or over AMQP as a microservice would do it. */
#include "amqp/bus.h"
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/cli/job.h"
#include "module/cli/many.h"
#include "module/cli/print.h"
#include "module/cli/source.h"
#include "module/job/status.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_TO "amq.rabbitmq.reply-to"

static int print_now(const struct cli *cli, const char *id, enum job_status now) {
    struct buf out = {0};
    buf_format(&out, "%s ", id);
    print_status(&out, cli, now);
    if (!status_is_final(now))
        buf_text(&out, " (asked to stop)");
    buf_char(&out, '\n');
    int status = print_flush(&out);
    buf_done(&out);
    return status;
}

static int stop_in_database(struct cli *cli, const char *tenant) {
    struct jobs_error err;
    int first = EXIT_OK, status = cli_connect(cli);
    for (size_t i = 0; !status && i < cli->command.argument_count; i++) {
        enum job_status now;
        const char *id = cli->command.arguments[i];
        int one =
            source_stop(cli, tenant, id, &now, &err) < 0 ? cli_fail(&err) : print_now(cli, id, now);
        first = first ? first : one;
    }
    return status ? status : first;
}

/* One command under way. */
struct asking {
    const struct cli *cli;
    const char *id;
    bool answered;
    int status;
};

static const char *member(json_object *object, const char *name) {
    json_object *value = json_object_object_get(object, name);
    return value ? json_object_get_string(value) : NULL;
}

/* {"jobId", "status"}, or a problem: {"type", "title", "detail", "code"}. */
static void read_answer(struct asking *asking, json_object *answer) {
    const char *text = member(answer, "status"), *code = member(answer, "code");
    int now = text ? status_of_name(text) : -1;
    if (now >= 0) {
        asking->status = print_now(asking->cli, asking->id, (enum job_status)now);
        return;
    }
    struct jobs_error err;
    const char *title = member(answer, "title"), *detail = member(answer, "detail");
    bool unknown = code && (strcmp(code, error_name(JOBS_ENOENT)) == 0 || strcmp(code, "-2") == 0);
    error_set(&err, unknown ? JOBS_ENOENT : JOBS_EREFUSED, "job %s: %s%s%s", asking->id,
              title ? title : "refused", detail ? ": " : "", detail ? detail : "");
    asking->status = cli_fail(&err);
}

static void delivered(void *arg, const struct bus_delivery *delivery) {
    struct asking *asking = arg;
    if (!delivery->body || !delivery->correlation_id ||
        strcmp(delivery->correlation_id, asking->id) != 0)
        return;
    asking->answered = true;
    json_object *answer = json_tokener_parse(delivery->body);
    if (json_object_is_type(answer, json_type_object))
        read_answer(asking, answer);
    else {
        cli_note("job %s: the answer is no JSON object", asking->id);
        asking->status = EXIT_FAILED;
    }
    json_object_put(answer);
}

static int send(struct bus *bus, const char *service, const char *tenant, const char *id,
                struct jobs_error *err) {
    struct buf exchange = {0}, key = {0}, body = {0};
    buf_format(&exchange, "%s.commands", service);
    buf_format(&key, "%s.stop", tenant);
    buf_text(&body, "{\"jobId\":");
    buf_json_string(&body, id);
    buf_char(&body, '}');
    struct bus_message message = {
        .exchange = buf_get(&exchange),
        .routing_key = buf_get(&key),
        .body = buf_get(&body),
        .length = body.length,
        .content_type = "application/json",
        .correlation_id = id,
        .reply_to = REPLY_TO,
        .user_id = bus_user(bus),
        .persistent = true,
    };
    int rc = bus_publish(bus, &message, NULL, err);
    buf_done(&exchange);
    buf_done(&key);
    buf_done(&body);
    return rc;
}

/* Waits until the answer has come. */
static int wait_answer(struct bus *bus, const char *service, struct asking *asking,
                       int64_t timeout) {
    struct bus_handlers handlers = {.arg = asking, .delivered = delivered};
    struct jobs_error err;
    int64_t end = clock_now() + timeout * CLOCK_MS;
    while (!asking->answered) {
        int64_t left = (end - clock_now()) / CLOCK_MS;
        if (left <= 0) {
            cli_note("job %s: no answer in time; the command may still be carried out", asking->id);
            return EXIT_TIMED_OUT;
        }
        if (bus_poll(bus, left < 1000 ? left : 1000, &handlers, &err) == 0)
            continue;
        if (bus_reply_code(bus) == 404)
            error_set(&err, JOBS_ENOENT,
                      "there is no exchange \"%s.commands\": no jobsd of this service was here yet",
                      service);
        return cli_fail(&err);
    }
    return asking->status;
}

static int stop_over_bus(struct cli *cli, const char *tenant) {
    struct jobs_error err;
    struct bus *bus;
    int64_t timeout = 10000;
    int status = cli_duration(cli, "timeout", &timeout), first = EXIT_OK;
    if (!status)
        status = cli_open_bus(cli, &bus);
    if (status)
        return status;
    const char *service = cli_service(cli);
    if (!service)
        status = EXIT_USAGE;
    else if (bus_consume(bus, REPLY_TO, 0, BUS_NO_ACK, NULL, NULL, &err) < 0)
        status = cli_fail(&err);
    for (size_t i = 0; !status && i < cli->command.argument_count; i++) {
        struct asking asking = {.cli = cli, .id = cli->command.arguments[i]};
        int one = send(bus, service, tenant, asking.id, &err) < 0
                      ? cli_fail(&err)
                      : wait_answer(bus, service, &asking, timeout);
        first = first ? first : one;
        if (one == EXIT_FAILED && bus_is_lost(bus))
            break;
    }
    bus_close(bus);
    return status ? status : first;
}

int verb_stop(struct cli *cli) {
    const char *tenant;
    bool filtered = false;
    int status = cli_tenant(cli, &tenant);
    if (!status)
        status = many_check(cli, &filtered);
    if (!status && filtered && cli_has(cli, "amqp"))
        status = cli_misuse(cli, "--amqp goes with ids");
    if (!status)
        status = cli_check_ids(cli);
    if (!status && cli_has(cli, "timeout") && !cli_has(cli, "amqp"))
        status = cli_misuse(cli, "--timeout goes with --amqp");
    if (status)
        return status;
    if (filtered)
        return many_stop(cli);
    return cli_has(cli, "amqp") ? stop_over_bus(cli, tenant) : stop_in_database(cli, tenant);
}
