// libpng behind functions that return: its longjmp stays inside this target and never crosses a Swift frame.
// What it does not do: decide what is too large or what a message says; SwiftletImageIO does.
#ifndef CSWIFTLET_PNG_H
#define CSWIFTLET_PNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct swiftlet_png_reader swiftlet_png_reader;
typedef struct swiftlet_png_writer swiftlet_png_writer;

typedef struct {
    uint32_t width;
    uint32_t height;
    // 1 (grey) or 3 (red, green, blue): what read_row delivers.
    uint32_t channels;
    // 1 when the file is Adam7 interlaced: the whole picture is then held decoded.
    uint32_t interlaced;
} swiftlet_png_header;

// All functions that return int: 1 for success, 0 for failure, with a line in swiftlet_png_reader_message.

// NULL when there is no memory. byte_limit: more compressed bytes than this are refused.
swiftlet_png_reader *swiftlet_png_reader_create(size_t byte_limit);
void swiftlet_png_reader_destroy(swiftlet_png_reader *reader);
// What went wrong last; lives as long as the reader.
const char *swiftlet_png_reader_message(const swiftlet_png_reader *reader);
// The first bytes of the input and how many there were, at most 8.
size_t swiftlet_png_reader_signature(const swiftlet_png_reader *reader, uint8_t signature[8]);

// One of these two says where the bytes come from. path NULL: standard input.
int swiftlet_png_reader_open(swiftlet_png_reader *reader, const char *path);
// bytes must live as long as the reader.
void swiftlet_png_reader_set_bytes(swiftlet_png_reader *reader, const uint8_t *bytes, size_t count);

// Reads up to the pixels. Allocates nothing that grows with the picture.
int swiftlet_png_reader_read_header(swiftlet_png_reader *reader, swiftlet_png_header *header);
// Reads the next row, width * channels bytes. Memory: two rows, or the whole picture when interlaced.
int swiftlet_png_reader_read_row(swiftlet_png_reader *reader, uint8_t *row);
// Reads what follows the last row, so that a damaged end is seen.
int swiftlet_png_reader_finish(swiftlet_png_reader *reader);

// channels: 1 or 3, 8 bits each. NULL when there is no memory.
swiftlet_png_writer *swiftlet_png_writer_create(void);
// Closes the file, whatever state it is in.
void swiftlet_png_writer_destroy(swiftlet_png_writer *writer);
const char *swiftlet_png_writer_message(const swiftlet_png_writer *writer);
int swiftlet_png_writer_open(
    swiftlet_png_writer *writer, const char *path, uint32_t width, uint32_t height, uint32_t channels);
int swiftlet_png_writer_write_row(swiftlet_png_writer *writer, const uint8_t *row);
// Writes the end and closes the file.
int swiftlet_png_writer_finish(swiftlet_png_writer *writer);

#endif
