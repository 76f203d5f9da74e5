// Products of some pixels and some blocks of outputs with AMX's matrix tiles, and the rounding of their sums; part of
// matrices512.h.
//
// One instruction multiplies up to 16 pixels x 64 input bytes with 64 bytes x 16 outputs: 16,384 products in as many cycles as
// there are pixels (16 at most), eight times what the vectors do. The file's weights are such a right-hand side as they lie,
// pixels are rows of the left-hand side where they lie. Sums wrap as the vectors' do. The bias is added as they are rounded:
// to begin with it, by a load of rows that are 0 bytes apart, took longer (1x1, 32 to 64, 112 wide: 1.2 times), for such a
// tile waits for the store of the last sums that it held.
//
// Sums go through memory to the same rounding as everywhere; while one set of them is rounded, the next one is summed.

// Which tile registers hold what. A run is cut into equal steps of up to 16 quads, for another shape means another configuration
// and that clears all tiles; pixels and weights have two registers each then. Where there are no equal steps, the last quads of a
// run have two registers of their own.
#define MATRIX_PIXELS 4
#define MATRIX_WEIGHTS 5
#define MATRIX_LAST_PIXELS 6
#define MATRIX_LAST_WEIGHTS 7
#define MATRIX_MORE_PIXELS 6
#define MATRIX_MORE_WEIGHTS 7

// Sums of a set at most: 32 pixels of 2 blocks of 16 outputs or 16 of 4.
#define MATRIX_SUMS 1024

// How a run is taken.
typedef struct {
    int32_t count;
    int32_t quads;      // of a step
    int32_t lastQuads;  // of the last one
    int areEqual;
} NAME(Steps);

static NAME(Steps) NAME(steps)(int32_t runQuads) {
    const int32_t count = (runQuads + 15) / 16, equal = runQuads / count;
    if (equal * count == runQuads) return (NAME(Steps)){count, equal, equal, 1};
    return (NAME(Steps)){count, 16, runQuads % 16, 0};
}

// Shapes are loaded only where they are others than before: to load them takes as long as a narrow row, to look takes a tenth of
// that (ResNet-8 takes 0.91 of the time, MobileNetV2 0.94). They stay until `releaseMatrices`, whoever else uses tiles
// meanwhile. They are put together in a vector: what is stored in pieces has to leave for the cache before it can be loaded,
// and with it all stores before (3x3, 16 to 16, 32 wide: 1.06 times as slow).
static void NAME(shapeMatrices)(int32_t pixels, const NAME(Steps) *steps) {
    const int64_t four = 0x0001000100010001, all = 64 * four, cuts[2] = {steps->quads, steps->lastQuads};
    // Bytes of a row: sums; pixels, weights, pixels, weights. Then rows.
    const int64_t bytes = 4 * cuts[0] | 64 << 16 | 4 * cuts[1] << 32 | (int64_t)64 << 48;
    const int64_t rows = 0x01010101 * (int64_t)pixels | (int64_t)pixels << 32 | cuts[0] << 40 | (int64_t)pixels << 48 |
                         cuts[1] << 56;
    const __m512i wanted = _mm512_set_epi64(0, rows, 0, 0, bytes, all, 0, 1);
    __m512i shapes __attribute__((aligned(64)));
    _tile_storeconfig(&shapes);
    if (!_mm512_cmpneq_epi64_mask(shapes, wanted)) return;
    _mm512_store_si512(&shapes, wanted);
    _tile_loadconfig(&shapes);
}

static void NAME(releaseMatrices)(void) { _tile_release(); }

// A set of sums on its way to bytes.
typedef struct {
    const int32_t *sums;  // [pixel][block][16]
    int32_t pixels;       // still to be rounded
    int32_t blocks;
    int32_t channel, outputs;
    uint8_t *output;
    int64_t outputStep;
    const NAME(Scales) *scales;
    const SKRequantization *requantization;
} NAME(Rounding);

// Rounds four vectors at a time, `times` of them or what is left.
static inline __attribute__((always_inline)) void NAME(roundSums)(NAME(Rounding) *r, int32_t times, const int V,
                                                                  const int rectified) {
    const int several = V > 2 ? 1 : 4 / V;
    const int32_t *sums = r->sums;
    uint8_t *output = r->output;
    int32_t pixels = r->pixels;
    const NAME(Scales) scales = *r->scales;
    const int64_t step = r->outputStep;
    const int32_t outputs = r->outputs;
    __m512i acc[MOST_PIXELS][MOST_VECTORS], bias[MOST_VECTORS];
    UNROLL for (int v = 0; v < V; v++) bias[v] = LOAD_INT(r->requantization->bias + r->channel + 16 * v);
    for (; times > 0 && pixels >= several; times--, pixels -= several, sums += several * V * 16, output += several * step) {
        UNROLL for (int p = 0; p < several; p++)
            UNROLL for (int v = 0; v < V; v++) acc[p][v] = _mm512_add_epi32(bias[v], _mm512_load_si512(sums + (p * V + v) * 16));
        NAME(storeTileAs)(acc, several, V, &scales, r->requantization, r->channel, output, step, outputs, rectified);
    }
    for (; times > 0 && pixels > 0 && pixels < several; times--, pixels--, sums += V * 16, output += step) {
        UNROLL for (int v = 0; v < V; v++) acc[0][v] = _mm512_add_epi32(bias[v], _mm512_load_si512(sums + v * 16));
        NAME(storeTileAs)(acc, 1, V, &scales, r->requantization, r->channel, output, step, outputs, rectified);
    }
    r->sums = sums;
    r->output = output;
    r->pixels = pixels;
}

static __attribute__((noinline)) void NAME(roundSome)(NAME(Rounding) *r, int32_t times) {
    switch (r->blocks * 2 + r->scales->isRectified) {
    case 2: NAME(roundSums)(r, times, 1, 0); break;
    case 3: NAME(roundSums)(r, times, 1, 1); break;
    case 4: NAME(roundSums)(r, times, 2, 0); break;
    case 5: NAME(roundSums)(r, times, 2, 1); break;
    case 6: NAME(roundSums)(r, times, 3, 0); break;
    case 7: NAME(roundSums)(r, times, 3, 1); break;
    case 8: NAME(roundSums)(r, times, 4, 0); break;
    case 9: NAME(roundSums)(r, times, 4, 1); break;
    }
}

// Some pixels, and as many again, of some blocks of outputs.
typedef struct {
    const NAME(Tile) *tile;
    NAME(Steps) steps;
    int64_t secondPixels;         // bytes from the first pixels to the second
    int64_t secondSums;           // sums from the first pixels' to the second's
    int64_t lastBlockStep;        // bytes from a quad to the next in the last block
    const int8_t *lastWeights;    // where the last block's last step lies 64 bytes a quad
    int32_t share;                // of the rounding, to be done in each step, four vectors each
} NAME(Product);

// One step of up to 16 quads. Weights are read again rather than pixels: those lie at the start of a cache line.
#define MATRIX_STEP(PIXELS, WEIGHTS_OF)                                                       \
    {                                                                                         \
        if (--left == 0 && product->lastWeights) wLast = product->lastWeights, lastStep = 64; \
        _tile_loadd(PIXELS, a, step);                                                         \
        if (V > 1) {                                                                          \
            _tile_loadd(WEIGHTS_OF, w, 64);                                                   \
            _tile_dpbusd(0, PIXELS, WEIGHTS_OF);                                              \
        }                                                                                     \
        if (V > 2) {                                                                          \
            _tile_loadd(WEIGHTS_OF, w + t->blockBytes, 64);                                   \
            _tile_dpbusd(1, PIXELS, WEIGHTS_OF);                                              \
        }                                                                                     \
        if (V > 3) {                                                                          \
            _tile_loadd(WEIGHTS_OF, w + 2 * t->blockBytes, 64);                               \
            _tile_dpbusd(2, PIXELS, WEIGHTS_OF);                                              \
        }                                                                                     \
        _tile_loadd(WEIGHTS_OF, wLast, lastStep);                                             \
        if (V == 1) _tile_dpbusd(0, PIXELS, WEIGHTS_OF);                                      \
        if (V == 2) _tile_dpbusd(1, PIXELS, WEIGHTS_OF);                                      \
        if (V == 3) _tile_dpbusd(2, PIXELS, WEIGHTS_OF);                                      \
        if (V == 4) _tile_dpbusd(3, PIXELS, WEIGHTS_OF);                                      \
        if (P == 2) {                                                                         \
            _tile_loadd(PIXELS, a + product->secondPixels, step);                             \
            if (V == 1) _tile_dpbusd(2, PIXELS, WEIGHTS_OF);                                  \
            if (V == 2) {                                                                     \
                _tile_dpbusd(3, PIXELS, WEIGHTS_OF);                                          \
                _tile_loadd(WEIGHTS_OF, w, 64);                                               \
                _tile_dpbusd(2, PIXELS, WEIGHTS_OF);                                          \
            }                                                                                 \
        }                                                                                     \
    }

// One of equal steps: what four products take has registers of its own, as far as there are any.
#define MATRIX_EQUAL_STEP                                                                     \
    {                                                                                         \
        if (--left == 0 && product->lastWeights) wLast = product->lastWeights, lastStep = 64; \
        _tile_loadd(MATRIX_PIXELS, a, step);                                                  \
        if (V == 1) _tile_loadd(MATRIX_WEIGHTS, wLast, lastStep);                             \
        else _tile_loadd(MATRIX_WEIGHTS, w, 64);                                              \
        if (V == 2) _tile_loadd(MATRIX_MORE_WEIGHTS, wLast, lastStep);                        \
        if (V > 2) _tile_loadd(MATRIX_MORE_WEIGHTS, w + t->blockBytes, 64);                   \
        if (P == 2) _tile_loadd(MATRIX_MORE_PIXELS, a + product->secondPixels, step);         \
        _tile_dpbusd(0, MATRIX_PIXELS, MATRIX_WEIGHTS);                                       \
        if (V > 1) _tile_dpbusd(1, MATRIX_PIXELS, MATRIX_MORE_WEIGHTS);                       \
        if (P == 2) _tile_dpbusd(2, MATRIX_MORE_PIXELS, MATRIX_WEIGHTS);                      \
        if (P == 2 && V == 2) _tile_dpbusd(3, MATRIX_MORE_PIXELS, MATRIX_MORE_WEIGHTS);       \
        if (V == 3) _tile_loadd(MATRIX_WEIGHTS, wLast, lastStep);                             \
        if (V == 4) _tile_loadd(MATRIX_WEIGHTS, w + 2 * t->blockBytes, 64);                   \
        if (V > 2) _tile_dpbusd(2, MATRIX_PIXELS, MATRIX_WEIGHTS);                            \
        if (V == 4) {                                                                         \
            _tile_loadd(MATRIX_MORE_WEIGHTS, wLast, lastStep);                                \
            _tile_dpbusd(3, MATRIX_PIXELS, MATRIX_MORE_WEIGHTS);                              \
        }                                                                                     \
    }

// P x V tiles of sums; those of the second pixels are tiles 2 and 3. Rounds what `before` holds meanwhile.
static inline __attribute__((always_inline)) void NAME(multiply)(const NAME(Product) *product, int32_t *sums,
                                                                 NAME(Rounding) *before, const int P, const int V) {
    const NAME(Tile) *t = product->tile;
    _tile_zero(0);
    if (V > 1) _tile_zero(1);
    if (V > 2 || P == 2) _tile_zero(2);
    if (V > 3 || (P == 2 && V == 2)) _tile_zero(3);

    const int64_t step = t->pixelStep;
    const int8_t *w = t->weights, *wLast = w + (V - 1) * t->blockBytes;
    const NAME(Steps) *steps = &product->steps;
    const int32_t quads = steps->quads;
    const int32_t whole = steps->areEqual ? steps->count : steps->count - 1, rest = steps->lastQuads;
    int64_t lastStep = product->lastBlockStep;
    for (int32_t run = 0, left = t->runs * steps->count; run < t->runs; run++) {
        const uint8_t *a = t->base + t->runOffsets[run];
        if (steps->areEqual) {
            for (int32_t k = 0; k < whole; k++, a += 4 * quads, w += quads * 64, wLast += quads * lastStep) {
                MATRIX_EQUAL_STEP
                if (before->pixels) NAME(roundSome)(before, product->share);
            }
            continue;
        }
        for (int32_t k = 0; k < whole; k++, a += 64, w += 16 * 64, wLast += 16 * lastStep) {
            MATRIX_STEP(MATRIX_PIXELS, MATRIX_WEIGHTS)
            if (before->pixels) NAME(roundSome)(before, product->share);
        }
        MATRIX_STEP(MATRIX_LAST_PIXELS, MATRIX_LAST_WEIGHTS)
        if (before->pixels) NAME(roundSome)(before, product->share);
        w += rest * 64;
        wLast += rest * lastStep;
    }
    _tile_stored(0, sums, V * 64);
    if (V > 1) _tile_stored(1, sums + 16, V * 64);
    if (V > 2 || P == 2) _tile_stored(2, sums + (P == 2 ? product->secondSums : 32), V * 64);
    if (V > 3 || (P == 2 && V == 2)) _tile_stored(3, sums + (P == 2 ? product->secondSums + 16 : 48), V * 64);
}

static __attribute__((noinline)) void NAME(multiplyPart)(const NAME(Product) *p, int32_t *sums, NAME(Rounding) *before,
                                                         int isPair, int vectors) {
    if (isPair) {
        if (vectors == 2) NAME(multiply)(p, sums, before, 2, 2);
        else NAME(multiply)(p, sums, before, 2, 1);
        return;
    }
    switch (vectors) {
    case 1: NAME(multiply)(p, sums, before, 1, 1); break;
    case 2: NAME(multiply)(p, sums, before, 1, 2); break;
    case 3: NAME(multiply)(p, sums, before, 1, 3); break;
    case 4: NAME(multiply)(p, sums, before, 1, 4); break;
    }
}
