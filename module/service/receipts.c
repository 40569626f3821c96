#include "module/service/receipts.h"

#include "module/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static void key_of(char *key, size_t size, int64_t tick, const char *tenant) {
    snprintf(key, size, "%lld/%s", (long long)tick, tenant);
}

static void receipt_free(void *arg) {
    struct receipt *receipt = arg;
    free(receipt->tenant);
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

struct receipt *receipts_find(struct receipts *receipts, int64_t tick, const char *tenant) {
    char key[120];
    key_of(key, sizeof key, tick, tenant);
    struct receipt *receipt = table_get(&receipts->by_key, key);
    if (!receipt) {
        receipt = MEM_NEW(struct receipt);
        receipt->tick = tick;
        receipt->tenant = mem_text(tenant);
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
    char key[120];
    key_of(key, sizeof key, receipt->tick, receipt->tenant);
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
