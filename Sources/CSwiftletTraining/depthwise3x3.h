// Depthwise 3x3 convolutions without dilation, the shape of nearly every mobile network: the nine weights (or their nine
// gradients) of one vector of channels stay in registers while a row of pixels passes. Part of kernels.h's text.
// What it does not do: other kernels, or fewer channels than a vector; convolution.h has loops for any window.

static const float NAME(zeros)[LANES] = {0};

// Channels are taken LANES at a time; the last vector ends with the last channel and may overlap the one before it.
// The lanes that are its own are all ones.
static inline __attribute__((always_inline)) NAME(lanes) NAME(ownLanes)(int first, int start) {
    NAME(lanes) own;
    for (int i = 0; i < LANES; i++) own[i] = start + i >= first ? -1 : 0;
    return own;
}

// The three rows that an output row reads; a row outside of the map is a zero that one stands still on.
typedef struct {
    const float *row[3];
    ptrdiff_t step[3];
} NAME(Rows);

static inline __attribute__((always_inline)) NAME(Rows) NAME(threeRows)(const STWindow *s, const float *image, int oy,
                                                                        int channel) {
    NAME(Rows) rows;
    for (int ky = 0; ky < 3; ky++) {
        int iy = oy * s->strideHeight - s->paddingTop + ky;
        int inside = iy >= 0 && iy < s->height;
        rows.row[ky] = inside ? image + (size_t)iy * s->width * s->channels + channel : NAME(zeros);
        rows.step[ky] = inside ? s->channels : 0;
    }
    return rows;
}

static inline __attribute__((always_inline)) V NAME(tap)(const STWindow *s, const NAME(Rows) *rows, int ky, int ix) {
    return NAME(load)(ix >= 0 && ix < s->width ? rows->row[ky] + ix * rows->step[ky] : NAME(zeros));
}

static inline int NAME(isPlain3x3)(const STWindow *s) {
    return s->kernelHeight == 3 && s->kernelWidth == 3 && s->dilationHeight == 1 && s->dilationWidth == 1 &&
           s->channels >= LANES;
}

// Output columns begin ..< end read no column outside of the map.
static inline void NAME(interior)(const STWindow *s, int *begin, int *end) {
    *begin = (s->paddingLeft + s->strideWidth - 1) / s->strideWidth;
    *end = (s->width - 3 + s->paddingLeft) / s->strideWidth + 1;
    if (s->width - 3 + s->paddingLeft < 0) *end = 0;
    if (*end > s->outWidth) *end = s->outWidth;
    if (*begin > *end) *begin = *end;
}

// Rows taken together for every vector of channels: few enough that their lines are still in the first-level cache when
// the next channels want them, so that memory is read once and in order.
static inline int NAME(band)(const STWindow *s) {
    int rows = 8192 / (s->width * s->channels);
    return rows < 1 ? 1 : rows;
}

static inline __attribute__((always_inline)) void NAME(put)(float *out, V sum, NAME(lanes) own, int accumulate) {
    if (accumulate) sum = NAME(load)(out) + (V)((NAME(lanes))sum & own);
    *(V *)out = sum;
}

// y (+)= the convolution of x with weight [9][channels].
static void NAME(depthwise3x3)(const STWindow *s, const float *x, const float *weight, float *y, int accumulate) {
    const int C = s->channels, band = NAME(band)(s);
    int inner, innerEnd;
    NAME(interior)(s, &inner, &innerEnd);
    for (int n = 0; n < s->images; n++) {
        const float *image = x + (size_t)n * s->height * s->width * C;
        for (int top = 0; top < s->outHeight; top += band)
          for (int first = 0; first < C; first += LANES)
            for (int oy = top; oy < top + band && oy < s->outHeight; oy++) {
                const int start = first + LANES <= C ? first : C - LANES;
                const NAME(lanes) own = NAME(ownLanes)(first, start);
                const NAME(Rows) r = NAME(threeRows)(s, image, oy, start);
                float *out = y + (size_t)(n * s->outHeight + oy) * s->outWidth * C + start;
                V w[9];
                for (int tap = 0; tap < 9; tap++) w[tap] = NAME(load)(weight + (size_t)tap * C + start);
                for (int ox = 0; ox < s->outWidth;) {
                    int ix = ox * s->strideWidth - s->paddingLeft;
                    if (ox >= inner && ox + 4 <= innerEnd && s->strideWidth == 1) {
                        V sums[4] = {0};
                        for (int ky = 0; ky < 3; ky++) {
                            const float *in = r.row[ky] + ix * r.step[ky];
                            V column[6];
                            for (int i = 0; i < 6; i++) column[i] = NAME(load)(in + i * r.step[ky]);
                            for (int i = 0; i < 4; i++)
                                for (int kx = 0; kx < 3; kx++) sums[i] += column[i + kx] * w[3 * ky + kx];
                        }
                        for (int i = 0; i < 4; i++) NAME(put)(out + (size_t)(ox + i) * C, sums[i], own, accumulate);
                        ox += 4;
                    } else {
                        V sum = {0};
                        for (int ky = 0; ky < 3; ky++)
                            for (int kx = 0; kx < 3; kx++) sum += NAME(tap)(s, &r, ky, ix + kx) * w[3 * ky + kx];
                        NAME(put)(out + (size_t)ox * C, sum, own, accumulate);
                        ox += 1;
                    }
                }
            }
    }
}

// At stride 1 the input's gradient is a convolution of the output's with the weights turned by 180 degrees.
static void NAME(depthwise3x3BackwardInput)(const STWindow *s, const float *dy, const float *weight, float *dx,
                                            int accumulate) {
    const int C = s->channels;
    STWindow turned = *s;
    turned.height = s->outHeight;
    turned.width = s->outWidth;
    turned.outHeight = s->height;
    turned.outWidth = s->width;
    turned.paddingTop = 2 - s->paddingTop;
    turned.paddingLeft = 2 - s->paddingLeft;
    float *reversed = __builtin_alloca(sizeof(float) * 9 * (size_t)C);
    for (int tap = 0; tap < 9; tap++) memcpy(reversed + (size_t)tap * C, weight + (size_t)(8 - tap) * C, sizeof(float) * C);
    NAME(depthwise3x3)(&turned, dy, reversed, dx, accumulate);
}

// Adds what one row of dy has to say about the nine weights.
static inline __attribute__((always_inline)) void NAME(addRowProducts)(const STWindow *s, const float *image,
                                                                       const float *g, int oy, int start, int inner,
                                                                       int innerEnd, V *sums) {
    const NAME(Rows) r = NAME(threeRows)(s, image, oy, start);
    for (int ox = 0; ox < s->outWidth; ox++, g += s->channels) {
        const V d = NAME(load)(g);
        int ix = ox * s->strideWidth - s->paddingLeft;
        if (ox >= inner && ox < innerEnd) {
            for (int ky = 0; ky < 3; ky++)
                for (int kx = 0; kx < 3; kx++)
                    sums[3 * ky + kx] += d * NAME(load)(r.row[ky] + (ix + kx) * r.step[ky]);
        } else {
            for (int ky = 0; ky < 3; ky++)
                for (int kx = 0; kx < 3; kx++) sums[3 * ky + kx] += d * NAME(tap)(s, &r, ky, ix + kx);
        }
    }
}

static void NAME(depthwise3x3BackwardWeight)(const STWindow *s, const float *x, const float *dy, float *dWeight) {
    const int C = s->channels, band = NAME(band)(s);
    int inner, innerEnd;
    NAME(interior)(s, &inner, &innerEnd);
    for (int n = 0; n < s->images; n++) {
        const float *image = x + (size_t)n * s->height * s->width * C;
        for (int top = 0; top < s->outHeight; top += band)
            for (int first = 0; first < C; first += LANES) {
                const int start = first + LANES <= C ? first : C - LANES;
                V sums[9] = {0};
                for (int oy = top; oy < top + band && oy < s->outHeight; oy++)
                    NAME(addRowProducts)(s, image, dy + (size_t)(n * s->outHeight + oy) * s->outWidth * C + start, oy,
                                         start, inner, innerEnd, sums);
                const NAME(lanes) own = NAME(ownLanes)(first, start);
                for (int tap = 0; tap < 9; tap++) NAME(put)(dWeight + (size_t)tap * C + start, sums[tap], own, 1);
            }
    }
}
