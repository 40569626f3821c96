/* Looks while deleted rows are in the way (sweep.h): the scan for tenants would walk over them. Who had work
 * lately is asked, some at a time, by a claim above the floors; who else has some is looked for in the gaps between
 * these tenants; the sweep finds what both passed over. */
#include "module/base/clock.h"
#include "module/service/tick_steps.h"

/* Up to 20 us each (measured on a busy machine). Where more had work lately, the sweep finds the others. */
#define KNOWN_MOST 300
/* Each priority of each tenant is a probe of the index, as are the gaps between two: all of 100 tenants with five
 * priorities made a claim of ten jobs three times as dear (measured). */
#define GUESS_PLACES 128

void tick_guess(struct tick *tick) {
    struct datasource *ds = tick->ds;
    if (!ds->sweep.on || tick->now < tick_next_look(ds))
        return;
    ds->last_look = tick->now;
    ds->scanning = true; /* for others */
    shares_wake_recent(&ds->shares, tick->now - TICK_RECENT, GUESS_PLACES, true);
    tick_add_timer_next(tick);
}

static void apply_others(struct tick *tick, const struct sql_result *rows) {
    int lane = sql_column(rows, "lane"), seq = sql_column(rows, "seq");
    for (size_t i = 0; i < sql_count(rows); i++)
        datasource_see(tick->ds, sql_get(rows, i, lane), rows, i)->head =
            sql_get_integer(rows, i, seq, 0);
}

static void add_known(struct buf *lanes, struct buf *tenants, const char *lane,
                      const char *tenant) {
    sql_array_text(lanes, lane);
    sql_array_text(tenants, tenant);
}

void tick_add_others(struct tick *tick) {
    struct datasource *ds = tick->ds;
    struct share *known[KNOWN_MOST];
    if (!ds->scanning)
        return;
    ds->scanning = false;
    ds->scan_lane = 0;
    ds->scan_tenant[0] = '\0';
    size_t count = shares_recent(&ds->shares, tick->now - TICK_RECENT, known, KNOWN_MOST);
    if (count > KNOWN_MOST)
        return;
    struct tick_step *step = tick_add(tick, "ready_others", false, false, apply_others);
    struct buf *lanes = tick_array(tick), *tenants = tick_array(tick);
    add_known(lanes, tenants, "", "");
    for (size_t i = 0; i < ds->lane_count; i++)
        add_known(lanes, tenants, ds->lanes[i], "");
    for (size_t i = 0; i < count; i++)
        add_known(lanes, tenants, known[i]->lane->name, known[i]->account->tenant);
    tick_add_array(step, lanes);
    tick_add_array(step, tenants);
}
