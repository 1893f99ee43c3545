//go:build amd64 && !noasm

#include "textflag.h"

// Row i of the tile is in Y(2i), Y(2i+1). Each step of k loads 16 values of B
// to Y12, Y13 and multiplies them by one value of A per row.

#define ROW(off, t, lo, hi) \
	VBROADCASTSS off(SI), t; \
	VFMADD231PS  Y12, t, lo; \
	VFMADD231PS  Y13, t, hi

#define NEXT(label) \
	ADDQ R9, SI;  \
	ADDQ R10, BX; \
	DECQ R11;     \
	JNE  label

// C ← alpha·sum of one row.
#define SET(lo, hi) \
	VMULPS  Y14, lo, lo; \
	VMULPS  Y14, hi, hi; \
	VMOVUPS lo, (DX);    \
	VMOVUPS hi, 32(DX);  \
	ADDQ    R8, DX

// C ← alpha·sum + beta·C of one row.
#define ADD(lo, hi) \
	VMULPS  Y14, lo, lo;       \
	VMULPS  Y14, hi, hi;       \
	VMULPS  (DX), Y15, Y12;    \
	VMULPS  32(DX), Y15, Y13;  \
	VADDPS  Y12, lo, lo;       \
	VADDPS  Y13, hi, hi;       \
	VMOVUPS lo, (DX);          \
	VMOVUPS hi, 32(DX);        \
	ADDQ    R8, DX

// func tile256(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, alpha, beta float32, rows int)
TEXT ·tile256(SB), NOSPLIT, $0-72
	MOVQ k+0(FP), R11
	MOVQ a+8(FP), SI
	MOVQ lda+16(FP), R9
	MOVQ b+24(FP), BX
	MOVQ ldb+32(FP), R10
	MOVQ c+40(FP), DX
	MOVQ ldc+48(FP), R8
	MOVQ rows+64(FP), R12

	MOVQ DX, DI
	MOVQ R12, R13

prefetch:
	PREFETCHT0 (DI)
	ADDQ       R8, DI
	DECQ       R13
	JNE        prefetch

	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11

	CMPQ R12, $4
	JEQ  loop4

	PCALIGN $32
loop6:
	VMOVUPS (BX), Y12
	VMOVUPS 32(BX), Y13
	ROW(0, Y14, Y0, Y1)
	ROW(4, Y15, Y2, Y3)
	ROW(8, Y14, Y4, Y5)
	ROW(12, Y15, Y6, Y7)
	ROW(16, Y14, Y8, Y9)
	ROW(20, Y15, Y10, Y11)
	NEXT(loop6)
	JMP store

	PCALIGN $32
loop4:
	VMOVUPS (BX), Y12
	VMOVUPS 32(BX), Y13
	ROW(0, Y14, Y0, Y1)
	ROW(4, Y15, Y2, Y3)
	ROW(8, Y14, Y4, Y5)
	ROW(12, Y15, Y6, Y7)
	NEXT(loop4)

store:
	VBROADCASTSS alpha+56(FP), Y14
	VBROADCASTSS beta+60(FP), Y15
	VXORPS       X12, X12, X12
	VUCOMISS     X12, X15
	JNE          add
	JPS          add
	SET(Y0, Y1)
	SET(Y2, Y3)
	SET(Y4, Y5)
	SET(Y6, Y7)
	CMPQ         R12, $4
	JEQ          done
	SET(Y8, Y9)
	SET(Y10, Y11)
	JMP          done

add:
	ADD(Y0, Y1)
	ADD(Y2, Y3)
	ADD(Y4, Y5)
	ADD(Y6, Y7)
	CMPQ R12, $4
	JEQ  done
	ADD(Y8, Y9)
	ADD(Y10, Y11)

done:
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
	CMPQ R10, $8
	JEQ  rows32
	CMPQ R10, $3
	JEQ  rows12

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

rows12:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), X1
	VMOVUPS Y0, (DI)
	VMOVUPS X1, 32(DI)
	ADDQ    R9, SI
	ADDQ    R8, DI
	DECQ    R11
	JNE     rows12
	VZEROUPPER
	RET

rows32:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VMOVUPS 64(SI), Y2
	VMOVUPS 96(SI), Y3
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	ADDQ    R9, SI
	ADDQ    R8, DI
	DECQ    R11
	JNE     rows32
	VZEROUPPER
	RET

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
