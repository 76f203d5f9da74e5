// Rows packed for a convolution: channels that have a table or a gap between them come together, padding included. Part of
// convolution.h. What it does not do: choose how much fits.

// Takes channels of `pixels` pixels together: byte c of the result is channel `first + c`, by the table if there is one.
static void NAME(packPixels)(const uint16_t *channels, const uint8_t *row, int32_t pixelBytes, int32_t pixels, int32_t first,
                             int32_t count, uint8_t *packed, int32_t step) {
    if (!channels) {
        row += first;
        if (count == 3 && step == 4 && pixelBytes == 3) return NAME(widenPixels)(row, pixels, packed);
        for (int32_t x = 0; x < pixels; x++)
            NAME(copyBytes)(packed + (int64_t)x * step, row + (int64_t)x * pixelBytes, count);
        return;
    }
    NAME(gather)(row, pixelBytes, pixels, channels + first, count, packed, step);
}

// How a row's pixels lie in the buffer: each group's channels fill a multiple of 4 bytes.
typedef struct {
    int32_t groupStep;
    int32_t pixelStep;
    int32_t columns;
} NAME(Packing);

// Every `stride`-th pixel of a row from column `first` on, which may be padding; all of it where there is no row.
static inline __attribute__((always_inline)) void NAME(packRow)(const SKInput *in, const uint8_t *row, int32_t first,
                                                                int32_t stride, const SKConvolution *conv,
                                                                const NAME(Packing) *packing, uint8_t *packed) {
    const int32_t inputs = conv->groupInputs, step = packing->pixelStep, columns = packing->columns;
    const int isWhole = packing->groupStep == inputs;
    const int32_t pieces = isWhole ? 1 : conv->groups, pieceBytes = isWhole ? inputs * conv->groups : inputs;
    int32_t begin = first < 0 ? (-first + stride - 1) / stride : 0;
    int32_t end = in->width > first ? (in->width - first + stride - 1) / stride : 0;
    if (end > columns) end = columns;
    if (!row || end < begin) begin = end = columns;
    const int32_t pixelBytes = in->pixelBytes * stride;
    const uint8_t *from = end > begin ? row + (int64_t)(first + begin * stride) * in->pixelBytes : 0;
    for (int32_t piece = 0; piece < pieces; piece++) {
        uint8_t *to = packed + piece * packing->groupStep;
        const uint8_t *pad = conv->padPixel + piece * inputs;
        for (int32_t x = 0; x < begin; x++) NAME(copyBytes)(to + (int64_t)x * step, pad, pieceBytes);
        if (end > begin && isWhole && !in->channels && pixelBytes == step)
            NAME(copyBytes)(to + (int64_t)begin * step, from, (end - begin) * step);
        else if (end > begin)
            NAME(packPixels)(in->channels, from, pixelBytes, end - begin, piece * inputs, pieceBytes,
                             to + (int64_t)begin * step, step);
        for (int32_t x = end; x < columns; x++) NAME(copyBytes)(to + (int64_t)x * step, pad, pieceBytes);
    }
}

// kernelHeight rows of `columns` pixels from column `firstColumn` on.
static void NAME(packWindow)(const SKInput *in, const SKWindow *window, const SKConvolution *conv, const NAME(Packing) *packing,
                             int32_t firstColumn, uint8_t *packed) {
    const int64_t rowBytes = (int64_t)packing->columns * packing->pixelStep;
    for (int32_t ky = 0; ky < window->kernelHeight; ky++)
        NAME(packRow)(in, in->rows[ky], firstColumn, 1, conv, packing, packed + ky * rowBytes);
}
