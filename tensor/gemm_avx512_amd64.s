//go:build amd64 && !noasm

#include "textflag.h"

// Row i of the tile is in Z(2i), Z(2i+1). Each step of k loads 32 values of B
// to Z24, Z25 and multiplies them by one value of A per row.

#define ROW(off, lo, hi) \
	VBROADCASTSS off(SI), Z28; \
	VFMADD231PS  Z24, Z28, lo; \
	VFMADD231PS  Z25, Z28, hi

#define ROW4A \
	ROW(0, Z0, Z1);  \
	ROW(4, Z2, Z3);  \
	ROW(8, Z4, Z5);  \
	ROW(12, Z6, Z7)

#define ROW4B \
	ROW(16, Z8, Z9);   \
	ROW(20, Z10, Z11); \
	ROW(24, Z12, Z13); \
	ROW(28, Z14, Z15)

#define ROW4C \
	ROW(32, Z16, Z17); \
	ROW(36, Z18, Z19); \
	ROW(40, Z20, Z21); \
	ROW(44, Z22, Z23)

// The same for 16 values of B: the odd registers are not used.

#define HALF(off, lo) VFMADD231PS.BCST off(SI), Z24, lo

#define HALF4A HALF(0, Z0); HALF(4, Z2); HALF(8, Z4); HALF(12, Z6)
#define HALF4B HALF(16, Z8); HALF(20, Z10); HALF(24, Z12); HALF(28, Z14)
#define HALF4C HALF(32, Z16); HALF(36, Z18); HALF(40, Z20); HALF(44, Z22)

#define LOAD32 \
	VMOVUPS (BX), Z24;  \
	VMOVUPS 64(BX), Z25

#define LOAD16 VMOVUPS (BX), Z24

#define NEXT(wide, label) \
	ADDQ $wide, SI; \
	ADDQ R10, BX;   \
	DECQ R11;       \
	JNE  label

// Ask for a cache line of the next strip of A: entry p of the table ahead, on
// top of next.
#define AHEAD \
	MOVQ       (R13), DI;       \
	PREFETCHT0 (R14)(DI*1);     \
	ADDQ       $8, R13

// C ← alpha·sum of one row, then the next one or the end.
#define SET(lo, hi) \
	VMULPS  Z30, lo, lo;      \
	VMULPS  Z30, hi, hi;      \
	VMOVUPS lo, K1, (DX);     \
	VMOVUPS hi, K2, 64(DX);   \
	ADDQ    R8, DX;           \
	DECQ    R9;               \
	JEQ     done

// C ← alpha·sum + beta·C of one row.
#define ADD(lo, hi) \
	VMOVUPS.Z (DX), K1, Z24;   \
	VMOVUPS.Z 64(DX), K2, Z25; \
	VMULPS    Z30, lo, lo;     \
	VMULPS    Z30, hi, hi;     \
	VMULPS    Z31, Z24, Z24;   \
	VMULPS    Z31, Z25, Z25;   \
	VADDPS    Z24, lo, lo;     \
	VADDPS    Z25, hi, hi;     \
	VMOVUPS   lo, K1, (DX);    \
	VMOVUPS   hi, K2, 64(DX);  \
	ADDQ      R8, DX;          \
	DECQ      R9;              \
	JEQ       done

// func tile512(k int, a, b *float32, ldb int, c *float32, ldc int, alpha, beta float32, rows, cols int, next *float32, ahead *int)
TEXT ·tile512(SB), NOSPLIT, $0-88
	MOVQ k+0(FP), R11
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), BX
	MOVQ ldb+24(FP), R10
	MOVQ c+32(FP), DX
	MOVQ ldc+40(FP), R8
	MOVQ rows+56(FP), R9
	MOVQ cols+64(FP), CX
	MOVQ next+72(FP), R14
	MOVQ ahead+80(FP), R13

	// K1, K2: the columns of C.
	MOVQ  $1, AX
	SHLQ  CX, AX
	DECQ  AX
	KMOVW AX, K1
	SHRQ  $16, AX
	KMOVW AX, K2

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

	CMPQ CX, $16
	JLE  narrow
	CMPQ R9, $8
	JGT  loop12
	CMPQ R9, $4
	JGT  loop8

	PCALIGN $32
loop4:
	LOAD32
	ROW4A
	NEXT(16, loop4)
	JMP store

	PCALIGN $32
loop8:
	LOAD32
	ROW4A
	ROW4B
	NEXT(32, loop8)
	JMP store

loop12:
	TESTQ R13, R13
	JNE   ahead12

	PCALIGN $32
full12:
	LOAD32
	ROW4A
	ROW4B
	ROW4C
	NEXT(48, full12)
	JMP store

	PCALIGN $32
ahead12:
	LOAD32
	ROW4A
	AHEAD
	ROW4B
	ROW4C
	NEXT(48, ahead12)
	JMP store

narrow:
	CMPQ R9, $8
	JGT  half12
	CMPQ R9, $4
	JGT  half8

	PCALIGN $32
half4:
	LOAD16
	HALF4A
	NEXT(16, half4)
	JMP store

	PCALIGN $32
half8:
	LOAD16
	HALF4A
	HALF4B
	NEXT(32, half8)
	JMP store

half12:
	TESTQ R13, R13
	JNE   halfAhead12

	PCALIGN $32
halfFull12:
	LOAD16
	HALF4A
	HALF4B
	HALF4C
	NEXT(48, halfFull12)
	JMP store

	PCALIGN $32
halfAhead12:
	LOAD16
	HALF4A
	AHEAD
	HALF4B
	HALF4C
	NEXT(48, halfAhead12)

store:
	VBROADCASTSS alpha+48(FP), Z30
	VBROADCASTSS beta+52(FP), Z31
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

done:
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
