/* Numbers that are the same for the same seed, whatever happens (splitmix64). One per thread. */
#ifndef SUITE_RANDOM_H
#define SUITE_RANDOM_H
#include <stdint.h>

struct chance {
    uint64_t state;
};

/* `stream` tells threads with the same seed apart. */
static inline struct chance chance_begin(uint64_t seed, uint64_t stream) {
    return (struct chance){seed * UINT64_C(0x9e3779b97f4a7c15) ^ stream << 32};
}

static inline uint64_t chance_bits(struct chance *chance) {
    uint64_t z = chance->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* From `least` to `most`, both included. */
static inline int64_t chance_between(struct chance *chance, int64_t least, int64_t most) {
    return least + (int64_t)(chance_bits(chance) % (uint64_t)(most - least + 1));
}
#endif
