// Counters by which the threads of a crew wait for each other: between two rows for a moment, between two runs for long.
//
// What they do not do: order more than their own waits and raises; a wait that returns sees what was written before the raise.
#ifndef CSWIFTLET_HOST_H
#define CSWIFTLET_HOST_H

#include <pthread.h>
#include <stdint.h>

// Raised by one thread at a time, read by others. Alone in its cache lines, for the neighbours of a line travel with it: two lines long, as
// processors fetch them in pairs.
typedef struct {
    uint64_t value;
    uint64_t apart[15];
} SHCounter;

void sh_raise(SHCounter *counter, uint64_t value);

// Raises the counter, unless somebody has raised it so far already; before, it waits for a while for others to do so if it is
// patient. Returns whether it did.
int sh_claim(SHCounter *counter, uint64_t value, int isPatient);

// Returns when the counter is at `value` or beyond. Spins, and lets others run when that takes long.
void sh_wait(const SHCounter *counter, uint64_t value);

// A counter at which threads sleep when it does not move for a while.
typedef struct {
    SHCounter counter;
    pthread_mutex_t mutex;
    pthread_cond_t moved;
} SHGate;

void sh_gate_init(SHGate *gate);
void sh_gate_destroy(SHGate *gate);
void sh_gate_raise(SHGate *gate, uint64_t value);
uint64_t sh_gate_wait(SHGate *gate, uint64_t value);  // returns where the gate is

#endif
