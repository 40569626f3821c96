#include "module/service/floors.h"

#include "module/base/clock.h"
#include "module/base/mem.h"
#include "sql/sql.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Submits draw their seq in one order and commit in another: what was passed over by a claim is mostly
 * visible a tenth of a second later; the sweep finds the rest. Longer, and each claim walks over more of what was claimed
 * since. (A drain under a held snapshot: a claim cost 1.36 times that without at a quarter of a second, 1.42 and 1.29 at a
 * tenth: no difference that these few runs could show.) */
#define SETTLED (100 * CLOCK_MS)
#define NONE INT64_MIN /* places of a tenant that was moved here are negative */

struct floor {
    int priority;
    int64_t floor;            /* no claim looks at or below it */
    int64_t next;             /* the floor once it has settled */
    int64_t next_at;          /* when it was the highest claimed */
    int64_t mark;             /* the highest claimed */
    int64_t when_sweep_began; /* the floor then */
};

void floors_done(struct floors *floors) {
    free(floors->levels);
    *floors = (struct floors){0};
}

/* Index of the first level at or below that priority. */
static size_t place_of(const struct floors *floors, int priority) {
    size_t i = 0;
    while (i < floors->count && floors->levels[i].priority > priority)
        i++;
    return i;
}

static struct floor *find(const struct floors *floors, int priority) {
    size_t i = place_of(floors, priority);
    return i < floors->count && floors->levels[i].priority == priority ? &floors->levels[i] : NULL;
}

static struct floor *insert(struct floors *floors, int priority) {
    size_t i = place_of(floors, priority);
    if (floors->count == floors->capacity) {
        floors->capacity = floors->capacity ? floors->capacity * 2 : 2;
        floors->levels = mem_grow(floors->levels, floors->capacity, sizeof *floors->levels);
    }
    memmove(&floors->levels[i + 1], &floors->levels[i],
            (floors->count - i) * sizeof *floors->levels);
    floors->count++;
    floors->levels[i] = (struct floor){
        .priority = priority, .floor = NONE, .next = NONE, .mark = NONE, .when_sweep_began = NONE};
    return &floors->levels[i];
}

void floors_note(struct floors *floors, int priority, int64_t seq, int64_t now) {
    struct floor *level = find(floors, priority);
    if (!level)
        level = insert(floors, priority);
    if (now - level->next_at >= SETTLED) {
        level->floor = level->next;
        level->next = level->mark;
        level->next_at = now;
    }
    if (seq > level->mark)
        level->mark = seq;
}

static void at_most(int64_t *value, int64_t most) {
    if (*value > most)
        *value = most;
}

void floors_lower(struct floors *floors, int priority, int64_t seq) {
    struct floor *level = find(floors, priority);
    if (!level)
        return;
    at_most(&level->floor, seq - 1);
    at_most(&level->next, seq - 1);
    at_most(&level->mark, seq - 1);
}

void floors_clear(struct floors *floors) { floors->count = 0; }

void floors_sweep_begins(struct floors *floors) {
    for (size_t i = 0; i < floors->count; i++)
        floors->levels[i].when_sweep_began = floors->levels[i].floor;
}

void floors_sweep_found(struct floors *floors, int priority, int64_t seq) {
    const struct floor *level = find(floors, priority);
    if (level && seq <= level->when_sweep_began)
        floors_lower(floors, priority, seq);
}

static void put_range(struct buf *his, struct buf *los, struct buf *seqs, int64_t hi, int64_t lo,
                      int64_t seq) {
    sql_array_integer(his, hi);
    sql_array_integer(los, lo);
    sql_array_integer(seqs, seq);
}

size_t floors_ranges(const struct floors *floors, struct buf *his, struct buf *los,
                     struct buf *seqs) {
    int64_t hi = INT_MAX;
    size_t n = 0;
    for (size_t i = 0; floors && i < floors->count; i++) {
        const struct floor *level = &floors->levels[i];
        if (level->floor == NONE)
            continue;
        if (hi > level->priority)
            put_range(his, los, seqs, hi, (int64_t)level->priority + 1, NONE), n++;
        put_range(his, los, seqs, level->priority, level->priority, level->floor), n++;
        hi = (int64_t)level->priority - 1;
    }
    if (hi >= INT_MIN)
        put_range(his, los, seqs, hi, INT_MIN, NONE), n++;
    return n;
}
