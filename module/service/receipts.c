#include "module/service/receipts.h"

#include "module/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY_MOST 240 /* a tenant's name has up to 63 characters, a lane's 128 */

static void key_of(char *key, int64_t tick, const char *tenant, const char *lane) {
    snprintf(key, KEY_MOST, "%lld/%s/%s", (long long)tick, tenant, lane);
}

static void receipt_free(void *arg) {
    struct receipt *receipt = arg;
    free(receipt->tenant);
    free(receipt->lane);
    free(receipt);
}

void receipts_init(struct receipts *receipts) {
    *receipts = (struct receipts){0};
    list_init(&receipts->open);
    list_init(&receipts->closable);
}

void receipts_clear(struct receipts *receipts) {
    table_done(&receipts->by_key, receipt_free);
    receipts_init(receipts);
}

void receipts_done(struct receipts *receipts) { receipts_clear(receipts); }

struct receipt *receipts_find(struct receipts *receipts, int64_t tick, const char *tenant,
                              const char *lane) {
    char key[KEY_MOST];
    key_of(key, tick, tenant, lane);
    struct receipt *receipt = table_get(&receipts->by_key, key);
    if (!receipt) {
        receipt = MEM_NEW(struct receipt);
        receipt->tick = tick;
        receipt->tenant = mem_text(tenant);
        receipt->lane = mem_text(lane);
        list_push_back(&receipts->open, &receipt->link);
        table_put(&receipts->by_key, key, receipt);
    }
    return receipt;
}

void receipt_join(struct receipt *receipt) { receipt->jobs++; }

void receipt_leave(struct receipts *receipts, struct receipt *receipt) {
    if (--receipt->jobs > 0)
        return;
    list_remove(&receipt->link);
    list_push_back(&receipts->closable, &receipt->link);
}

void receipt_closed(struct receipts *receipts, struct receipt *receipt) {
    char key[KEY_MOST];
    key_of(key, receipt->tick, receipt->tenant, receipt->lane);
    list_remove(&receipt->link);
    table_take(&receipts->by_key, key);
    receipt_free(receipt);
}

void receipts_sort(struct receipts *receipts) {
    LIST_EACH (&receipts->open, p) {
        struct receipt *receipt = LIST_ENTRY(p, struct receipt, link);
        if (receipt->jobs > 0)
            continue;
        list_remove(&receipt->link);
        list_push_back(&receipts->closable, &receipt->link);
    }
}
