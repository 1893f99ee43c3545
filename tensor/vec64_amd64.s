//go:build amd64 && !noasm

#include "textflag.h"

// func rank2x512(row, x, y, z *float64, n int, a, b float64) float64
TEXT ·rank2x512(SB), NOSPLIT, $0-64
	MOVQ         row+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         y+16(FP), DX
	MOVQ         z+24(FP), R8
	MOVQ         n+32(FP), CX
	VBROADCASTSD a+40(FP), Z30
	VBROADCASTSD b+48(FP), Z31
	VXORPD       Z0, Z0, Z0
	VXORPD       Z1, Z1, Z1
	XORQ         AX, AX

loop:
	VMULPD  (SI)(AX*8), Z30, Z2
	VMULPD  64(SI)(AX*8), Z30, Z3
	VMULPD  (DX)(AX*8), Z31, Z4
	VMULPD  64(DX)(AX*8), Z31, Z5
	VADDPD  Z4, Z2, Z2
	VADDPD  Z5, Z3, Z3
	VMOVUPD (DI)(AX*8), Z6
	VMOVUPD 64(DI)(AX*8), Z7
	VSUBPD  Z2, Z6, Z6
	VSUBPD  Z3, Z7, Z7
	VMOVUPD Z6, (DI)(AX*8)
	VMOVUPD Z7, 64(DI)(AX*8)
	VMULPD  (R8)(AX*8), Z6, Z6
	VMULPD  64(R8)(AX*8), Z7, Z7
	VADDPD  Z6, Z0, Z0
	VADDPD  Z7, Z1, Z1
	ADDQ    $16, AX
	CMPQ    AX, CX
	JLT     loop

	VADDPD        Z1, Z0, Z0
	VEXTRACTF64X4 $1, Z0, Y1
	VADDPD        Y1, Y0, Y0
	VEXTRACTF128  $1, Y0, X1
	VADDPD        X1, X0, X0
	VUNPCKHPD     X0, X0, X1
	VADDSD        X1, X0, X0
	VZEROUPPER
	MOVSD         X0, ret+56(FP)
	RET

// func rank2x256(row, x, y, z *float64, n int, a, b float64) float64
TEXT ·rank2x256(SB), NOSPLIT, $0-64
	MOVQ         row+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         y+16(FP), DX
	MOVQ         z+24(FP), R8
	MOVQ         n+32(FP), CX
	VBROADCASTSD a+40(FP), Y14
	VBROADCASTSD b+48(FP), Y15
	VXORPD       Y0, Y0, Y0
	VXORPD       Y1, Y1, Y1
	VXORPD       Y2, Y2, Y2
	VXORPD       Y3, Y3, Y3
	XORQ         AX, AX

#define QUAD(off, acc) \
	VMULPD  off(SI)(AX*8), Y14, Y4; \
	VMULPD  off(DX)(AX*8), Y15, Y5; \
	VADDPD  Y5, Y4, Y4;             \
	VMOVUPD off(DI)(AX*8), Y6;      \
	VSUBPD  Y4, Y6, Y6;             \
	VMOVUPD Y6, off(DI)(AX*8);      \
	VMULPD  off(R8)(AX*8), Y6, Y6;  \
	VADDPD  Y6, acc, acc

loop:
	QUAD(0, Y0)
	QUAD(32, Y1)
	QUAD(64, Y2)
	QUAD(96, Y3)
	ADDQ $16, AX
	CMPQ AX, CX
	JLT  loop

	VADDPD       Y2, Y0, Y0
	VADDPD       Y3, Y1, Y1
	VADDPD       Y1, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPD       X1, X0, X0
	VUNPCKHPD    X0, X0, X1
	VADDSD       X1, X0, X0
	VZEROUPPER
	MOVSD        X0, ret+56(FP)
	RET

// The carried row is r; the row below it in memory is read into x, the finished
// one goes to DI, where r came from.
#define TURN(off, c, s, r, x, t, u) \
	VMOVUPD off(SI), x; \
	VMULPD  x, s, t;    \
	VMULPD  r, c, u;    \
	VADDPD  u, t, t;    \
	VMOVUPD t, off(DI); \
	VMULPD  x, c, x;    \
	VMULPD  r, s, u;    \
	VSUBPD  u, x, r

// func turnRows512(top *float64, stride int, cs *float64, n int)
TEXT ·turnRows512(SB), NOSPLIT, $0-32
	MOVQ    top+0(FP), DI
	MOVQ    stride+8(FP), R9
	MOVQ    cs+16(FP), DX
	MOVQ    n+24(FP), CX
	VMOVUPD (DI), Z0
	VMOVUPD 64(DI), Z1
	VMOVUPD 128(DI), Z2
	VMOVUPD 192(DI), Z3

loop:
	MOVQ         DI, SI
	SUBQ         R9, SI
	VBROADCASTSD (DX), Z30
	VBROADCASTSD 8(DX), Z31
	ADDQ         $16, DX
	TURN(0, Z30, Z31, Z0, Z4, Z5, Z6)
	TURN(64, Z30, Z31, Z1, Z7, Z8, Z9)
	TURN(128, Z30, Z31, Z2, Z10, Z11, Z12)
	TURN(192, Z30, Z31, Z3, Z13, Z14, Z15)
	MOVQ         SI, DI
	DECQ         CX
	JNZ          loop

	VMOVUPD Z0, (DI)
	VMOVUPD Z1, 64(DI)
	VMOVUPD Z2, 128(DI)
	VMOVUPD Z3, 192(DI)
	VZEROUPPER
	RET

// func turnRows256(top *float64, stride int, cs *float64, n int)
TEXT ·turnRows256(SB), NOSPLIT, $0-32
	MOVQ    top+0(FP), DI
	MOVQ    stride+8(FP), R9
	MOVQ    cs+16(FP), DX
	MOVQ    n+24(FP), CX
	VMOVUPD (DI), Y0
	VMOVUPD 32(DI), Y1
	VMOVUPD 64(DI), Y2
	VMOVUPD 96(DI), Y3

loop:
	MOVQ         DI, SI
	SUBQ         R9, SI
	VBROADCASTSD (DX), Y14
	VBROADCASTSD 8(DX), Y15
	ADDQ         $16, DX
	TURN(0, Y14, Y15, Y0, Y4, Y5, Y6)
	TURN(32, Y14, Y15, Y1, Y7, Y8, Y9)
	TURN(64, Y14, Y15, Y2, Y10, Y11, Y12)
	TURN(96, Y14, Y15, Y3, Y4, Y5, Y6)
	MOVQ         SI, DI
	DECQ         CX
	JNZ          loop

	VMOVUPD Y0, (DI)
	VMOVUPD Y1, 32(DI)
	VMOVUPD Y2, 64(DI)
	VMOVUPD Y3, 96(DI)
	VZEROUPPER
	RET
