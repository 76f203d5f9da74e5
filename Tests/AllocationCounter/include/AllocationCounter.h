// Counts what the calling thread allocates. Linked into the tests only.
#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

#include <stdint.h>

// How often the calling thread has asked for memory so far; -1 where it cannot be counted (sanitizers, other C libraries).
int64_t allocation_count(void);

#endif
