//go:build amd64 && !noasm

#include "textflag.h"

// A strip of 9 to 12 rows of C is computed in pieces of 6 rows by 64 columns, one
// of fewer rows in pieces of 4. Row i of a piece is in Z(4i) … Z(4i+3). Each step
// of k loads 64 values of B to Z24 … Z27 and multiplies them by one value of A
// per row: 24 multiply-adds for 10 loads. Few loads matter: processors lower
// their clock when many of the multiply-adds of 512 bits come with one. Two steps
// a round, for longer loops are no faster.

#define FOUR(a, t, c0, c1, c2, c3) \
	VBROADCASTSS a, t; \
	VFMADD231PS  Z24, t, c0; \
	VFMADD231PS  Z25, t, c1; \
	VFMADD231PS  Z26, t, c2; \
	VFMADD231PS  Z27, t, c3

// The same for 32 and for 16 columns.

#define TWO(a, t, c0, c1, c2, c3) \
	VBROADCASTSS a, t; \
	VFMADD231PS  Z24, t, c0; \
	VFMADD231PS  Z25, t, c1

#define ONE(a, t, c0, c1, c2, c3) VFMADD231PS.BCST a, Z24, c0

// Rows of A, packed: the values of one step side by side, 12 per step in
// pieces of 6 rows, else R15 bytes.

#define PACKED6(op, o) \
	op(o(SI), Z28, Z0, Z1, Z2, Z3);        \
	op(o+4(SI), Z29, Z4, Z5, Z6, Z7);      \
	op(o+8(SI), Z30, Z8, Z9, Z10, Z11);    \
	op(o+12(SI), Z31, Z12, Z13, Z14, Z15); \
	op(o+16(SI), Z28, Z16, Z17, Z18, Z19); \
	op(o+20(SI), Z29, Z20, Z21, Z22, Z23)

#define PACKED6A(op) PACKED6(op, 0)
#define PACKED6B(op) PACKED6(op, 48)
#define PACKED6NEXT ADDQ $96, SI

#define PACKED4A(op) \
	op((SI), Z28, Z0, Z1, Z2, Z3);       \
	op(4(SI), Z29, Z4, Z5, Z6, Z7);      \
	op(8(SI), Z30, Z8, Z9, Z10, Z11);    \
	op(12(SI), Z31, Z12, Z13, Z14, Z15)

#define PACKED4B(op) \
	op((SI)(R15*1), Z28, Z0, Z1, Z2, Z3);      \
	op(4(SI)(R15*1), Z29, Z4, Z5, Z6, Z7);     \
	op(8(SI)(R15*1), Z30, Z8, Z9, Z10, Z11);   \
	op(12(SI)(R15*1), Z31, Z12, Z13, Z14, Z15)

#define PACKED4NEXT LEAQ (SI)(R15*2), SI

// A in place: rows R14 apart; SI is at row 0, AX at row 3.

#define PLACED6(op, o) \
	op(o(SI), Z28, Z0, Z1, Z2, Z3);              \
	op(o(SI)(R14*1), Z29, Z4, Z5, Z6, Z7);       \
	op(o(SI)(R14*2), Z30, Z8, Z9, Z10, Z11);     \
	op(o(AX), Z31, Z12, Z13, Z14, Z15);          \
	op(o(AX)(R14*1), Z28, Z16, Z17, Z18, Z19);   \
	op(o(AX)(R14*2), Z29, Z20, Z21, Z22, Z23)

#define PLACED6A(op) PLACED6(op, 0)
#define PLACED6B(op) PLACED6(op, 4)
#define PLACED6NEXT ADDQ $8, SI; ADDQ $8, AX

// Both steps of a round in B: R10 is their distance.

#define FOURA VMOVUPS (BX), Z24; VMOVUPS 64(BX), Z25; VMOVUPS 128(BX), Z26; VMOVUPS 192(BX), Z27
#define FOURB VMOVUPS (BX)(R10*1), Z24; VMOVUPS 64(BX)(R10*1), Z25; VMOVUPS 128(BX)(R10*1), Z26; VMOVUPS 192(BX)(R10*1), Z27
#define TWOA VMOVUPS (BX), Z24; VMOVUPS 64(BX), Z25
#define TWOB VMOVUPS (BX)(R10*1), Z24; VMOVUPS 64(BX)(R10*1), Z25
#define ONEA VMOVUPS (BX), Z24
#define ONEB VMOVUPS (BX)(R10*1), Z24

// All steps of a piece: rounds of two, then the one that may be left.
#define STEPS(round, last, op, ba, bb, rowsA, rowsB, ahead) \
	SUBQ $2, R11;          \
	JLT  last;             \
	PCALIGN $32;           \
round:                     \
	ba;                    \
	rowsA(op);             \
	bb;                    \
	rowsB(op);             \
	ahead;                 \
	LEAQ (BX)(R10*2), BX;  \
	SUBQ $2, R11;          \
	JGE  round;            \
last:                      \
	ADDQ $2, R11;          \
	JEQ  store;            \
	ba;                    \
	rowsA(op);             \
	JMP  store

// C ← alpha·sum of one row, then the next one or the end.
#define SET(c0, c1, c2, c3) \
	VMULPS  Z30, c0, c0;      \
	VMULPS  Z30, c1, c1;      \
	VMULPS  Z30, c2, c2;      \
	VMULPS  Z30, c3, c3;      \
	VMOVUPS c0, K1, (DI);     \
	VMOVUPS c1, K2, 64(DI);   \
	VMOVUPS c2, K3, 128(DI);  \
	VMOVUPS c3, K4, 192(DI);  \
	ADDQ    R8, DI;           \
	DECQ    R9;               \
	JEQ     next

#define ADDTO(k, o, t, c) \
	VMOVUPS.Z o(DI), k, t; \
	VMULPS    Z30, c, c;   \
	VMULPS    Z31, t, t;   \
	VADDPS    t, c, c;     \
	VMOVUPS   c, k, o(DI)

// C ← alpha·sum + beta·C of one row.
#define ADD(c0, c1, c2, c3) \
	ADDTO(K1, 0, Z24, c0);   \
	ADDTO(K2, 64, Z25, c1);  \
	ADDTO(K3, 128, Z26, c2); \
	ADDTO(K4, 192, Z27, c3); \
	ADDQ R8, DI;             \
	DECQ R9;                 \
	JEQ  next

// func strip512(k int, a *float32, lda int, b *float32, ldb, step int, c *float32, ldc int, alpha, beta float32, rows, cols int)
// In its frame: the rows of a piece, the distance of two pieces in A, and where
// in A the running piece is.
TEXT ·strip512(SB), NOSPLIT, $24-88
	MOVQ b+24(FP), R13
	MOVQ ldb+32(FP), R10
	MOVQ c+48(FP), DX
	MOVQ ldc+56(FP), R8
	MOVQ cols+80(FP), CX
	MOVQ rows+72(FP), R12

	// In place: R15 is three rows. Packed: R15 is one step, if pieces have 4 rows.
	MOVQ  lda+16(FP), R14
	LEAQ  (R14)(R14*2), R15
	MOVQ  $6, height-8(SP)
	LEAQ  (R15)(R15*1), AX
	MOVQ  AX, advance-16(SP)
	TESTQ R14, R14
	JNE   tile
	MOVQ  $24, advance-16(SP)
	CMPQ  R12, $8
	JGT   tile
	MOVQ  $4, height-8(SP)
	MOVQ  $16, advance-16(SP)
	MOVQ  $16, R15
	CMPQ  R12, $4
	JLE   tile
	MOVQ  $32, R15

tile:
	MOVQ a+8(FP), SI
	MOVQ SI, piece-24(SP)
	MOVQ DX, DI
	MOVQ rows+72(FP), R12

	// K1 … K4: the columns of C.
	KXNORQ K1, K1, K1
	CMPQ   CX, $64
	JGE    masked
	MOVQ   $1, AX
	SHLQ   CX, AX
	DECQ   AX
	KMOVQ  AX, K1

masked:
	KSHIFTRQ $16, K1, K2
	KSHIFTRQ $32, K1, K3
	KSHIFTRQ $48, K1, K4
	TESTQ    R14, R14
	JEQ      piece

	// Ask for a piece of the next 12 rows of A, one per tile: after 6 tiles of
	// k ≤ 384 all of it.
	MOVQ DX, AX
	SUBQ c+48(FP), AX
	ADDQ SI, AX
	LEAQ (AX)(R15*4), AX
	MOVQ $4, R11

ask:
	PREFETCHT1 (AX)
	PREFETCHT1 64(AX)
	PREFETCHT1 128(AX)
	PREFETCHT1 192(AX)
	PREFETCHT1 (AX)(R14*1)
	PREFETCHT1 64(AX)(R14*1)
	PREFETCHT1 128(AX)(R14*1)
	PREFETCHT1 192(AX)(R14*1)
	PREFETCHT1 (AX)(R14*2)
	PREFETCHT1 64(AX)(R14*2)
	PREFETCHT1 128(AX)(R14*2)
	PREFETCHT1 192(AX)(R14*2)
	ADDQ       R15, AX
	DECQ       R11
	JNE        ask

// R12 rows are left: R9 of them now.
piece:
	MOVQ    height-8(SP), R9
	CMPQ    R12, R9
	CMOVQLT R12, R9

	// Ask for C, which is needed at the end.
	MOVQ DI, AX
	MOVQ R9, R11

prefetch:
	PREFETCHT0 (AX)
	PREFETCHT0 64(AX)
	PREFETCHT0 128(AX)
	PREFETCHT0 192(AX)
	ADDQ       R8, AX
	DECQ       R11
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

	MOVQ  R13, BX
	MOVQ  k+0(FP), R11
	TESTQ R14, R14
	JNE   placed
	CMPQ  height-8(SP), $6
	JLT   packed4
	CMPQ  CX, $16
	JLE   packed6one
	CMPQ  CX, $32
	JLE   packed6two
	STEPS(packed6fourRound, packed6fourLast, FOUR, FOURA, FOURB, PACKED6A, PACKED6B, PACKED6NEXT)

packed6two:
	STEPS(packed6twoRound, packed6twoLast, TWO, TWOA, TWOB, PACKED6A, PACKED6B, PACKED6NEXT)

packed6one:
	STEPS(packed6oneRound, packed6oneLast, ONE, ONEA, ONEB, PACKED6A, PACKED6B, PACKED6NEXT)

packed4:
	CMPQ CX, $16
	JLE  packed4one
	CMPQ CX, $32
	JLE  packed4two
	STEPS(packed4fourRound, packed4fourLast, FOUR, FOURA, FOURB, PACKED4A, PACKED4B, PACKED4NEXT)

packed4two:
	STEPS(packed4twoRound, packed4twoLast, TWO, TWOA, TWOB, PACKED4A, PACKED4B, PACKED4NEXT)

packed4one:
	STEPS(packed4oneRound, packed4oneLast, ONE, ONEA, ONEB, PACKED4A, PACKED4B, PACKED4NEXT)

placed:
	LEAQ (SI)(R15*1), AX
	CMPQ CX, $16
	JLE  placed6one
	CMPQ CX, $32
	JLE  placed6two
	STEPS(placed6fourRound, placed6fourLast, FOUR, FOURA, FOURB, PLACED6A, PLACED6B, PLACED6NEXT)

placed6two:
	STEPS(placed6twoRound, placed6twoLast, TWO, TWOA, TWOB, PLACED6A, PLACED6B, PLACED6NEXT)

placed6one:
	STEPS(placed6oneRound, placed6oneLast, ONE, ONEA, ONEB, PLACED6A, PLACED6B, PLACED6NEXT)

store:
	VBROADCASTSS alpha+64(FP), Z30
	VBROADCASTSS beta+68(FP), Z31
	VXORPS       X29, X29, X29
	VUCOMISS     X29, X31
	JNE          add
	JPS          add
	SET(Z0, Z1, Z2, Z3)
	SET(Z4, Z5, Z6, Z7)
	SET(Z8, Z9, Z10, Z11)
	SET(Z12, Z13, Z14, Z15)
	SET(Z16, Z17, Z18, Z19)
	SET(Z20, Z21, Z22, Z23)

add:
	ADD(Z0, Z1, Z2, Z3)
	ADD(Z4, Z5, Z6, Z7)
	ADD(Z8, Z9, Z10, Z11)
	ADD(Z12, Z13, Z14, Z15)
	ADD(Z16, Z17, Z18, Z19)
	ADD(Z20, Z21, Z22, Z23)

next:
	MOVQ piece-24(SP), SI
	ADDQ advance-16(SP), SI
	MOVQ SI, piece-24(SP)
	SUBQ height-8(SP), R12
	JGT  piece

	ADDQ $256, DX
	ADDQ step+40(FP), R13
	SUBQ $64, CX
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

#define COLUMNS(o) \
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
	COLUMNS(0)
	COLUMNS(16)
	COLUMNS(32)
	COLUMNS(48)
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
