/* In which order the jobs of a claim begin: of each share by priority (higher first), then first in
 * first out; the shares side by side in the proportion of their quotas, also when one had less to give. */
#ifndef SERVICE_CLAIM_ORDER_H
#define SERVICE_CLAIM_ORDER_H
#include <stddef.h>
#include <stdint.h>

struct claim_entry {
    void *share; /* whose it is: compared, never read */
    int64_t priority, seq;
    size_t quota; /* of the share: what it was dealt, at least 1 */
    size_t row;   /* these two for the caller */
    double charged;
    double place; /* set by claim_order */
};

void claim_order(struct claim_entry *entries, size_t count);
#endif
