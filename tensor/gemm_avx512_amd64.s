//go:build amd64 && !noasm

#include "textflag.h"

// Row i of a tile is in Z(2i), Z(2i+1). Each step of k loads 32 values of B
// to Z24, Z25 and multiplies them by one value of A per row. Four steps a round:
// the fewer instructions that are not multiply-adds, the nearer to the peak.

#define ROW(a, t, lo, hi) \
	VBROADCASTSS a, t; \
	VFMADD231PS  Z24, t, lo; \
	VFMADD231PS  Z25, t, hi

// The same for 16 values of B: the odd registers are not used.

#define HALF(a, t, lo, hi) VFMADD231PS.BCST a, Z24, lo

// A packed: the values of one step side by side, at offset o.

#define PACKED4A(op, o) op(o(SI), Z28, Z0, Z1); op(o+4(SI), Z29, Z2, Z3); op(o+8(SI), Z28, Z4, Z5); op(o+12(SI), Z29, Z6, Z7)
#define PACKED4B(op, o) op(o+16(SI), Z28, Z8, Z9); op(o+20(SI), Z29, Z10, Z11); op(o+24(SI), Z28, Z12, Z13); op(o+28(SI), Z29, Z14, Z15)
#define PACKED4C(op, o) op(o+32(SI), Z28, Z16, Z17); op(o+36(SI), Z29, Z18, Z19); op(o+40(SI), Z28, Z20, Z21); op(o+44(SI), Z29, Z22, Z23)

#define PACKED4(op, o) PACKED4A(op, o)
#define PACKED8(op, o) PACKED4A(op, o); PACKED4B(op, o)
#define PACKED12(op, o) PACKED4A(op, o); PACKED4B(op, o); PACKED4C(op, o)

// A in place: rows R14 apart; SI, AX, R12, DI are at rows 0, 3, 6, 9.

#define PLACED3(op, base, o, l0, h0, l1, h1, l2, h2) \
	op(o(base), Z28, l0, h0); \
	op(o(base)(R14*1), Z29, l1, h1); \
	op(o(base)(R14*2), Z28, l2, h2)

#define PLACED12(op, o) \
	PLACED3(op, SI, o, Z0, Z1, Z2, Z3, Z4, Z5); \
	PLACED3(op, AX, o, Z6, Z7, Z8, Z9, Z10, Z11); \
	PLACED3(op, R12, o, Z12, Z13, Z14, Z15, Z16, Z17); \
	PLACED3(op, DI, o, Z18, Z19, Z20, Z21, Z22, Z23)

// Step 0 … 3 of a round: R10 is the distance of the steps in B, R15 three times that.

#define WIDE0 VMOVUPS (BX), Z24; VMOVUPS 64(BX), Z25
#define WIDE1 VMOVUPS (BX)(R10*1), Z24; VMOVUPS 64(BX)(R10*1), Z25
#define WIDE2 VMOVUPS (BX)(R10*2), Z24; VMOVUPS 64(BX)(R10*2), Z25
#define WIDE3 VMOVUPS (BX)(R15*1), Z24; VMOVUPS 64(BX)(R15*1), Z25

#define NARROW0 VMOVUPS (BX), Z24
#define NARROW1 VMOVUPS (BX)(R10*1), Z24
#define NARROW2 VMOVUPS (BX)(R10*2), Z24
#define NARROW3 VMOVUPS (BX)(R15*1), Z24

#define PACKEDNEXT(n) ADDQ $(n), SI
#define PLACEDNEXT(n) ADDQ $(n), SI; ADDQ $(n), AX; ADDQ $(n), R12; ADDQ $(n), DI

// All steps of a tile: rounds of four, then what is left, one by one. size is
// the distance of two steps in A, in bytes.
#define STEPS(round, single, last, size, b0, b1, b2, b3, rows, op, ahead) \
	SUBQ  $4, R11;          \
	JLT   last;             \
	PCALIGN $32;            \
round:                      \
	b0;                     \
	rows(op, 0);            \
	b1;                     \
	rows(op, size);         \
	b2;                     \
	rows(op, 2*size);       \
	b3;                     \
	rows(op, 3*size);       \
	ahead(4*size);          \
	LEAQ  (BX)(R10*4), BX;  \
	SUBQ  $4, R11;          \
	JGE   round;            \
last:                       \
	ADDQ  $4, R11;          \
	JEQ   store;            \
single:                     \
	b0;                     \
	rows(op, 0);            \
	ahead(size);            \
	ADDQ  R10, BX;          \
	DECQ  R11;              \
	JNE   single;           \
	JMP   store

// C ← alpha·sum of one row, then the next one or the end.
#define SET(lo, hi) \
	VMULPS  Z30, lo, lo;      \
	VMULPS  Z30, hi, hi;      \
	VMOVUPS lo, K1, (DI);     \
	VMOVUPS hi, K2, 64(DI);   \
	ADDQ    R8, DI;           \
	DECQ    R9;               \
	JEQ     next

// C ← alpha·sum + beta·C of one row.
#define ADD(lo, hi) \
	VMOVUPS.Z (DI), K1, Z24;   \
	VMOVUPS.Z 64(DI), K2, Z25; \
	VMULPS    Z30, lo, lo;     \
	VMULPS    Z30, hi, hi;     \
	VMULPS    Z31, Z24, Z24;   \
	VMULPS    Z31, Z25, Z25;   \
	VADDPS    Z24, lo, lo;     \
	VADDPS    Z25, hi, hi;     \
	VMOVUPS   lo, K1, (DI);    \
	VMOVUPS   hi, K2, 64(DI);  \
	ADDQ      R8, DI;          \
	DECQ      R9;              \
	JEQ       next

// func strip512(k int, a *float32, lda int, b *float32, ldb, step int, c *float32, ldc int, alpha, beta float32, rows, cols int)
TEXT ·strip512(SB), NOSPLIT, $0-88
	MOVQ b+24(FP), R13
	MOVQ ldb+32(FP), R10
	LEAQ (R10)(R10*2), R15
	MOVQ c+48(FP), DX
	MOVQ ldc+56(FP), R8
	MOVQ cols+80(FP), CX

tile:
	MOVQ k+0(FP), R11
	MOVQ a+8(FP), SI
	MOVQ R13, BX
	MOVQ rows+72(FP), R9

	// K1, K2: the columns of C.
	KXNORW K1, K1, K1
	KXNORW K2, K2, K2
	CMPQ   CX, $32
	JGE    prepare
	MOVQ   $1, AX
	SHLQ   CX, AX
	DECQ   AX
	KMOVW  AX, K1
	SHRQ   $16, AX
	KMOVW  AX, K2

prepare:
	// Ask for C, which is needed at the end.
	MOVQ DX, DI
	MOVQ R9, R12

prefetch:
	PREFETCHT0 (DI)
	PREFETCHT0 64(DI)
	ADDQ       R8, DI
	DECQ       R12
	JNE        prefetch

	VXORPS Z0, Z0, Z0
	VXORPS Z1, Z1, Z1
	VXORPS Z2, Z2, Z2
	VXORPS Z3, Z3, Z3
	VXORPS Z4, Z4, Z4
	VXORPS Z5, Z5, Z5
	VXORPS Z6, Z6, Z6
	VXORPS Z7, Z7, Z7
	VXORPS Z8, Z8, Z8
	VXORPS Z9, Z9, Z9
	VXORPS Z10, Z10, Z10
	VXORPS Z11, Z11, Z11
	VXORPS Z12, Z12, Z12
	VXORPS Z13, Z13, Z13
	VXORPS Z14, Z14, Z14
	VXORPS Z15, Z15, Z15
	VXORPS Z16, Z16, Z16
	VXORPS Z17, Z17, Z17
	VXORPS Z18, Z18, Z18
	VXORPS Z19, Z19, Z19
	VXORPS Z20, Z20, Z20
	VXORPS Z21, Z21, Z21
	VXORPS Z22, Z22, Z22
	VXORPS Z23, Z23, Z23

	MOVQ  lda+16(FP), R14
	TESTQ R14, R14
	JNE   placed
	CMPQ  CX, $16
	JLE   narrow
	CMPQ  R9, $8
	JGT   wide12
	CMPQ  R9, $4
	JGT   wide8
	STEPS(wide4Round, wide4Single, wide4Last, 16, WIDE0, WIDE1, WIDE2, WIDE3, PACKED4, ROW, PACKEDNEXT)

wide8:
	STEPS(wide8Round, wide8Single, wide8Last, 32, WIDE0, WIDE1, WIDE2, WIDE3, PACKED8, ROW, PACKEDNEXT)

wide12:
	STEPS(wide12Round, wide12Single, wide12Last, 48, WIDE0, WIDE1, WIDE2, WIDE3, PACKED12, ROW, PACKEDNEXT)

narrow:
	CMPQ R9, $8
	JGT  narrow12
	CMPQ R9, $4
	JGT  narrow8
	STEPS(narrow4Round, narrow4Single, narrow4Last, 16, NARROW0, NARROW1, NARROW2, NARROW3, PACKED4, HALF, PACKEDNEXT)

narrow8:
	STEPS(narrow8Round, narrow8Single, narrow8Last, 32, NARROW0, NARROW1, NARROW2, NARROW3, PACKED8, HALF, PACKEDNEXT)

narrow12:
	STEPS(narrow12Round, narrow12Single, narrow12Last, 48, NARROW0, NARROW1, NARROW2, NARROW3, PACKED12, HALF, PACKEDNEXT)

placed:
	// Ask for a piece of the next 12 rows of A, one per tile: after 12 tiles
	// of k ≤ 384 all of it.
	LEAQ (R14)(R14*2), R12
	LEAQ (SI)(DX*1), DI
	SUBQ c+48(FP), DI
	LEAQ (DI)(R12*4), DI
	MOVQ $4, AX

ask:
	PREFETCHT1 (DI)
	PREFETCHT1 64(DI)
	PREFETCHT1 (DI)(R14*1)
	PREFETCHT1 64(DI)(R14*1)
	PREFETCHT1 (DI)(R14*2)
	PREFETCHT1 64(DI)(R14*2)
	ADDQ R12, DI
	DECQ AX
	JNE  ask
	LEAQ (SI)(R12*1), AX
	LEAQ (SI)(R12*2), DI
	ADDQ DI, R12
	XCHGQ R12, DI
	CMPQ CX, $16
	JLE  placedNarrow
	STEPS(placedWideRound, placedWideSingle, placedWideLast, 4, WIDE0, WIDE1, WIDE2, WIDE3, PLACED12, ROW, PLACEDNEXT)

placedNarrow:
	STEPS(placedNarrowRound, placedNarrowSingle, placedNarrowLast, 4, NARROW0, NARROW1, NARROW2, NARROW3, PLACED12, HALF, PLACEDNEXT)

store:
	MOVQ         DX, DI
	VBROADCASTSS alpha+64(FP), Z30
	VBROADCASTSS beta+68(FP), Z31
	VXORPS       X29, X29, X29
	VUCOMISS     X29, X31
	JNE          add
	JPS          add
	SET(Z0, Z1)
	SET(Z2, Z3)
	SET(Z4, Z5)
	SET(Z6, Z7)
	SET(Z8, Z9)
	SET(Z10, Z11)
	SET(Z12, Z13)
	SET(Z14, Z15)
	SET(Z16, Z17)
	SET(Z18, Z19)
	SET(Z20, Z21)
	SET(Z22, Z23)

add:
	ADD(Z0, Z1)
	ADD(Z2, Z3)
	ADD(Z4, Z5)
	ADD(Z6, Z7)
	ADD(Z8, Z9)
	ADD(Z10, Z11)
	ADD(Z12, Z13)
	ADD(Z14, Z15)
	ADD(Z16, Z17)
	ADD(Z18, Z19)
	ADD(Z20, Z21)
	ADD(Z22, Z23)

next:
	ADDQ $128, DX
	ADDQ step+40(FP), R13
	SUBQ $32, CX
	JGT  tile
	VZEROUPPER
	RET

// Columns o/4 … o/4+3 of 16 lines become 4 rows: one register per line
// within its group of 4, one quarter per group; then 4 × 4 transposes in the quarters.
#define GATHER(a0, a1, a2, a3, x, z) \
	VMOVUPS      a0, x;         \
	VINSERTF32X4 $1, a1, z, z;  \
	VINSERTF32X4 $2, a2, z, z;  \
	VINSERTF32X4 $3, a3, z, z

#define FOUR(o) \
	GATHER(o(SI), o(AX), o(BX), o(DX), X0, Z0); \
	GATHER(o(SI)(R9*1), o(AX)(R9*1), o(BX)(R9*1), o(DX)(R9*1), X1, Z1); \
	GATHER(o(SI)(R9*2), o(AX)(R9*2), o(BX)(R9*2), o(DX)(R9*2), X2, Z2); \
	GATHER(o(SI)(R12*1), o(AX)(R12*1), o(BX)(R12*1), o(DX)(R12*1), X3, Z3); \
	VUNPCKLPS Z1, Z0, Z4;             \
	VUNPCKHPS Z1, Z0, Z5;             \
	VUNPCKLPS Z3, Z2, Z6;             \
	VUNPCKHPS Z3, Z2, Z7;             \
	VUNPCKLPD Z6, Z4, Z0;             \
	VUNPCKHPD Z6, Z4, Z1;             \
	VUNPCKLPD Z7, Z5, Z2;             \
	VUNPCKHPD Z7, Z5, Z3;             \
	VMOVUPS   Z0, (DI);               \
	VMOVUPS   Z1, (DI)(R8*1);         \
	VMOVUPS   Z2, (DI)(R8*2);         \
	VMOVUPS   Z3, (DI)(R10*1);        \
	LEAQ      (DI)(R8*4), DI

// func transpose16(dst *float32, w int, src *float32, stride, n int)
TEXT ·transpose16(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ w+8(FP), R8
	MOVQ src+16(FP), SI
	MOVQ stride+24(FP), R9
	MOVQ n+32(FP), R11
	SHLQ $2, R8
	SHLQ $2, R9
	LEAQ (R8)(R8*2), R10
	LEAQ (R9)(R9*2), R12
	LEAQ (SI)(R9*4), AX
	LEAQ (SI)(R9*8), BX
	LEAQ (AX)(R9*8), DX

loop:
	FOUR(0)
	FOUR(16)
	FOUR(32)
	FOUR(48)
	ADDQ $64, SI
	ADDQ $64, AX
	ADDQ $64, BX
	ADDQ $64, DX
	SUBQ $16, R11
	JNE  loop
	VZEROUPPER
	RET

#define FMA(r) VFMADD231PS Z30, Z31, r

// func fma512(n int)
TEXT ·fma512(SB), NOSPLIT, $0-8
	MOVQ   n+0(FP), R11
	VXORPS Z30, Z30, Z30
	VXORPS Z31, Z31, Z31

	PCALIGN $32
loop:
	FMA(Z0)
	FMA(Z1)
	FMA(Z2)
	FMA(Z3)
	FMA(Z4)
	FMA(Z5)
	FMA(Z6)
	FMA(Z7)
	FMA(Z8)
	FMA(Z9)
	FMA(Z10)
	FMA(Z11)
	FMA(Z12)
	FMA(Z13)
	FMA(Z14)
	FMA(Z15)
	FMA(Z16)
	FMA(Z17)
	FMA(Z18)
	FMA(Z19)
	FMA(Z20)
	FMA(Z21)
	FMA(Z22)
	FMA(Z23)
	DECQ R11
	JNE  loop
	VZEROUPPER
	RET
