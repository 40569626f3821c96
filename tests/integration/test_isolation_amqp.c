/* A tenant's user on a broker that it shares, with the rights that `jobctl tenant amqp` gives: it
 * tries its neighbour's events, commands and queues, and every way round that is known. */
#include "module/base/clock.h"
#include "tests/lib/bus_log.h"
#include "tests/lib/jobctl.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct scene {
    const char *url, *service;
    struct test_service *jobsd;
    char user[2][100]; /* of t0 and t1 */
    struct bus *own;   /* t0's */
    struct bus *admin;
};

/* The broker's URL with another user, whose password is the same. */
static const char *url_of(const char *user) {
    static char url[300];
    const char *at = strchr(test_amqp_url(), '@');
    snprintf(url, sizeof url, "amqp://%s:secret%s", user, at);
    return url;
}

static struct bus *open_as(const char *url) {
    struct bus *bus;
    struct bus_options options = {.url = url, .name = "test", .confirms = true};
    OK(bus_open(&options, &bus, &err));
    return bus;
}

static char *name(const struct scene *s, const char *what) {
    static char names[8][200];
    static unsigned next;
    char *text = names[next++ % 8];
    snprintf(text, 200, "%s.%s", s->service, what);
    return text;
}

static int set_up(void **state) {
    static struct scene scene;
    struct scene *s = &scene;
    char path[] = "/tmp/jobs-password.XXXXXX", broker[300], prefix[200];
    s->url = service_database();
    s->service = test_service_name();
    jobctl_use(BUILD_DIR "/bin");
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, "secret\n", 7) == 7);
    close(fd);
    setenv("JOBS_DATASOURCE_MAIN_URL", s->url, 1);
    setenv("JOBS_AMQP_MANAGEMENT_URL", test_amqp_management(), 1);
    setenv("JOBS_AMQP_URL", test_amqp_url(), 1);
    setenv("JOBS_SERVICE", s->service, 1);
    for (int i = 0; i < 2; i++) {
        snprintf(s->user[i], sizeof s->user[i], "u%d-%s", i, s->service);
        jobctl_says(0, "has its rights", "tenant amqp t%d --apply --user %s --password-file %s", i,
                    s->user[i], path);
    }
    unlink(path);
    snprintf(broker, sizeof broker, "jobs.amqp.url=%s", test_amqp_url());
    snprintf(prefix, sizeof prefix, "jobs.service=%s", s->service);
    runs_reset();
    s->jobsd = service_start(s->url, NULL, broker, prefix, NULL);
    s->admin = open_as(test_amqp_url());
    s->own = open_as(url_of(s->user[0]));
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    struct scene *s = *state;
    bus_close(s->own);
    bus_close(s->admin);
    service_stop(s->jobsd);
    for (int i = 0; i < 2; i++)
        test_amqp_ctl("delete_user", s->user[i], NULL);
    return 0;
}

/* Until everything of the service is declared; then the queue of the neighbour's, with an event. */
static void make_neighbours_queue(struct scene *s) {
    int64_t until = clock_now() + LONG_MS * CLOCK_MS;
    OK(bus_declare_queue(s->admin, "t1.reports", BUS_DURABLE, NULL, 0, NULL, &err));
    while (bus_bind(s->admin, "t1.reports", name(s, "events"), "t1.#", NULL) < 0)
        assert_true(clock_now() < until);
    while (bus_declare_queue(s->admin, name(s, "commands.main"), BUS_PASSIVE, NULL, 0, NULL, NULL) <
           0)
        assert_true(clock_now() < until);
    free(submit(s->url, "'t1', 'count'"));
    wait_final(s->url, 1, LONG_MS);
}

#define REFUSED(s, call)                                                      \
    do {                                                                      \
        struct jobs_error err = {0};                                          \
        if ((call) != BUS_EREFUSED || bus_reply_code((s)->own) != 403)        \
            fail_msg("%s: %d %s", #call, bus_reply_code((s)->own), err.text); \
    } while (0)

static void consume_is_refused(struct scene *s, const char *queue) {
    struct jobs_error err;
    struct bus_log *log = bus_log_new(s->own);
    assert_int_equal(bus_consume(s->own, queue, 1, 0, NULL, NULL, &err), BUS_ECHANNEL);
    assert_int_equal(bus_reply_code(s->own), 403);
    assert_int_equal(bus_log_wait_error(log, &err), BUS_ECHANNEL); /* and opens another */
    free(log);
}

/* One attempt after the other. NOLINTNEXTLINE(readability-function-size) */
static void bindings_and_queues_of_others(void **state) {
    struct scene *s = *state;
    static const char *const keys[] = {
        "#", "*.#", "t1.#", "*.SUCCEEDED.#", "t1.SUCCEEDED.count", "#.count", "xt0.#", "t0", ""};
    static const char *const exchanges[] = {"events", "progress"};
    make_neighbours_queue(s);
    OK(bus_declare_queue(s->own, "t0.mine", BUS_AUTO_DELETE, NULL, 0, NULL, &err));
    for (size_t e = 0; e < 2; e++) {
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            REFUSED(s, bus_bind(s->own, "t0.mine", name(s, exchanges[e]), keys[k], &err));
        OK(bus_bind(s->own, "t0.mine", name(s, exchanges[e]), "t0.#", &err));
        REFUSED(s, bus_bind(s->own, "t1.reports", name(s, exchanges[e]), "t0.#", &err));
    }
    const char *const queues[] = {"t1.reports", name(s, "commands.main"), name(s, "dead"),
                                  name(s, "events.log")};
    for (size_t q = 0; q < 4; q++) {
        REFUSED(s, bus_declare_queue(s->own, queues[q], BUS_DURABLE, NULL, 0, NULL, &err));
        REFUSED(s, bus_delete_queue(s->own, queues[q], &err));
        REFUSED(s, bus_unbind(s->own, queues[q], name(s, "events"), "t0.#", &err));
        consume_is_refused(s, queues[q]);
    }
    REFUSED(s, bus_bind(s->own, "t0.mine", name(s, "dead"), "t0.#", &err));
    REFUSED(s, bus_bind(s->own, "t0.mine", name(s, "commands"), "t0.#", &err));
    REFUSED(s, bus_declare_queue(s->own, "t1.new", 0, NULL, 0, NULL, &err));
    REFUSED(s, bus_declare_queue(s->own, "other", 0, NULL, 0, NULL, &err));
    REFUSED(s, bus_declare_queue(s->own, "", BUS_EXCLUSIVE, NULL, 0, NULL, &err));
    REFUSED(s, bus_declare_exchange(s->own, "t1.x", "topic", 0, NULL, &err));
    REFUSED(s, bus_delete_exchange(s->own, name(s, "events"), &err));
    REFUSED(s, bus_delete_exchange(s->own, name(s, "commands"), &err));
}

/* Own events come, and nobody else's. */
static void only_own_events_come(void **state) {
    struct scene *s = *state;
    struct bus_log *log = bus_log_new(s->own);
    OK(bus_declare_queue(s->own, "t0.events", BUS_EXCLUSIVE, NULL, 0, NULL, &err));
    OK(bus_bind(s->own, "t0.events", name(s, "events"), "t0.#", &err));
    OK(bus_consume(s->own, "t0.events", 0, BUS_NO_ACK, NULL, NULL, &err));
    int64_t before = count_jobs(s->url, "true");
    submit_many(s->url, "count", 10, 2, NULL);
    wait_final(s->url, before + 10, LONG_MS);
    bus_log_wait(log, &log->deliveries, 20);
    for (int i = 0; i < 20; i++)
        assert_string_equal(log->delivery[i].tenant, "t0");
    assert_int_equal(log->deliveries, 20);
    OK(bus_delete_queue(s->own, "t0.events", &err));
    free(log);
}

/* ---- publishing ---- */

/* Publishes as t0; the broker closes the channel with that code, or (0) takes it. */
static void publish(struct scene *s, const char *exchange, const char *key, const char *user,
                    const char *body, int code) {
    struct bus_message message = {.exchange = exchange,
                                  .routing_key = key,
                                  .body = body,
                                  .length = strlen(body),
                                  .user_id = user,
                                  .reply_to = "t0.answers",
                                  .persistent = true};
    struct bus_log *log = bus_log_new(s->own);
    OK(bus_publish(s->own, &message, NULL, &err));
    if (code == 0)
        bus_log_wait(log, &log->acks, 1);
    else {
        struct jobs_error err = {0};
        assert_int_equal(bus_log_wait_error(log, &err), BUS_ECHANNEL);
        if (bus_reply_code(s->own) != code)
            fail_msg("%s %s: %s", exchange, key, err.text);
    }
    free(log);
}

static void publishing_as_others_or_for_them(void **state) {
    struct scene *s = *state;
    publish(s, "", "t1.reports", s->user[0], "{}", 403);
    publish(s, "", name(s, "commands.main"), s->user[0], "{}", 403);
    publish(s, "", "t0.mine", s->user[0], "{}", 403); /* nor past its exchange */
    publish(s, name(s, "events"), "t1.SUCCEEDED.x", s->user[0], "{}", 403);
    publish(s, name(s, "events"), "t0.SUCCEEDED.x", s->user[0], "{}", 403);
    publish(s, name(s, "progress"), "t1.x", s->user[0], "{}", 403);
    publish(s, name(s, "dead"), "t1.stop", s->user[0], "{}", 403);
    publish(s, name(s, "commands"), "t1.stop", s->user[0], "{}", 403);
    publish(s, name(s, "commands"), "t0.stop.t1.stop", s->user[0], "{}", 403);
    publish(s, name(s, "commands"), "t0.stop", s->user[1], "{}", 406); /* under another's name */
    publish(s, "amq.topic", "t1.stop", s->user[0], "{}", 403);
}

/* ---- a stop that takes another way ---- */

static struct bus_argument text(const char *key, const char *value) {
    return (struct bus_argument){key, value, 0};
}

static int declare_dead_lettering(struct scene *s, const char *queue, const char *exchange,
                                  const char *key, struct jobs_error *err) {
    const struct bus_argument arguments[] = {text("x-dead-letter-exchange", exchange),
                                             text("x-dead-letter-routing-key", key),
                                             {"x-message-ttl", NULL, 1}};
    return bus_declare_queue(s->own, queue, BUS_AUTO_DELETE, arguments, 3, NULL, err);
}

/* One attempt after the other. NOLINTNEXTLINE(readability-function-size) */
static void a_stop_is_not_smuggled_in(void **state) {
    struct scene *s = *state;
    char *victim = submit(s->url, "'t1', 'count', pending => true");
    char *own = submit(s->url, "'t0', 'count', pending => true"), body[100];
    snprintf(body, sizeof body, "{\"jobId\": \"%s\"}", victim);
    struct bus *graves = open_as(test_amqp_url());
    struct bus_log *log = bus_log_new(graves);
    OK(bus_consume(graves, name(s, "dead"), 0, BUS_NO_ACK, NULL, NULL, &err));

    /* the default exchange and others' are refused to dead-letter to */
    REFUSED(s, declare_dead_lettering(s, "t0.dlx", "", name(s, "commands.main"), &err));
    REFUSED(s, declare_dead_lettering(s, "t0.dlx", "", "t1.reports", &err));
    REFUSED(s, declare_dead_lettering(s, "t0.dlx", name(s, "events"), "t1.FAILED.x", &err));

    /* the commands are not; but there it does not count */
    OK(declare_dead_lettering(s, "t0.dlx", name(s, "commands"), "t1.stop", &err));
    OK(bus_declare_exchange(s->own, "t0.out", "fanout", BUS_AUTO_DELETE, NULL, &err));
    OK(bus_bind(s->own, "t0.dlx", "t0.out", "", &err));
    publish(s, "t0.out", "t0.stop", s->user[0], body, 0);
    bus_log_wait(log, &log->deliveries, 1);
    assert_string_equal(log->delivery[0].routing_key, "t1.stop");

    /* an exchange of its own that hands on what it cannot route */
    OK(bus_declare_exchange(s->own, "t0.on", "topic", 0, name(s, "commands"), &err));
    publish(s, "t0.on", "t1.stop", s->user[0], body, 0);
    bus_log_wait(log, &log->deliveries, 2);
    publish(s, "t0.on", "t1.stop", NULL, body, 0);
    bus_log_wait(log, &log->deliveries, 3);
    OK(bus_delete_exchange(s->own, "t0.on", &err));

    /* the neighbour's id under its own key */
    publish(s, name(s, "commands"), "t0.stop", s->user[0], body, 0);
    snprintf(body, sizeof body, "{\"jobId\": \"%s\"}", own);
    publish(s, name(s, "commands"), "t0.stop", s->user[0], body, 0);
    wait_status(s->url, own, "ABORTED");
    assert_job(s->url, victim, "status", "PENDING");
    assert_int_equal(log->deliveries, 3);
    bus_close(graves);
    free(log);
    free(victim);
    free(own);
}

/* ---- jobctl ---- */

static void commands_are_printed(void **state) {
    struct scene *s = *state;
    char *all = jobctl(0, "tenant amqp t2 2>/dev/null"), part[400];
    static const char *const lines[] = {
        "add_user 't2'\n",
        ("set_permissions -p '/' 't2' '^t2\\.' '^(@\\.commands$|t2\\.)' "
         "'^(@\\.(events|progress)$|t2\\.)'\n"),
        "set_topic_permissions -p '/' 't2' '@.events' '^$' '^t2\\.'\n",
        "set_topic_permissions -p '/' 't2' '@.progress' '^$' '^t2\\.'\n",
        "set_topic_permissions -p '/' 't2' '@.commands' '^t2\\.stop$' '^$'"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char *to = part;
        for (const char *p = lines[i]; *p; p++)
            if (*p == '@')
                to = stpcpy(to, s->service);
            else
                *to++ = *p;
        *to = '\0';
        if (!strstr(all, part))
            fail_msg("%s is not in %s", part, all);
    }
    free(all);
    char *alone = jobctl(0, "tenant amqp t2 2>/dev/null; JOBS_AMQP_VHOST_MODE=tenant "
                            "jobctl tenant amqp t2");
    snprintf(part, sizeof part, "add_vhost '%s.t2'", s->service);
    assert_non_null(strstr(alone, part));
    free(alone);
    jobctl_says(1, "another tenant's", "tenant amqp t2 --user %s", s->user[1]);
    jobctl_says(3, "unknown here", "tenant amqp nobody");
    jobctl_says(2, "service's own user", "tenant amqp t2 --user guest");
    jobctl_says(1, "does not answer",
                "tenant list >/dev/null; JOBS_AMQP_MANAGEMENT_URL=http://127.0.0.1:1 jobctl "
                "tenant amqp t2 --apply");
    test_sql(s->url, "insert into jobs.t_tenant (tenant) values ('svc')");
    jobctl_says(1, "would be the service's", "tenant amqp svc --service svc.x");
    jobctl_says(1, "wrong user or password",
                "tenant list >/dev/null; JOBS_AMQP_MANAGEMENT_URL=$(echo "
                "$JOBS_AMQP_MANAGEMENT_URL | sed s/guest:guest/guest:no/) jobctl tenant amqp t2 "
                "--apply");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bindings_and_queues_of_others),
        cmocka_unit_test(only_own_events_come),
        cmocka_unit_test(publishing_as_others_or_for_them),
        cmocka_unit_test(a_stop_is_not_smuggled_in),
        cmocka_unit_test(commands_are_printed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
