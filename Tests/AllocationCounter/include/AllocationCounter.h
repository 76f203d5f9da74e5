/// Counts what a thread asks the heap for. What it does not do: count with other C libraries than glibc, or under a memory
/// checker, which has a heap of its own.
#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

/// Allocations of this thread since it began; -1 where they cannot be counted.
long allocationCount(void);

#endif
