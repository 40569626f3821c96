#include "module/base/table.h"

#include "module/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct table_slot {
    char *key; /* NULL with value NULL: never used; NULL with value: tombstone */
    void *value;
    uint64_t hash;
};

static char tombstone;

/* FNV-1a, 64 bit (Fowler, Noll, Vo; public domain parameters). */
static uint64_t hash_of(const char *key) {
    uint64_t hash = 14695981039346656037u;
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 1099511628211u;
    return hash;
}

static struct table_slot *find(const struct table *table, const char *key, uint64_t hash) {
    if (table->capacity == 0)
        return NULL;
    for (size_t i = hash & (table->capacity - 1);; i = (i + 1) & (table->capacity - 1)) {
        struct table_slot *slot = &table->slots[i];
        if (!slot->key && !slot->value)
            return NULL;
        if (slot->key && slot->hash == hash && strcmp(slot->key, key) == 0)
            return slot;
    }
}

static void insert(struct table *table, char *key, void *value, uint64_t hash) {
    size_t i = hash & (table->capacity - 1);
    while (table->slots[i].key || table->slots[i].value)
        i = (i + 1) & (table->capacity - 1);
    table->slots[i] = (struct table_slot){key, value, hash};
    table->count++, table->used++;
}

static void rehash(struct table *table) {
    struct table old = *table;
    size_t capacity = 16;
    while (capacity < old.count * 4)
        capacity *= 2;
    *table =
        (struct table){.slots = mem_zero(capacity, sizeof *table->slots), .capacity = capacity};
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].key)
            insert(table, old.slots[i].key, old.slots[i].value, old.slots[i].hash);
    free(old.slots);
}

void *table_get(const struct table *table, const char *key) {
    const struct table_slot *slot = find(table, key, hash_of(key));
    return slot ? slot->value : NULL;
}

void table_put(struct table *table, const char *key, void *value) {
    uint64_t hash = hash_of(key);
    struct table_slot *slot = find(table, key, hash);
    if (slot) {
        slot->value = value;
        return;
    }
    if ((table->used + 1) * 2 > table->capacity)
        rehash(table);
    insert(table, mem_text(key), value, hash);
}

void *table_take(struct table *table, const char *key) {
    struct table_slot *slot = find(table, key, hash_of(key));
    if (!slot)
        return NULL;
    void *value = slot->value;
    free(slot->key);
    *slot = (struct table_slot){.value = &tombstone};
    table->count--;
    return value;
}

int table_next(const struct table *table, size_t *at, const char **ret_key, void **ret_value) {
    for (; *at < table->capacity; (*at)++) {
        const struct table_slot *slot = &table->slots[*at];
        if (!slot->key)
            continue;
        if (ret_key)
            *ret_key = slot->key;
        if (ret_value)
            *ret_value = slot->value;
        (*at)++;
        return 1;
    }
    return 0;
}

void table_done(struct table *table, void (*free_value)(void *)) {
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].key) {
            if (free_value)
                free_value(table->slots[i].value);
            free(table->slots[i].key);
        }
    free(table->slots);
    *table = (struct table){0};
}
