/* What each datasource of this instance counts. */
#include "module/base/clock.h"
#include "module/base/prometheus.h"
#include "module/service/datasource.h"
#include "module/service/metrics_private.h"

#include <assert.h>
#include <stddef.h>

#define COUNTER(member) offsetof(struct datasource_counters, member)

/* ---- counters ---- */

struct plain {
    const char *name, *help;
    size_t offset;
};

static const struct plain counters[] = {
    {"jobs_claimed_total", "Jobs chosen by this instance.", COUNTER(claimed)},
    {"jobs_fenced_total",
     "Writes about jobs that were not this instance's any more: they changed nothing.",
     COUNTER(fenced)},
    {"jobs_busy_total", "Writes put off because somebody held the job's row.", COUNTER(busy)},
    {"jobs_handed_back_total", "Jobs put back because they found no slot, or at a shutdown.",
     COUNTER(handed_back)},
    {"jobs_refused_results_total", "Ends whose result or error the database refused.",
     COUNTER(refused)},
    {"jobs_set_aside_total", "Ends that the database did not take though they stood alone.",
     COUNTER(set_aside)},
    {"jobs_taken_over_total", "Jobs taken over from lost instances.", COUNTER(taken_over)},
    {"jobs_timers_due_total", "PENDING jobs that became due.", COUNTER(promoted)},
    {"jobs_stops_total", "Jobs at hand that were told to stop.", COUNTER(stops)},
    {"jobs_notifications_total", "Notifications of the database heard.", COUNTER(notifications)},
};

struct vector { /* one counter per value of a label */
    const char *name, *help, *label;
    size_t offset, count;
    const char *const *values;
};

static const char *const session_kinds[] = {"tick", "control"};
static const char *const lost_kinds[] = {"other", "self"};
static const char *const park_reasons[] = {"quarantine", "workspace"};

/* Members that stand side by side are read as an array. */
static_assert(COUNTER(controls) == COUNTER(sessions) + sizeof(atomic_llong), "side by side");
static_assert(COUNTER(lost_self) == COUNTER(lost_others) + sizeof(atomic_llong), "side by side");
static_assert(COUNTER(parked_workspace) == COUNTER(parked_quarantine) + sizeof(atomic_llong),
              "side by side");

static const struct vector vectors[] = {
    {"jobs_ticks_total", "Transactions of the dispatcher by what became of them.", "outcome",
     COUNTER(outcomes), TICK_OUTCOMES, tick_outcome_names},
    {"jobs_runs_total", "Jobs that were chosen here by what became of them.", "result",
     COUNTER(results), RUN_RESULTS, run_result_names},
    {"jobs_errors_total", "Attempts that ended with an error by its kind.", "kind", COUNTER(errors),
     ERROR_KINDS, error_kind_names},
    {"jobs_sessions_total", "Sessions opened with the database: all but the first are reconnects.",
     "kind", COUNTER(sessions), 2, session_kinds},
    {"jobs_instances_lost_total",
     "Instances that this one declared lost, and times that it was declared lost itself.", "who",
     COUNTER(lost_others), 2, lost_kinds},
    {"jobs_parked_total", "Jobs chosen and put back: class in quarantine, no disk.", "reason",
     COUNTER(parked_quarantine), 2, park_reasons},
};

static const atomic_llong *counter_at(const struct datasource *ds, size_t offset) {
    return (const atomic_llong *)(const void *)((const char *)&ds->counters + offset);
}

static int64_t read_counter(const struct datasource *ds, size_t offset, size_t i) {
    return atomic_load_explicit(counter_at(ds, offset) + i, memory_order_relaxed);
}

static void write_counters(const struct job_service *service, struct buf *out) {
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        const struct plain *c = &counters[i];
        prometheus_family(out, c->name, "counter", c->help);
        for (size_t k = 0; k < service->datasource_count; k++) {
            const struct datasource *ds = service->datasources[k];
            if (datasource_is_leaving(ds))
                continue;
            const struct prometheus_label label = {"datasource", ds->name};
            prometheus_sample(out, &(struct prometheus_series){c->name, &label, 1},
                              PROMETHEUS_PLAIN, read_counter(ds, c->offset, 0));
        }
    }
}

static void write_vector(const struct job_service *service, struct buf *out,
                         const struct vector *v) {
    prometheus_family(out, v->name, "counter", v->help);
    for (size_t k = 0; k < service->datasource_count; k++)
        for (size_t i = 0; i < v->count && !datasource_is_leaving(service->datasources[k]); i++) {
            const struct datasource *ds = service->datasources[k];
            if (datasource_is_leaving(ds))
                continue;
            const struct prometheus_label labels[] = {{"datasource", ds->name},
                                                      {v->label, v->values[i]}};
            prometheus_sample(out, &(struct prometheus_series){v->name, labels, 2},
                              PROMETHEUS_PLAIN, read_counter(ds, v->offset, i));
        }
}

/* ---- histograms ---- */

static const struct {
    const char *name, *help;
    size_t offset;
    const struct histogram_scale *scale;
    enum prometheus_unit unit;
} histograms[] = {
    {"jobs_tick_seconds", "A tick that writes, from beginning to end.", COUNTER(tick_time),
     &histogram_ticks, PROMETHEUS_MICRO},
    {"jobs_tick_commit_seconds", "Of it, the round trip with all statements and the commit.",
     COUNTER(commit_time), &histogram_ticks, PROMETHEUS_MICRO},
    {"jobs_claim_seconds", "The same of ticks that chose jobs.", COUNTER(claim_time),
     &histogram_ticks, PROMETHEUS_MICRO},
    {"jobs_claim_size", "Jobs chosen by one tick.", COUNTER(claim_size), &histogram_batches,
     PROMETHEUS_PLAIN},
    {"jobs_end_size", "Ends written by one tick.", COUNTER(end_size), &histogram_batches,
     PROMETHEUS_PLAIN},
    {"jobs_wait_seconds", "From QUEUED until chosen.", COUNTER(waited), &histogram_waits,
     PROMETHEUS_MICRO},
    {"jobs_run_seconds", "Runs, from their beginning to their end.", COUNTER(run_time),
     &histogram_waits, PROMETHEUS_MICRO},
};

static void write_histograms(const struct job_service *service, struct buf *out) {
    for (size_t i = 0; i < sizeof histograms / sizeof *histograms; i++) {
        prometheus_family(out, histograms[i].name, "histogram", histograms[i].help);
        for (size_t k = 0; k < service->datasource_count; k++) {
            const struct datasource *ds = service->datasources[k];
            if (datasource_is_leaving(ds))
                continue;
            const struct prometheus_label label = {"datasource", ds->name};
            const struct histogram *h =
                (const void *)((const char *)&ds->counters + histograms[i].offset);
            prometheus_histogram(out, &(struct prometheus_series){histograms[i].name, &label, 1},
                                 histograms[i].unit, histograms[i].scale, h);
        }
    }
}

/* ---- how it is now ---- */

struct state {
    const struct datasource *ds;
    struct relay_stats relay;
    struct keeper_stats keeper;
    int64_t now;
};

/* Microseconds since then; negative: never. */
static int64_t since(const struct state *s, const atomic_llong *at) {
    int64_t then = atomic_load_explicit(at, memory_order_relaxed);
    return then == 0 ? -1 : s->now > then ? s->now - then : 0;
}

static int64_t get_up(const struct state *s) {
    return atomic_load(&s->ds->counters.session_since) != 0;
}
static int64_t get_session(const struct state *s) {
    return since(s, &s->ds->counters.session_since);
}
static int64_t get_tick(const struct state *s) { return since(s, &s->ds->counters.ticked_at); }
static int64_t get_control(const struct state *s) { return since(s, &s->ds->control_at); }
static int64_t get_held(const struct state *s) { return s->relay.held; }
static int64_t get_live(const struct state *s) { return atomic_load(&s->ds->counters.live); }
static int64_t get_quarantined(const struct state *s) {
    return atomic_load(&s->ds->counters.quarantined);
}
static int64_t get_broker(const struct state *s) { return s->relay.held ? s->relay.connected : -1; }
static int64_t get_in_hand(const struct state *s) {
    return s->relay.held ? (int64_t)s->relay.in_hand : -1;
}
static int64_t get_consuming(const struct state *s) {
    return s->relay.held ? s->keeper.consuming : -1;
}
static int64_t get_published(const struct state *s) { return (int64_t)s->relay.published; }
static int64_t get_confirmed(const struct state *s) { return (int64_t)s->relay.confirmed; }
static int64_t get_refused(const struct state *s) { return (int64_t)s->relay.refused; }
static int64_t get_resent(const struct state *s) { return (int64_t)s->relay.resent; }
static int64_t get_dropped(const struct state *s) { return (int64_t)s->relay.dropped; }
static int64_t get_unreadable(const struct state *s) { return (int64_t)s->relay.unreadable; }
static int64_t get_folded(const struct state *s) { return (int64_t)s->keeper.folded; }
static int64_t get_commands(const struct state *s) { return (int64_t)s->keeper.commands; }
static int64_t get_dead(const struct state *s) { return (int64_t)s->keeper.dead; }
static int64_t get_purged(const struct state *s) { return (int64_t)s->keeper.purged; }

static const struct {
    const char *name, *type, *help;
    int64_t (*get)(const struct state *s); /* negative: no sample */
    enum prometheus_unit unit;
} states[] = {
    {"jobs_datasource_up", "gauge", "1 while the dispatcher has a session.", get_up,
     PROMETHEUS_PLAIN},
    {"jobs_datasource_session_age_seconds", "gauge", "Age of that session.", get_session,
     PROMETHEUS_MICRO},
    {"jobs_datasource_tick_age_seconds", "gauge",
     "Since a tick last went through; an idle datasource has one a second.", get_tick,
     PROMETHEUS_MICRO},
    {"jobs_datasource_control_age_seconds", "gauge",
     "Since the database last said that this instance is not lost; asked once a second.",
     get_control, PROMETHEUS_MICRO},
    {"jobs_datasource_lease", "gauge", "1 on the instance that broadcasts this one's events.",
     get_held, PROMETHEUS_PLAIN},
    {"jobs_at_hand", "gauge", "Jobs chosen by this instance and not yet seen to their end.",
     get_live, PROMETHEUS_PLAIN},
    {"jobs_quarantined_classes", "gauge", "Classes in quarantine, each for one tenant.",
     get_quarantined, PROMETHEUS_PLAIN},
    {"jobs_broker_up", "gauge", "1 while the relay is connected to the broker.", get_broker,
     PROMETHEUS_PLAIN},
    {"jobs_relay_in_hand_events", "gauge", "Events read from the outbox and not yet confirmed.",
     get_in_hand, PROMETHEUS_PLAIN},
    {"jobs_commands_up", "gauge", "1 while commands of the broker are taken.", get_consuming,
     PROMETHEUS_PLAIN},
    {"jobs_events_published_total", "counter", "Messages sent, repetitions counted.", get_published,
     PROMETHEUS_PLAIN},
    {"jobs_events_confirmed_total", "counter", "Events that the broker has.", get_confirmed,
     PROMETHEUS_PLAIN},
    {"jobs_events_refused_total", "counter", "Refusals by a queue, each tried again.", get_refused,
     PROMETHEUS_PLAIN},
    {"jobs_events_resent_total", "counter", "Messages sent again.", get_resent, PROMETHEUS_PLAIN},
    {"jobs_events_dropped_total", "counter", "Events given up, refused for too long.", get_dropped,
     PROMETHEUS_PLAIN},
    {"jobs_events_unreadable_total", "counter", "Events skipped, they cannot be encoded.",
     get_unreadable, PROMETHEUS_PLAIN},
    {"jobs_counts_folded_total", "counter", "Changes of counts folded.", get_folded,
     PROMETHEUS_PLAIN},
    {"jobs_commands_total", "counter", "Commands of the broker carried out.", get_commands,
     PROMETHEUS_PLAIN},
    {"jobs_commands_dead_total", "counter", "Commands that could not be: sent to the dead.",
     get_dead, PROMETHEUS_PLAIN},
    {"jobs_purged_total", "counter", "Jobs removed by retention.", get_purged, PROMETHEUS_PLAIN},
};

static void write_states(const struct job_service *service, struct buf *out) {
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        prometheus_family(out, states[i].name, states[i].type, states[i].help);
        for (size_t k = 0; k < service->datasource_count; k++) {
            struct state s = {.ds = service->datasources[k], .now = clock_now()};
            if (datasource_is_leaving(s.ds))
                continue;
            relay_get_stats(s.ds->relay, &s.relay);
            keeper_get_stats(s.ds->keeper, &s.keeper);
            int64_t value = states[i].get(&s);
            const struct prometheus_label label = {"datasource", s.ds->name};
            if (value >= 0)
                prometheus_sample(out, &(struct prometheus_series){states[i].name, &label, 1},
                                  states[i].unit, value);
        }
    }
}

void metrics_write_datasources(struct job_service *service, struct buf *out) {
    write_states(service, out);
    write_counters(service, out);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        write_vector(service, out, &vectors[i]);
    write_histograms(service, out);
}
