#include "module/service/accounts.h"

#include "module/base/mem.h"

#include <stdlib.h>

#define FIRST_ESTIMATE 1000.0 /* microseconds, until a run has ended */

static void account_free(void *arg) {
    struct account *account = arg;
    free(account->tenant);
    free(account);
}

void accounts_done(struct accounts *accounts) {
    table_done(&accounts->by_tenant, account_free);
    *accounts = (struct accounts){0};
}

struct account *accounts_find(struct accounts *accounts, const char *tenant) {
    struct account *account = table_get(&accounts->by_tenant, tenant);
    if (account)
        return account;
    account = MEM_NEW(struct account);
    account->tenant = mem_text(tenant);
    account->weight = 1;
    account->max_running = -1;
    account->time = accounts->now;
    account->run_time = FIRST_ESTIMATE;
    table_put(&accounts->by_tenant, tenant, account);
    return account;
}

void accounts_join(struct account *account) { account->shares++; }

void accounts_leave(struct accounts *accounts, struct account *account) {
    if (--account->shares == 0)
        account_free(table_take(&accounts->by_tenant, account->tenant));
}

double account_lag(const struct accounts *accounts, const struct account *account) {
    if (account->backlog == 0)
        return 0;
    return account->lag + account->weight * (accounts->fluid - account->fluid);
}

static void bring_up_to_date(struct accounts *accounts, struct account *account) {
    account->lag = account_lag(accounts, account);
    account->fluid = accounts->fluid;
}

void account_set_weight(struct accounts *accounts, struct account *account, int weight) {
    bring_up_to_date(accounts, account);
    if (account->backlog > 0)
        accounts->weight += weight - account->weight;
    account->weight = weight;
}

void account_set_backlog(struct accounts *accounts, struct account *account, bool more) {
    bring_up_to_date(accounts, account);
    bool before = account->backlog > 0;
    account->backlog += more ? 1 : (size_t)-1;
    if (before != (account->backlog > 0))
        accounts->weight += before ? -account->weight : account->weight;
    accounts->changed = true;
}

void account_use(struct accounts *accounts, struct account *account, double took) {
    if (took <= 0)
        return;
    account->got += took;
    accounts->changed = true;
    if (account->backlog == 0) /* it has what it asked for; the others share the rest */
        return;
    account->lag -= took;
    accounts->fluid += took / accounts->weight;
}
