/* jobctl events: the live stream, through a queue of one's own that is gone with the connection. */
#include "amqp/bus.h"
#include "module/base/clock.h"
#include "module/cli/print.h"
#include "module/job/status.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

struct stream {
    const struct cli *cli;
    struct buf out;
    int64_t left; /* events to come; negative: no limit */
    int status;
    bool cancelled;
};

static const char *member(json_object *object, const char *name) {
    json_object *value = object ? json_object_object_get(object, name) : NULL;
    return value ? json_object_get_string(value) : NULL;
}

static void add(struct buf *out, const char *text) {
    buf_char(out, ' ');
    print_clean(out, text ? text : "-", false);
}

/* "12:00:00.123 tenant/class id version STATUS 45 % KIND: message" */
static void print_event(struct stream *stream, json_object *event) {
    struct buf *out = &stream->out;
    json_object *data = json_object_object_get(event, "data");
    json_object *error = data ? json_object_object_get(data, "error") : NULL;
    const char *time = member(event, "time"), *name = member(data, "jobEventType");
    int status = name ? status_of_name(name) : -1;
    print_clean(out, time ? time : "-", false);
    add(out, member(data, "tenant"));
    add(out, member(data, "jobClassName"));
    add(out, member(data, "jobId"));
    add(out, member(data, "version"));
    buf_char(out, ' ');
    if (status >= 0)
        print_status(out, stream->cli, (enum job_status)status);
    else
        print_clean(out, name ? name : "-", false);
    if (status == JOB_RUNNING || status == JOB_SUCCEEDED)
        buf_format(out, " %s %%",
                   member(data, "percentCompleted") ? member(data, "percentCompleted") : "0");
    if (error) {
        add(out, member(error, "kind"));
        buf_char(out, ':');
        add(out, member(error, "message"));
    }
    buf_char(out, '\n');
}

static void delivered(void *arg, const struct bus_delivery *delivery) {
    struct stream *stream = arg;
    if (stream->left == 0 || stream->status)
        return;
    if (stream->left > 0)
        stream->left--;
    json_object *event =
        stream->cli->json ? NULL : json_tokener_parse(delivery->body ? delivery->body : "");
    if (stream->cli->json) {
        buf_add(&stream->out, delivery->body, delivery->length);
        buf_char(&stream->out, '\n');
    } else if (json_object_is_type(event, json_type_object))
        print_event(stream, event);
    else
        cli_note("a message with key %s is no event",
                 delivery->routing_key ? delivery->routing_key : "");
    json_object_put(event);
}

static void cancelled(void *arg, const char *consumer_tag) {
    (void)consumer_tag;
    ((struct stream *)arg)->cancelled = true;
}

/* Reads until there is enough or the time is over; what came together is written together. */
static int read_events(struct bus *bus, struct stream *stream, int64_t timeout) {
    struct bus_handlers handlers = {.arg = stream, .delivered = delivered, .cancelled = cancelled};
    struct jobs_error err;
    int64_t end = clock_now() + timeout * CLOCK_MS;
    while (stream->left != 0 && !stream->status) {
        int64_t left = timeout < 0 ? 1000 : (end - clock_now()) / CLOCK_MS;
        if (left <= 0)
            return stream->left > 0 ? EXIT_TIMED_OUT : EXIT_OK;
        if (bus_poll(bus, left < 1000 ? left : 1000, &handlers, &err) < 0)
            return cli_fail(&err);
        stream->status = print_flush(&stream->out);
        if (stream->cancelled) {
            cli_note("the broker has deleted the queue");
            return EXIT_FAILED;
        }
    }
    return stream->status;
}

/* A queue of our own that gets the events of this pattern. Declaring the exchange is what every
 * subscriber does: whoever comes first makes it. */
static int subscribe(struct bus *bus, const char *service, const char *pattern) {
    struct jobs_error err;
    struct buf exchange = {0};
    char queue[256];
    buf_format(&exchange, "%s.events", service);
    int rc = bus_declare_exchange(bus, buf_get(&exchange), "topic", BUS_DURABLE, NULL, &err);
    if (rc == 0)
        rc = bus_declare_queue(bus, "", BUS_EXCLUSIVE | BUS_AUTO_DELETE, NULL, 0, queue, &err);
    if (rc == 0)
        rc = bus_bind(bus, queue, buf_get(&exchange), pattern, &err);
    if (rc == 0)
        rc = bus_consume(bus, queue, 0, BUS_NO_ACK | BUS_EXCLUSIVE, NULL, NULL, &err);
    buf_done(&exchange);
    return rc < 0 ? cli_fail(&err) : EXIT_OK;
}

/* --key, else what the tenant named sees, else everything. */
static char *pattern_of(const struct cli *cli) {
    struct buf pattern = {0};
    const char *tenant = cli_text(cli, "tenant"), *otherwise = getenv("JOBS_TENANT");
    tenant = tenant ? tenant : otherwise;
    if (cli_text(cli, "key"))
        buf_text(&pattern, cli_text(cli, "key"));
    else if (tenant && *tenant)
        buf_format(&pattern, "%s.#", tenant);
    else
        buf_char(&pattern, '#');
    return buf_take(&pattern);
}

int verb_events(struct cli *cli) {
    struct stream stream = {.cli = cli, .left = -1};
    struct bus *bus;
    int64_t timeout = -1;
    int status = cli_integer(cli, "count", 1, INT64_MAX, &stream.left);
    if (!status)
        status = cli_duration(cli, "timeout", &timeout);
    const char *service = status ? NULL : cli_service(cli);
    if (!status && !service)
        status = EXIT_USAGE;
    if (!status)
        status = cli_open_bus(cli, &bus);
    if (status)
        return status;
    char *pattern = pattern_of(cli);
    status = subscribe(bus, service, pattern);
    if (!status) /* from now on nothing is missed */
        cli_note("listening to %s.events, key %s", service, pattern);
    if (!status)
        status = read_events(bus, &stream, timeout);
    bus_close(bus);
    buf_done(&stream.out);
    free(pattern);
    return status;
}
