// Waiting: first by looking again and again, then with pauses, as the others are nearly there; then giving up the core, as they
// may want it; then asleep.
#include "CSwiftletHost.h"
#include <sched.h>

// A look at a counter that does not move takes a nanosecond, a pause some tens of them. A thread that gives up its core on a busy
// machine may get it back after milliseconds only, so it does that late: the threads of a run are hardly ever a millisecond apart.
#define LOOKS 2000
#define PATIENT_LOOKS 10000
#define PAUSES 20000

static inline uint64_t now(const SHCounter *counter) { return __atomic_load_n(&counter->value, __ATOMIC_ACQUIRE); }

static inline void pauseBriefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void sh_raise(SHCounter *counter, uint64_t value) { __atomic_store_n(&counter->value, value, __ATOMIC_RELEASE); }

int sh_claim(SHCounter *counter, uint64_t value, int isPatient) {
    for (int looks = 0; isPatient && looks < PATIENT_LOOKS; looks++)
        if (now(counter) >= value) return 0;
    uint64_t before = now(counter);
    return before < value &&
           __atomic_compare_exchange_n(&counter->value, &before, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

void sh_wait(const SHCounter *counter, uint64_t value) {
    for (int looks = 0; looks < LOOKS; looks++)
        if (now(counter) >= value) return;
    for (int pauses = 0; now(counter) < value; pauses++)
        if (pauses < PAUSES) pauseBriefly();
        else sched_yield();
}

void sh_gate_init(SHGate *gate) {
    gate->counter.value = 0;
    pthread_mutex_init(&gate->mutex, 0);
    pthread_cond_init(&gate->moved, 0);
}

void sh_gate_destroy(SHGate *gate) {
    pthread_cond_destroy(&gate->moved);
    pthread_mutex_destroy(&gate->mutex);
}

void sh_gate_raise(SHGate *gate, uint64_t value) {
    pthread_mutex_lock(&gate->mutex);
    sh_raise(&gate->counter, value);
    pthread_cond_broadcast(&gate->moved);
    pthread_mutex_unlock(&gate->mutex);
}

uint64_t sh_gate_wait(SHGate *gate, uint64_t value) {
    for (int pauses = 0; pauses < PAUSES; pauses++) {
        if (now(&gate->counter) >= value) return now(&gate->counter);
        pauseBriefly();
    }
    pthread_mutex_lock(&gate->mutex);
    while (now(&gate->counter) < value) pthread_cond_wait(&gate->moved, &gate->mutex);
    value = now(&gate->counter);
    pthread_mutex_unlock(&gate->mutex);
    return value;
}
