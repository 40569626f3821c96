#include "module/service/relay_floor.h"

#include "module/base/mem.h"

#include <stdlib.h>
#include <string.h>

void floor_init(struct relay_floor *floor, bool sparse) {
    *floor = (struct relay_floor){.sparse = sparse, .high = INT64_MIN};
}

void floor_done(struct relay_floor *floor) {
    free(floor->gaps);
    floor_init(floor, floor->sparse);
}

/* The first gap that does not end before `id`. */
static size_t find(const struct relay_floor *floor, int64_t id) {
    size_t low = 0, high = floor->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (floor->gaps[middle].last < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Puts `count` gaps in the place of `old` of them. */
static void replace(struct relay_floor *floor, size_t at, size_t old, const struct relay_gap *gaps,
                    size_t count) {
    if (floor->count - old + count > floor->capacity) {
        floor->capacity = floor->capacity ? 2 * floor->capacity : 16;
        floor->gaps = mem_grow(floor->gaps, floor->capacity, sizeof *floor->gaps);
    }
    if (floor->count > at + old)
        memmove(floor->gaps + at + count, floor->gaps + at + old,
                (floor->count - at - old) * sizeof *floor->gaps);
    for (size_t i = 0; i < count; i++)
        floor->gaps[at + i] = gaps[i];
    floor->count = floor->count - old + count;
}

static void take_within(struct relay_floor *floor, int64_t id) {
    size_t at = find(floor, id), count = 0;
    if (at == floor->count || floor->gaps[at].first > id)
        return; /* known */
    const struct relay_gap gap = floor->gaps[at];
    struct relay_gap parts[2];
    if (gap.first < id)
        parts[count++] = (struct relay_gap){gap.first, id - 1, gap.fence};
    if (gap.last > id)
        parts[count++] = (struct relay_gap){id + 1, gap.last, gap.fence};
    replace(floor, at, 1, parts, count);
}

void floor_take(struct relay_floor *floor, int64_t id) {
    if (id <= floor->high) {
        take_within(floor, id);
        return;
    }
    if (!floor->sparse && floor->high < id - 1)
        replace(floor, floor->count, 0, &(struct relay_gap){floor->high + 1, id - 1, 0}, 1);
    floor->high = id;
}

/* Gaps that overlap become one: an id is asked for once. */
void floor_reopen(struct relay_floor *floor, int64_t first, int64_t last) {
    struct relay_gap gap = {first, last < floor->high ? last : floor->high, 0};
    if (gap.first > gap.last)
        return;
    size_t at = find(floor, gap.first), old = 0;
    for (; at + old < floor->count && floor->gaps[at + old].first <= gap.last; old++) {
        const struct relay_gap *other = &floor->gaps[at + old];
        gap.first = other->first < gap.first ? other->first : gap.first;
        gap.last = other->last > gap.last ? other->last : gap.last;
    }
    replace(floor, at, old, &gap, 1);
}

void floor_looked(struct relay_floor *floor, int64_t id, int64_t oldest,
                  void (*closed)(void *arg, int64_t first, int64_t last), void *arg) {
    size_t kept = 0;
    for (size_t i = 0; i < floor->count; i++) {
        const struct relay_gap gap = floor->gaps[i];
        bool over = floor->sparse || (gap.fence > 0 && gap.fence <= oldest);
        if (gap.last > id || !over)
            floor->gaps[kept++] = gap;
        else if (closed)
            closed(arg, gap.first, gap.last);
    }
    floor->count = kept;
}

void floor_fence(struct relay_floor *floor, int64_t fence) {
    for (size_t i = 0; i < floor->count; i++)
        if (floor->gaps[i].fence == 0)
            floor->gaps[i].fence = fence;
}

bool floor_wants_fence(const struct relay_floor *floor) {
    for (size_t i = 0; !floor->sparse && i < floor->count; i++)
        if (floor->gaps[i].fence == 0)
            return true;
    return false;
}

int64_t floor_lowest(const struct relay_floor *floor) {
    return floor->count > 0 ? floor->gaps[0].first : INT64_MAX;
}
