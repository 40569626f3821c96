#include "module/service/relay_sweep.h"

#include "module/base/clock.h"

#define LONG CLOCK_MS /* that a piece may take */
#define FOUND 5       /* rows take time too: with as many nothing is learned */
#define SPAN_LEAST 500
#define SPAN_MOST (INT64_C(1) << 60)
#define FIRST (INT64_MIN + 1)

void relay_sweep_init(struct relay_sweep *sweep) {
    *sweep = (struct relay_sweep){.from = FIRST, .to = INT64_MAX, .span = SPAN_MOST};
}

/* Ids are positive: before them is nothing to count. */
static int64_t base(const struct relay_sweep *sweep) { return sweep->from > 0 ? sweep->from : 0; }

void relay_sweep_begin(struct relay_sweep *sweep, int64_t high) {
    bool rest = high <= base(sweep) || high - base(sweep) < sweep->span;
    sweep->to = rest ? INT64_MAX : base(sweep) + sweep->span;
}

static void measure(struct relay_sweep *sweep, int64_t left, int64_t took) {
    if (took < LONG / 4 && sweep->span < SPAN_MOST)
        sweep->span *= 2;
    if (took <= LONG)
        return;
    sweep->span = (left < sweep->span ? left : sweep->span) / 2;
    if (sweep->span < SPAN_LEAST)
        sweep->span = SPAN_LEAST;
}

bool relay_sweep_end(struct relay_sweep *sweep, int64_t high, int64_t up_to, int64_t took,
                     size_t found) {
    int64_t to = up_to < sweep->to ? up_to : sweep->to;
    if (found < FOUND)
        measure(sweep, high > base(sweep) ? high - base(sweep) : 0, took);
    sweep->from = to >= high ? FIRST : to + 1;
    return to >= high;
}
