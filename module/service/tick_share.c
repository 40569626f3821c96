/* The books, for people: t_job_share. */
#include "module/base/clock.h"
#include "module/service/lives.h"
#include "module/service/tick_steps.h"

#include <math.h>

#define PUBLISH_EVERY CLOCK_SECOND
#define SHOWN_FOR (60 * CLOCK_SECOND) /* after a tenant's last queued job */
#define ROWS_MOST 300

enum { TENANTS, WEIGHTS, GOT, LAG, RUNNING, BACKLOGGED, ARRAYS };

static bool is_busy(const struct account *account) {
    return account->backlog > 0 || account->running > 0;
}

static void put(struct tick *tick, struct buf **a, const struct account *account) {
    const struct accounts *accounts = &tick->ds->shares.accounts;
    sql_array_text(a[TENANTS], account->tenant);
    sql_array_integer(a[WEIGHTS], account->weight);
    sql_array_integer(a[GOT], llround(account->got));
    sql_array_integer(a[LAG], llround(account_lag(accounts, account)));
    sql_array_integer(a[RUNNING], (int64_t)account->running);
    sql_array_boolean(a[BACKLOGGED], account->backlog > 0);
}

/* The busy ones first: not all may have room. */
static void put_all(struct tick *tick, struct buf **arrays) {
    size_t rows = 0;
    for (int busy = 1; busy >= 0; busy--) {
        size_t at = 0;
        void *value;
        while (rows < ROWS_MOST &&
               table_next(&tick->ds->shares.accounts.by_tenant, &at, NULL, &value)) {
            const struct account *account = value;
            if (is_busy(account) != (busy == 1) ||
                (!busy && account->recent < tick->now - SHOWN_FOR))
                continue;
            put(tick, arrays, account);
            rows++;
        }
    }
}

static void apply_shares(struct tick *tick, const struct sql_result *result) {
    (void)result;
    tick->ds->next_shares = tick->now + PUBLISH_EVERY;
}

void tick_add_shares(struct tick *tick) {
    struct datasource *ds = tick->ds;
    if (tick->now < ds->next_shares)
        return;
    lives_use(ds, tick->now);
    if (!ds->shares.accounts.changed) {
        ds->next_shares = tick->now + PUBLISH_EVERY;
        return;
    }
    struct buf *arrays[ARRAYS];
    ds->shares.accounts.changed = false; /* what this tick changes comes with the next */
    for (int i = 0; i < ARRAYS; i++)
        arrays[i] = tick_array(tick);
    put_all(tick, arrays);
    struct tick_step *step = tick_add(tick, "share_publish", true, true, apply_shares);
    for (int i = 0; i < ARRAYS; i++)
        tick_add_array(step, arrays[i]);
}
