//go:build amd64 && !noasm

#include "textflag.h"

// Row i of the tile is in Y(2i), Y(2i+1). Each step of k loads 16 values of B
// to Y12, Y13 and multiplies them by one value of A per row: rows are R13
// apart, SI is at row 0 and DI at row 3.

#define ROW(a, t, lo, hi) \
	VBROADCASTSS a, t;       \
	VFMADD231PS  Y12, t, lo; \
	VFMADD231PS  Y13, t, hi

#define ROWS4 \
	VMOVUPS (BX), Y12;              \
	VMOVUPS 32(BX), Y13;            \
	ROW((SI), Y14, Y0, Y1);         \
	ROW((SI)(R13*1), Y15, Y2, Y3);  \
	ROW((SI)(R13*2), Y14, Y4, Y5);  \
	ROW((DI), Y15, Y6, Y7)

#define ROWS6 \
	ROWS4;                          \
	ROW((DI)(R13*1), Y14, Y8, Y9);  \
	ROW((DI)(R13*2), Y15, Y10, Y11)

#define NEXT \
	ADDQ R9, SI;  \
	ADDQ R9, DI;  \
	ADDQ R10, BX

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

// func tile256(k int, a *float32, row, step int, b *float32, ldb int, c *float32, ldc int, alpha, beta float32, rows int)
TEXT ·tile256(SB), NOSPLIT, $0-80
	MOVQ k+0(FP), R11
	MOVQ a+8(FP), SI
	MOVQ row+16(FP), R13
	MOVQ step+24(FP), R9
	MOVQ b+32(FP), BX
	MOVQ ldb+40(FP), R10
	MOVQ c+48(FP), DX
	MOVQ ldc+56(FP), R8
	MOVQ rows+72(FP), R12

	MOVQ DX, DI
	MOVQ R12, CX

prefetch:
	PREFETCHT0 (DI)
	ADDQ       R8, DI
	DECQ       CX
	JNE        prefetch
	LEAQ       (R13)(R13*2), DI
	ADDQ       SI, DI

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
	JEQ  quad
	SUBQ $2, R11
	JLT  last6

	PCALIGN $32
round6:
	ROWS6
	NEXT
	ROWS6
	NEXT
	SUBQ $2, R11
	JGE  round6

last6:
	ADDQ $2, R11
	JEQ  store
	ROWS6
	JMP  store

	PCALIGN $32
quad:
	ROWS4
	NEXT
	DECQ R11
	JNE  quad

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

#define COPY32 \
	VMOVUPS    (SI), Y0;      \
	VMOVUPS    32(SI), Y1;    \
	VMOVUPS    64(SI), Y2;    \
	VMOVUPS    96(SI), Y3;    \
	PREFETCHT0 (SI)(R9*2);    \
	PREFETCHT0 64(SI)(R9*2);  \
	VMOVUPS    Y0, (DI);      \
	VMOVUPS    Y1, 32(DI);    \
	VMOVUPS    Y2, 64(DI);    \
	VMOVUPS    Y3, 96(DI)

// func copyStrips12(dst *float32, step int, src *float32, stride, strips, n int)
TEXT ·copyStrips12(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), R13
	MOVQ step+8(FP), R8
	MOVQ src+16(FP), R12
	MOVQ stride+24(FP), R9
	MOVQ strips+32(FP), R10
	MOVQ n+40(FP), R11
	STRIPS(row, strip, COPY12, 48)

// func copyStrips32(dst *float32, step int, src *float32, stride, strips, n int)
TEXT ·copyStrips32(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), R13
	MOVQ step+8(FP), R8
	MOVQ src+16(FP), R12
	MOVQ stride+24(FP), R9
	MOVQ strips+32(FP), R10
	MOVQ n+40(FP), R11
	STRIPS(row, strip, COPY32, 128)

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
