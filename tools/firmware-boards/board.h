/// What a board gives the Swift program: where the model, the arena and the picture lie, an instruction counter, the stack's
/// high-water mark, and a line of output.
///
/// What it does not do: know the model; its sizes are in `model.h`, which tools/firmware and tools/export write.
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

/// int8.bin in flash, where it is used in place.
extern const uint8_t model[];
extern const int32_t model_bytes;
/// Exactly what the model's header asks for.
extern uint8_t arena[];
extern const int32_t arena_bytes;
/// Room for one row of the picture, for a source that delivers rows one by one.
extern uint8_t line[];
/// 256 KiB for a program that tests kernels.
extern uint8_t scratch[];
/// Models with inputs and expected outputs, for a program that tests them all.
extern const uint8_t cases[];
/// The picture that stands in for a camera's, rows without gaps between them. It is not part of the firmware's flash.
extern const uint8_t picture[];

// Swift sees no arrays of unknown size, so it is given pointers.
INLINE const void *_Nonnull model_start(void) { return model; }
INLINE void *_Nonnull arena_start(void) { return arena; }
INLINE uint8_t *_Nonnull line_start(void) { return line; }
INLINE uint8_t *_Nonnull scratch_start(void) { return scratch; }
INLINE const void *_Nonnull picture_start(void) { return picture; }
INLINE const void *_Nonnull cases_start(void) { return cases; }

/// The next byte of the board's UART; waits for it.
uint8_t read_byte(void);

/// Instructions since the start; call it at least once in 2^31 of them.
uint64_t instructions(void);
/// A number for each operator, zero at first. Takes memory only in a program that calls it.
uint64_t *_Nonnull operator_instructions(int32_t operation);

/// Fills the stack below the caller, so that `stack_used` can tell what has been written since.
void paint_stack(void);
/// The most bytes of stack that were in use at once.
uint32_t stack_used(void);

/// Writes `name value` as a line to the debugger's console.
void report(const char *_Nonnull name, int64_t value);
/// Writes `message` as a line to the debugger's console and ends the run. Code 0 means that all went well.
void finish(const char *_Nonnull message, int32_t code) __attribute__((noreturn));

#endif
