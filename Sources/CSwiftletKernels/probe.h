// What a core can do at best with an instruction set: the ceilings that profiles hold operators against.
//
// Written over the including file's vector operations; ANEW(x) makes the compiler take x for changed. What it does not do: time
// itself; the caller does.

// Accumulators of a file's highest tile: enough that no dot product waits for another.
#define PROBE_SUMS MOST_PIXELS

__attribute__((noinline)) static int64_t NAME(dotProducts)(int64_t rounds) {
    static const uint8_t some[64] = {1, 2, 3, 4};
    VI sums[PROBE_SUMS];
    UNROLL for (int i = 0; i < PROBE_SUMS; i++) sums[i] = LOAD_INT(some);
    BYTES bytes = BROADCAST(some);
    WEIGHTS weights = LOAD_WEIGHTS(some);
    for (int64_t round = 0; round < rounds; round++)
        UNROLL for (int i = 0; i < PROBE_SUMS; i++) {
            ANEW(bytes);
            sums[i] = DOT(sums[i], bytes, weights);
        }
    UNROLL for (int i = 0; i < PROBE_SUMS; i++) __asm__ volatile("" : : "x"(sums[i]));
    return rounds * PROBE_SUMS * LANES * 4;
}

__attribute__((noinline)) static void NAME(read)(const uint8_t *start, int64_t bytes) {
    for (const uint8_t *end = start + bytes; start < end; start += 512)
        UNROLL for (int i = 0; i < 512; i += LANES * 4) {
            VI loaded = LOAD_INT(start + i);
            __asm__ volatile("" : : "x"(loaded));
        }
}
