/* Limits of tenants and classes: lanes, what is left under a limit, and when it is asked for again.
 *
 * A job of a limited tenant or class that ends here makes room for the claim of the same tick. One
 * that ends at another instance is that instance's to replace, at once; if it does not (its pool is
 * full, it has died and was taken over), others find the room at their next look. */
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/service/tick_steps.h"

#include <stdlib.h>
#include <string.h>

#define LANES_AGAIN (CLOCK_SECOND / 2)
#define LIMIT_LOOK (200 * CLOCK_MS) /* for room that others left */
#define HELD_LOOK (10 * CLOCK_MS)   /* another instance was choosing */

/* ---- lanes ---- */

static void forget_lanes(struct datasource *ds) {
    for (size_t i = 0; i < ds->lane_count; i++)
        free(ds->lanes[i]);
    ds->lane_count = 0;
}

/* The scan goes on where it is: a lane that it misses now comes with the next round. */
static void apply_lanes(struct tick *tick, const struct sql_result *rows) {
    struct datasource *ds = tick->ds;
    int lane = sql_column(rows, "lane"), own = sql_column(rows, "own"),
        most = sql_column(rows, "max_running"), each = sql_column(rows, "max_running_per_tenant");
    size_t n = sql_count(rows);
    forget_lanes(ds);
    ds->lanes = mem_grow(ds->lanes, n + 1, sizeof *ds->lanes);
    for (size_t i = 0; i < n; i++) {
        if (!sql_get_boolean(rows, i, own)) {
            shares_close_lane(&ds->shares, sql_get(rows, i, lane));
            continue;
        }
        ds->lanes[ds->lane_count++] = mem_text(sql_get(rows, i, lane));
        shares_set_lane(&ds->shares, sql_get(rows, i, lane), sql_get_integer(rows, i, most, -1),
                        sql_get_integer(rows, i, each, -1));
    }
    ds->lanes_elsewhere = n > 0;
    if (ds->scan_lane > ds->lane_count)
        ds->scan_lane = 0;
    ds->next_lanes = tick->now + LANES_AGAIN;
}

void tick_add_lanes(struct tick *tick) {
    struct datasource *ds = tick->ds;
    const struct classes *classes = ds->service->classes;
    if (tick->now < ds->next_lanes || atomic_load(&ds->draining) || tick_is_urgent(tick))
        return;
    struct tick_step *step = tick_add(tick, "class_lanes", false, false, apply_lanes);
    struct buf *names = tick_array(tick);
    for (size_t i = 0; i < classes_count(classes); i++)
        sql_array_text(names, classes_at(classes, i)->class->name);
    tick_add_array(step, names);
}

static void apply_move(struct tick *tick, const struct sql_result *rows) {
    struct datasource *ds = tick->ds;
    int lane = sql_column(rows, "lane"), tenant = sql_column(rows, "tenant"),
        n = sql_column(rows, "n");
    for (size_t i = 0; i < sql_count(rows); i++) {
        const char *to = sql_get(rows, i, lane), *whose = sql_get(rows, i, tenant);
        shares_find(&ds->shares, "", whose)->moved += (size_t)sql_get_integer(rows, i, n, 0);
        struct share *share = shares_find(&ds->shares, to, whose);
        floors_clear(&share->floors); /* they keep their old places */
        shares_set_hungry(&ds->shares, share, true);
    }
}

void tick_add_move(struct tick *tick) {
    struct buf *tenants = tick_array(tick), *quotas = tick_array(tick);
    size_t each = TICK_BATCH / tick->share_count, moves = 0;
    for (size_t i = 0; i < tick->share_count; i++) {
        const struct share *share = tick->shares[i];
        if (share->lane->name[0] != '\0')
            continue;
        sql_array_text(tenants, share->account->tenant);
        sql_array_integer(quotas, (int64_t)(share->quota > each ? share->quota : each));
        moves++;
    }
    if (moves == 0)
        return;
    struct tick_step *step = tick_add(tick, "ready_move", true, false, apply_move);
    tick_add_array(step, tenants);
    tick_add_array(step, quotas);
}

/* ---- what is left under a limit ---- */

static void look_at(struct datasource *ds, int64_t at) {
    if (at < ds->next_limit_look || ds->shares.capped_count == 0)
        ds->next_limit_look = at;
}

static void apply_rooms(struct tick *tick, const struct sql_result *rows) {
    int room = sql_column(rows, "room"), held = sql_column(rows, "held");
    int64_t look = LIMIT_LOOK;
    for (size_t i = 0; i < sql_count(rows); i++) {
        tick->shares[i]->allowed = (size_t)sql_get_integer(rows, i, room, 0);
        if (sql_get_boolean(rows, i, held))
            look = HELD_LOOK;
    }
    look_at(tick->ds, tick->now + look);
}

void tick_add_rooms(struct tick *tick) {
    struct tick_step *step = tick_add(tick, "ready_room", true, false, apply_rooms);
    struct buf *lanes = tick_array(tick), *tenants = tick_array(tick), *quotas = tick_array(tick);
    for (size_t i = 0; i < tick->limited_count; i++) {
        sql_array_text(lanes, tick->shares[i]->lane->name);
        sql_array_text(tenants, tick->shares[i]->account->tenant);
        sql_array_integer(quotas, (int64_t)tick->shares[i]->quota);
    }
    tick_add_array(step, lanes);
    tick_add_array(step, tenants);
    tick_add_array(step, quotas);
}

/* With room, but by what is remembered of the limits full, it would only be capped again. */
static void apply_limit_look(struct tick *tick, const struct sql_result *rows) {
    struct datasource *ds = tick->ds;
    int room = sql_column(rows, "room"), limit = sql_column(rows, "max_running");
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct share *share = tick->looks[i];
        shares_set_limit(&ds->shares, share, sql_get_integer(rows, i, limit, -1));
        if (sql_get_integer(rows, i, room, INT64_MAX) <= 0)
            continue;
        shares_uncap(&ds->shares, share);
        if (share->lane->name[0] != '\0')
            ds->next_lanes = 0;
    }
    ds->next_limit_look = tick->now + LIMIT_LOOK;
}

void tick_add_limit_look(struct tick *tick) {
    struct datasource *ds = tick->ds;
    if (ds->shares.capped_count == 0 || tick->now < ds->next_limit_look ||
        atomic_load(&ds->draining))
        return;
    struct tick_step *step = tick_add(tick, "limit_look", false, false, apply_limit_look);
    struct buf *lanes = tick_array(tick), *tenants = tick_array(tick);
    LIST_EACH (&ds->shares.capped, p) {
        if (tick->look_count == LOOK_BATCH)
            break;
        struct share *share = LIST_ENTRY(p, struct share, capped_link);
        tick->looks[tick->look_count++] = share;
        sql_array_text(lanes, share->lane->name);
        sql_array_text(tenants, share->account->tenant);
    }
    for (size_t i = 0; i < tick->look_count; i++)
        shares_cap(&ds->shares, tick->looks[i]); /* to the end of the list: others come next */
    tick_add_array(step, lanes);
    tick_add_array(step, tenants);
}
