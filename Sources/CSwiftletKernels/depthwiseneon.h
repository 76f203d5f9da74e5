// Depthwise convolution of one row; part of neon.c, dotprod.c and i8mm.c.
//
// A strip is 16 channels of a row. Taps are read where they lie, except near the end of a row of narrower pixels, where they are
// copied together first. How a pixel is summed is in depthwisewide.h for plain NEON and in depthwisedot.h.
#define DEPTHWISE_TAPS 64
#define DEPTHWISE_BYTES 65536

// Where the taps of a kernel row lie for output 0, from one to the next, and from one output's to the next's.
typedef struct {
    const uint8_t *start;
    int64_t tapStep;
    int64_t pixelStep;
} NAME(TapRow);

INLINE const uint8_t *NAME(tap)(const NAME(TapRow) *row, int64_t x, int kx) {
    return row->start + x * row->pixelStep + kx * row->tapStep;
}

#ifdef DOT_QUADS
#include "depthwisedot.h"
#else
#include "depthwisewide.h"
#endif

static void NAME(loadStrip)(NAME(Strip) *s, const SKWindow *w, const SKConvolution *conv, int32_t channel, int32_t count) {
    NAME(loadScales)(&s->scales, &conv->requantization, channel, 4);
    s->count = count;
    NAME(loadWeights)(s, conv->weights + channel, conv->paddedChannels, w->kernelHeight, w->kernelWidth);
}

// Output x with taps beside the map, which hold the pad pixel, or where 16 bytes may not be read.
static __attribute__((noinline)) void NAME(edgePixel)(const NAME(Strip) *s, const SKInput *in, const SKWindow *w,
                                                      const NAME(TapRow) *rows, const uint8_t *pad, int32_t x,
                                                      uint8_t *output) {
    NAME(Columns) inside = NAME(columnsInside)(in, w, x * w->stride - w->paddingLeft);
    if (s->count == 16) return NAME(runEdge)(s, rows, w, x, inside, pad, output);
    uint8_t bytes[DEPTHWISE_TAPS * 16], *to = bytes;
    NAME(TapRow) copied[DEPTHWISE_TAPS];
    for (int32_t ky = 0; ky < w->kernelHeight; ky++) {
        copied[ky] = (NAME(TapRow)){to, 16, 0};
        for (int32_t kx = 0; kx < w->kernelWidth; kx++, to += 16)
            NAME(copyBytes)(to, kx < inside.begin || kx >= inside.end ? pad : NAME(tap)(rows + ky, x, kx), s->count);
    }
    NAME(runPixels)(s, copied, w, 0, 1, output, 0);
}

// The row of a map without tables.
static void NAME(depthwiseRow)(const SKInput *in, const SKOutput *out, const SKWindow *w, const SKConvolution *conv) {
    int32_t channels = conv->groups, width = in->width, reach = (w->kernelWidth - 1) * w->dilation;
    // The last column of which 16 bytes may be read: beyond a narrow pixel there have to be others.
    int32_t lastColumn = channels >= 16 ? width - 1 : ((width - 1) * in->pixelBytes + channels - 16) / in->pixelBytes;
    if (channels < 16 && (width - 1) * in->pixelBytes + channels < 16) lastColumn = -1;
    int32_t begin = (w->paddingLeft + w->stride - 1) / w->stride, room = lastColumn + w->paddingLeft - reach;
    int32_t end = room < 0 ? 0 : room / w->stride + 1;
    if (begin > out->width) begin = out->width;
    if (end > out->width) end = out->width;
    if (end < begin) end = begin;

    for (int32_t done = 0; done < channels; done += 16) {
        // The last strip overlaps the one before.
        int32_t c = channels - done < 16 && channels >= 16 ? channels - 16 : done;
        NAME(Strip) strip;
        NAME(loadStrip)(&strip, w, conv, c, channels < 16 ? channels : 16);
        NAME(TapRow) rows[DEPTHWISE_TAPS];
        for (int32_t ky = 0; ky < w->kernelHeight; ky++)
            rows[ky] = in->rows[ky]
                           ? (NAME(TapRow)){in->rows[ky] + c - (int64_t)w->paddingLeft * in->pixelBytes,
                                            (int64_t)w->dilation * in->pixelBytes, (int64_t)w->stride * in->pixelBytes}
                           : (NAME(TapRow)){conv->padPixel + c, 0, 0};
        uint8_t *output = out->start + c;
        for (int32_t x = 0; x < begin; x++)
            NAME(edgePixel)(&strip, in, w, rows, conv->padPixel + c, x, output + (int64_t)x * out->pixelBytes);
        NAME(runPixels)(&strip, rows, w, begin, end - begin, output + (int64_t)begin * out->pixelBytes, out->pixelBytes);
        for (int32_t x = end; x < out->width; x++)
            NAME(edgePixel)(&strip, in, w, rows, conv->padPixel + c, x, output + (int64_t)x * out->pixelBytes);
    }
}

static int NAME(convolveDepthwise)(const SKInput *in, const SKOutput *out, const SKWindow *w, const SKConvolution *conv) {
    int32_t channels = conv->groups;
    if (conv->groupOutputs != 1 || w->kernelHeight * w->kernelWidth > DEPTHWISE_TAPS) return 0;
    if (!NAME(canRequantize)(&conv->requantization, channels)) return 0;
    if (!in->channels && !out->channels) {
        NAME(depthwiseRow)(in, out, w, conv);
        return 1;
    }
    // Rows with a table are sorted into a buffer before, or out of one afterwards.
    int64_t rowBytes = in->channels ? (int64_t)in->width * channels : 0;
    int64_t madeBytes = out->channels ? (int64_t)out->width * channels : 0;
    if (rowBytes * w->kernelHeight + madeBytes > DEPTHWISE_BYTES) return 0;
    uint8_t buffer[DEPTHWISE_BYTES];
    const uint8_t *sorted[DEPTHWISE_TAPS];
    SKInput source = *in;
    SKOutput target = *out;
    if (in->channels) {
        source = (SKInput){sorted, in->width, channels, 0, channels};
        for (int32_t ky = 0; ky < w->kernelHeight; ky++) {
            sorted[ky] = in->rows[ky] ? buffer + ky * rowBytes : 0;
            if (in->rows[ky])
                NAME(gather)(in->rows[ky], in->pixelBytes, in->width, in->channels, channels, buffer + ky * rowBytes, channels);
        }
    }
    if (out->channels) target = (SKOutput){buffer + DEPTHWISE_BYTES - madeBytes, out->width, channels, 0, channels};
    NAME(depthwiseRow)(&source, &target, w, conv);
    if (out->channels)
        NAME(scatter)(target.start, channels, out->width, out->channels, channels, out->start, out->pixelBytes);
    return 2;
}
