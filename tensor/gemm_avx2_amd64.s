//go:build amd64 && !noasm

#include "textflag.h"

// Row i of a piece of C, 6 or 4 rows by 16, is in Y(2i), Y(2i+1). Each step of k
// loads 16 values of B to Y12, Y13 and multiplies them by one value of A per row.

#define ROW(a, t, lo, hi) \
	VBROADCASTSS a, t;       \
	VFMADD231PS  Y12, t, lo; \
	VFMADD231PS  Y13, t, hi

// A packed: the values of one step side by side, at offset o.

#define PACKED6(o) \
	ROW(o(SI), Y14, Y0, Y1);    \
	ROW(o+4(SI), Y15, Y2, Y3);  \
	ROW(o+8(SI), Y14, Y4, Y5);  \
	ROW(o+12(SI), Y15, Y6, Y7); \
	ROW(o+16(SI), Y14, Y8, Y9); \
	ROW(o+20(SI), Y15, Y10, Y11)

// A in place: rows R14 apart, SI at row 0 and AX at row 3.

#define PLACED6(o) \
	ROW(o(SI), Y14, Y0, Y1);         \
	ROW(o(SI)(R14*1), Y15, Y2, Y3);  \
	ROW(o(SI)(R14*2), Y14, Y4, Y5);  \
	ROW(o(AX), Y15, Y6, Y7);         \
	ROW(o(AX)(R14*1), Y14, Y8, Y9);  \
	ROW(o(AX)(R14*2), Y15, Y10, Y11)

// Step 0 … 3 of a round: R10 is the distance of the steps in B, R12 three times that.

#define B0 VMOVUPS (BX), Y12; VMOVUPS 32(BX), Y13
#define B1 VMOVUPS (BX)(R10*1), Y12; VMOVUPS 32(BX)(R10*1), Y13
#define B2 VMOVUPS (BX)(R10*2), Y12; VMOVUPS 32(BX)(R10*2), Y13
#define B3 VMOVUPS (BX)(R12*1), Y12; VMOVUPS 32(BX)(R12*1), Y13

#define PACKEDNEXT(n) ADDQ $(n), SI
#define PLACEDNEXT(n) ADDQ $(n), SI; ADDQ $(n), AX

// All steps of a piece: rounds of four, then what is left, one by one. size is
// the distance of two steps in A, in bytes.
#define STEPS(round, single, last, size, rows, ahead) \
	SUBQ $4, R11;          \
	JLT  last;             \
	PCALIGN $32;           \
round:                     \
	B0;                    \
	rows(0);               \
	B1;                    \
	rows(size);            \
	B2;                    \
	rows(2*size);          \
	B3;                    \
	rows(3*size);          \
	ahead(4*size);         \
	LEAQ (BX)(R10*4), BX;  \
	SUBQ $4, R11;          \
	JGE  round;            \
last:                      \
	ADDQ $4, R11;          \
	JEQ  store;            \
single:                    \
	B0;                    \
	rows(0);               \
	ahead(size);           \
	ADDQ R10, BX;          \
	DECQ R11;              \
	JNE  single;           \
	JMP  store

#define CLEAR8 \
	VXORPS Y0, Y0, Y0; \
	VXORPS Y1, Y1, Y1; \
	VXORPS Y2, Y2, Y2; \
	VXORPS Y3, Y3, Y3; \
	VXORPS Y4, Y4, Y4; \
	VXORPS Y5, Y5, Y5; \
	VXORPS Y6, Y6, Y6; \
	VXORPS Y7, Y7, Y7

// C ← alpha·sum of one row; C is at DI.
#define SET(lo, hi) \
	VMULPS  Y14, lo, lo; \
	VMULPS  Y14, hi, hi; \
	VMOVUPS lo, (DI);    \
	VMOVUPS hi, 32(DI);  \
	ADDQ    R8, DI

// C ← alpha·sum + beta·C of one row.
#define ADD(lo, hi) \
	VMULPS  Y14, lo, lo;       \
	VMULPS  Y14, hi, hi;       \
	VMULPS  (DI), Y15, Y12;    \
	VMULPS  32(DI), Y15, Y13;  \
	VADDPS  Y12, lo, lo;       \
	VADDPS  Y13, hi, hi;       \
	VMOVUPS lo, (DI);          \
	VMOVUPS hi, 32(DI);        \
	ADDQ    R8, DI

// func strip256(k int, a *float32, lda int, b *float32, ldb, step int, c *float32, ldc int, alpha, beta float32, cols int)
TEXT ·strip256(SB), NOSPLIT, $0-80
	MOVQ b+24(FP), R13
	MOVQ ldb+32(FP), R10
	LEAQ (R10)(R10*2), R12
	MOVQ c+48(FP), DX
	MOVQ ldc+56(FP), R8
	MOVQ cols+72(FP), CX

// 12 rows by 16 columns: rows 0 … 5, then 6 … 11.
columns:
	MOVQ  lda+16(FP), R14
	LEAQ  (R14)(R14*2), R15
	MOVQ  a+8(FP), SI
	MOVQ  DX, DI
	MOVQ  $2, R9
	TESTQ R14, R14
	JEQ   piece

	// Ask for a piece of the next 12 rows of A.
	MOVQ DX, AX
	SUBQ c+48(FP), AX
	ADDQ SI, AX
	LEAQ (AX)(R15*4), AX
	MOVQ $4, R11

ask:
	PREFETCHT1 (AX)
	PREFETCHT1 (AX)(R14*1)
	PREFETCHT1 (AX)(R14*2)
	ADDQ R15, AX
	DECQ R11
	JNE  ask

piece:
	// Ask for C, which is needed at the end.
	MOVQ DI, AX
	MOVQ $6, R11

prefetch:
	PREFETCHT0 (AX)
	ADDQ       R8, AX
	DECQ       R11
	JNE        prefetch

	CLEAR8
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11
	MOVQ   R13, BX
	MOVQ   k+0(FP), R11
	TESTQ  R14, R14
	JNE    placed
	STEPS(packedRound, packedSingle, packedLast, 48, PACKED6, PACKEDNEXT)

placed:
	LEAQ (SI)(R15*1), AX
	STEPS(placedRound, placedSingle, placedLast, 4, PLACED6, PLACEDNEXT)

store:
	VBROADCASTSS alpha+64(FP), Y14
	VBROADCASTSS beta+68(FP), Y15
	VXORPS       X12, X12, X12
	VUCOMISS     X12, X15
	JNE          add
	JPS          add
	SET(Y0, Y1)
	SET(Y2, Y3)
	SET(Y4, Y5)
	SET(Y6, Y7)
	SET(Y8, Y9)
	SET(Y10, Y11)
	JMP          next

add:
	ADD(Y0, Y1)
	ADD(Y2, Y3)
	ADD(Y4, Y5)
	ADD(Y6, Y7)
	ADD(Y8, Y9)
	ADD(Y10, Y11)

next:
	MOVQ  a+8(FP), SI
	LEAQ  24(SI), AX      // row 6, packed
	LEAQ  (SI)(R15*2), SI // row 6, in place
	TESTQ R14, R14
	CMOVQEQ AX, SI
	DECQ  R9
	JNE   piece

	// Strips of B are 64 columns wide: the next 16 of one, or the next one.
	ADDQ  $64, DX
	ADDQ  $64, R13
	SUBQ  $16, CX
	MOVQ  cols+72(FP), AX
	SUBQ  CX, AX
	TESTQ $63, AX
	JNE   same
	ADDQ  step+40(FP), R13
	SUBQ  $256, R13

same:
	TESTQ CX, CX
	JGT   columns
	VZEROUPPER
	RET

// func tile256(k int, a *float32, row, step int, b *float32, ldb int, c *float32, ldc int, alpha, beta float32)
TEXT ·tile256(SB), NOSPLIT, $0-72
	MOVQ k+0(FP), R11
	MOVQ a+8(FP), SI
	MOVQ row+16(FP), R14
	MOVQ step+24(FP), R9
	MOVQ b+32(FP), BX
	MOVQ ldb+40(FP), R10
	MOVQ c+48(FP), DI
	MOVQ ldc+56(FP), R8
	LEAQ (R14)(R14*2), AX
	ADDQ SI, AX
	CLEAR8

	PCALIGN $32
round:
	B0
	ROW((SI), Y14, Y0, Y1)
	ROW((SI)(R14*1), Y15, Y2, Y3)
	ROW((SI)(R14*2), Y14, Y4, Y5)
	ROW((AX), Y15, Y6, Y7)
	ADDQ R9, SI
	ADDQ R9, AX
	ADDQ R10, BX
	DECQ R11
	JNE  round

	VBROADCASTSS alpha+64(FP), Y14
	VBROADCASTSS beta+68(FP), Y15
	VXORPS       X12, X12, X12
	VUCOMISS     X12, X15
	JNE          add
	JPS          add
	SET(Y0, Y1)
	SET(Y2, Y3)
	SET(Y4, Y5)
	SET(Y6, Y7)
	VZEROUPPER
	RET

add:
	ADD(Y0, Y1)
	ADD(Y2, Y3)
	ADD(Y4, Y5)
	ADD(Y6, Y7)
	VZEROUPPER
	RET

// func transpose4(dst *float32, w int, src *float32, stride, n int)
TEXT ·transpose4(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ w+8(FP), R8
	MOVQ src+16(FP), SI
	MOVQ stride+24(FP), R9
	MOVQ n+32(FP), R11
	SHLQ $2, R8
	SHLQ $2, R9
	LEAQ (R8)(R8*2), R10 // 3 rows of dst
	LEAQ (R9)(R9*2), R12 // 3 lines of src
	SHRQ $3, R11

	PCALIGN $32
loop:
	VMOVUPS      (SI), Y0
	VMOVUPS      (SI)(R9*1), Y1
	VMOVUPS      (SI)(R9*2), Y2
	VMOVUPS      (SI)(R12*1), Y3
	VUNPCKLPS    Y1, Y0, Y4
	VUNPCKHPS    Y1, Y0, Y5
	VUNPCKLPS    Y3, Y2, Y6
	VUNPCKHPS    Y3, Y2, Y7
	VUNPCKLPD    Y6, Y4, Y8
	VUNPCKHPD    Y6, Y4, Y9
	VUNPCKLPD    Y7, Y5, Y10
	VUNPCKHPD    Y7, Y5, Y11
	VMOVUPS      X8, (DI)
	VMOVUPS      X9, (DI)(R8*1)
	VMOVUPS      X10, (DI)(R8*2)
	VMOVUPS      X11, (DI)(R10*1)
	LEAQ         (DI)(R8*4), DI
	VEXTRACTF128 $1, Y8, (DI)
	VEXTRACTF128 $1, Y9, (DI)(R8*1)
	VEXTRACTF128 $1, Y10, (DI)(R8*2)
	VEXTRACTF128 $1, Y11, (DI)(R10*1)
	LEAQ         (DI)(R8*4), DI
	ADDQ         $32, SI
	DECQ         R11
	JNE          loop
	VZEROUPPER
	RET

// func copyRows(dst *float32, w int, src *float32, stride, quads, n int)
TEXT ·copyRows(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ w+8(FP), R8
	MOVQ src+16(FP), SI
	MOVQ stride+24(FP), R9
	MOVQ quads+32(FP), R10
	MOVQ n+40(FP), R11
	SHLQ $2, R8
	SHLQ $2, R9

rows:
	XORQ CX, CX
	MOVQ R10, R12

quad:
	VMOVUPS (SI)(CX*1), X0
	VMOVUPS X0, (DI)(CX*1)
	ADDQ    $16, CX
	DECQ    R12
	JNE     quad
	ADDQ    R9, SI
	ADDQ    R8, DI
	DECQ    R11
	JNE     rows
	RET

// Row by row: what is contiguous is read at once, and asked for two rows ahead.

#define STRIPS(row, strip, copy, width) \
	SHLQ $2, R8;             \
	SHLQ $2, R9;             \
row:                         \
	MOVQ R13, DI;            \
	MOVQ R12, SI;            \
	MOVQ R10, CX;            \
strip:                       \
	copy;                    \
	ADDQ $width, SI;         \
	ADDQ R8, DI;             \
	DECQ CX;                 \
	JNE  strip;              \
	ADDQ $width, R13;        \
	ADDQ R9, R12;            \
	DECQ R11;                \
	JNE  row;                \
	VZEROUPPER;              \
	RET

#define COPY12 \
	VMOVUPS    (SI), Y0;      \
	VMOVUPS    32(SI), X1;    \
	PREFETCHT0 (SI)(R9*2);    \
	VMOVUPS    Y0, (DI);      \
	VMOVUPS    X1, 32(DI)

#define COPY64 \
	VMOVUPS    (SI), Y0;       \
	VMOVUPS    32(SI), Y1;     \
	VMOVUPS    64(SI), Y2;     \
	VMOVUPS    96(SI), Y3;     \
	VMOVUPS    128(SI), Y4;    \
	VMOVUPS    160(SI), Y5;    \
	VMOVUPS    192(SI), Y6;    \
	VMOVUPS    224(SI), Y7;    \
	PREFETCHT0 (SI)(R9*2);     \
	PREFETCHT0 64(SI)(R9*2);   \
	PREFETCHT0 128(SI)(R9*2);  \
	PREFETCHT0 192(SI)(R9*2);  \
	VMOVUPS    Y0, (DI);       \
	VMOVUPS    Y1, 32(DI);     \
	VMOVUPS    Y2, 64(DI);     \
	VMOVUPS    Y3, 96(DI);     \
	VMOVUPS    Y4, 128(DI);    \
	VMOVUPS    Y5, 160(DI);    \
	VMOVUPS    Y6, 192(DI);    \
	VMOVUPS    Y7, 224(DI)

// func copyStrips12(dst *float32, step int, src *float32, stride, strips, n int)
TEXT ·copyStrips12(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), R13
	MOVQ step+8(FP), R8
	MOVQ src+16(FP), R12
	MOVQ stride+24(FP), R9
	MOVQ strips+32(FP), R10
	MOVQ n+40(FP), R11
	STRIPS(row, strip, COPY12, 48)

// func copyStrips64(dst *float32, step int, src *float32, stride, strips, n int)
TEXT ·copyStrips64(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), R13
	MOVQ step+8(FP), R8
	MOVQ src+16(FP), R12
	MOVQ stride+24(FP), R9
	MOVQ strips+32(FP), R10
	MOVQ n+40(FP), R11
	STRIPS(row, strip, COPY64, 256)

#define FMA(r) VFMADD231PS Y14, Y15, r

// func fma256(n int)
TEXT ·fma256(SB), NOSPLIT, $0-8
	MOVQ   n+0(FP), R11
	VXORPS Y14, Y14, Y14
	VXORPS Y15, Y15, Y15

	PCALIGN $32
loop:
	FMA(Y0)
	FMA(Y1)
	FMA(Y2)
	FMA(Y3)
	FMA(Y4)
	FMA(Y5)
	FMA(Y6)
	FMA(Y7)
	FMA(Y8)
	FMA(Y9)
	FMA(Y10)
	FMA(Y11)
	DECQ R11
	JNE  loop
	VZEROUPPER
	RET

// func pause()
TEXT ·pause(SB), NOSPLIT, $0-0
	PAUSE
	RET
