// How maps lie as planes: a channel after the other, images below each other, rows with their padding, so that a tap of a
// convolution is the whole plane moved by a constant. What this does not do: multiply; grouped.h does.
#ifndef CSWIFTLET_TRAINING_PLANES_H
#define CSWIFTLET_TRAINING_PLANES_H

#include "CSwiftletTraining.h"
#include <stddef.h>

#define PLANE_BLOCK 64  // floats that are worked on without asking for a plane's end: a multiple of every vector's lanes

#define PLANE_LENGTH 1024  // floats that a plane should have, images below each other, so that loops over it are long

typedef struct {
    int images, channels;
    int height, width;  // of the map
    int top, left;      // where it lies in its image's part of the plane
    int rows, columns;  // of that part
} STPlanes;

static inline size_t st_planeLength(const STPlanes *p) { return (size_t)p->images * p->rows * p->columns; }

// Floats from one plane to the next.
static inline size_t st_planeStride(const STPlanes *p) {
    return (st_planeLength(p) + PLANE_BLOCK - 1) / PLANE_BLOCK * PLANE_BLOCK;
}

static inline int st_reachDown(const STWindow *s) { return s->dilationHeight * (s->kernelHeight - 1); }
static inline int st_reachRight(const STWindow *s) { return s->dilationWidth * (s->kernelWidth - 1); }

// All planes, and what blocks at the end of the last one read beyond it under a tap.
static inline size_t st_planesSize(const STPlanes *p, const STWindow *s) {
    size_t beyond = PLANE_BLOCK + (size_t)st_reachDown(s) * p->columns + st_reachRight(s);
    return p->channels * st_planeStride(p) + (beyond + PLANE_BLOCK - 1) / PLANE_BLOCK * PLANE_BLOCK;
}

// The input under the window, and the output as products of that leave it: both with rows and columns for every tap.
static inline STPlanes st_inputPlanes(const STWindow *s) {
    return (STPlanes){s->images, s->channels, s->height, s->width, s->paddingTop, s->paddingLeft,
                      s->outHeight + st_reachDown(s), s->outWidth + st_reachRight(s)};
}

static inline STPlanes st_outputPlanes(const STWindow *s, int outputs) {
    return (STPlanes){s->images, outputs, s->outHeight, s->outWidth, 0, 0,
                      s->outHeight + st_reachDown(s), s->outWidth + st_reachRight(s)};
}

// The output's gradient under the mirrored window, and the input's as products of that leave it.
static inline STPlanes st_mirroredPlanes(const STWindow *s, int outputs) {
    return (STPlanes){s->images, outputs, s->outHeight, s->outWidth, st_reachDown(s) - s->paddingTop,
                      st_reachRight(s) - s->paddingLeft, s->height + st_reachDown(s), s->width + st_reachRight(s)};
}

static inline STPlanes st_inputGradientPlanes(const STWindow *s) {
    return (STPlanes){s->images, s->channels, s->height, s->width, 0, 0,
                      s->height + st_reachDown(s), s->width + st_reachRight(s)};
}

// The window over as many images as share planes.
static inline STWindow st_stacked(const STWindow *s) {
    STWindow stacked = *s;
    int part = (s->outHeight + st_reachDown(s)) * (s->outWidth + st_reachRight(s));
    int images = PLANE_LENGTH / part;
    stacked.images = images < 1 ? 1 : images < s->images ? images : s->images;
    return stacked;
}

#endif
