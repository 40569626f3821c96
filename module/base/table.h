/* Hash table from a text key to a pointer. The table copies keys, not values. One thread at a time. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H
#include <stddef.h>

struct table_slot;
struct table {
    struct table_slot *slots;
    size_t count, capacity, used; /* used: live slots and tombstones */
};

void *table_get(const struct table *table, const char *key);       /* NULL: not there */
void table_put(struct table *table, const char *key, void *value); /* value not NULL; replaces */
void *table_take(struct table *table, const char *key); /* removes and returns it, or NULL */
/* Iterates: start with *at = 0; false at the end. Do not put while iterating; taking the current key is fine. */
int table_next(const struct table *table, size_t *at, const char **ret_key, void **ret_value);
void table_done(struct table *table, void (*free_value)(void *)); /* free_value may be NULL */
#endif
