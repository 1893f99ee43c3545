//go:build amd64 && !noasm

#include "textflag.h"

// 16 times all bits set, then 16 times none: from 4·(16-r) bytes on, the mask
// of the first r of 16 elements.
DATA ·tailMask+0(SB)/8, $-1
DATA ·tailMask+8(SB)/8, $-1
DATA ·tailMask+16(SB)/8, $-1
DATA ·tailMask+24(SB)/8, $-1
DATA ·tailMask+32(SB)/8, $-1
DATA ·tailMask+40(SB)/8, $-1
DATA ·tailMask+48(SB)/8, $-1
DATA ·tailMask+56(SB)/8, $-1
DATA ·tailMask+64(SB)/8, $0
DATA ·tailMask+72(SB)/8, $0
DATA ·tailMask+80(SB)/8, $0
DATA ·tailMask+88(SB)/8, $0
DATA ·tailMask+96(SB)/8, $0
DATA ·tailMask+104(SB)/8, $0
DATA ·tailMask+112(SB)/8, $0
DATA ·tailMask+120(SB)/8, $0
GLOBL ·tailMask(SB), RODATA|NOPTR, $128

// K1 ← the first CX lanes.
#define MASK512 \
	MOVL  $1, AX;  \
	SHLL  CX, AX;  \
	DECL  AX;      \
	KMOVW AX, K1

// Y6, Y7 ← the first CX lanes.
#define MASK256 \
	LEAQ    ·tailMask+64(SB), AX; \
	SHLQ    $2, CX;               \
	SUBQ    CX, AX;               \
	VMOVUPS (AX), Y6;             \
	VMOVUPS 32(AX), Y7

// X0 ← the lanes of Y0 joined by halving; lanes 8 to 15 have been joined to it.
#define JOIN(op, scalar) \
	VEXTRACTF128 $1, Y0, X1; \
	op           X1, X0, X0; \
	VMOVHLPS     X0, X0, X1; \
	op           X1, X0, X0; \
	VMOVSHDUP    X0, X1;     \
	scalar       X1, X0, X0

// func sum512(x *float32, n int) float32
TEXT ·sum512(SB), NOSPLIT, $0-20
	MOVQ   x+0(FP), SI
	MOVQ   n+8(FP), CX
	VXORPS Z0, Z0, Z0
	SUBQ   $16, CX
	JLT    tail

loop:
	VADDPS (SI), Z0, Z0
	ADDQ   $64, SI
	SUBQ   $16, CX
	JGE    loop

tail:
	ADDQ      $16, CX
	JEQ       join
	MASK512
	VMOVUPS.Z (SI), K1, Z1
	VADDPS    Z1, Z0, Z0

join:
	VEXTRACTF64X4 $1, Z0, Y1
	VADDPS        Y1, Y0, Y0
	JOIN(VADDPS, VADDSS)
	VMOVSS        X0, ret+16(FP)
	VZEROUPPER
	RET

// func sum256(x *float32, n int) float32
TEXT ·sum256(SB), NOSPLIT, $0-20
	MOVQ   x+0(FP), SI
	MOVQ   n+8(FP), CX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	SUBQ   $16, CX
	JLT    tail

loop:
	VADDPS (SI), Y0, Y0
	VADDPS 32(SI), Y1, Y1
	ADDQ   $64, SI
	SUBQ   $16, CX
	JGE    loop

tail:
	ADDQ       $16, CX
	JEQ        join
	MASK256
	VMASKMOVPS (SI), Y6, Y2
	VMASKMOVPS 32(SI), Y7, Y3
	VADDPS     Y2, Y0, Y0
	VADDPS     Y3, Y1, Y1

join:
	VADDPS Y1, Y0, Y0
	JOIN(VADDPS, VADDSS)
	VMOVSS X0, ret+16(FP)
	VZEROUPPER
	RET

// func dot512(x, y *float32, n int) float32
TEXT ·dot512(SB), NOSPLIT, $0-28
	MOVQ   x+0(FP), SI
	MOVQ   y+8(FP), DI
	MOVQ   n+16(FP), CX
	VXORPS Z0, Z0, Z0
	SUBQ   $16, CX
	JLT    tail

loop:
	VMOVUPS (SI), Z1
	VMULPS  (DI), Z1, Z1
	VADDPS  Z1, Z0, Z0
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $16, CX
	JGE     loop

tail:
	ADDQ      $16, CX
	JEQ       join
	MASK512
	VMOVUPS.Z (SI), K1, Z1
	VMOVUPS.Z (DI), K1, Z2
	VMULPS    Z2, Z1, Z1
	VADDPS    Z1, Z0, Z0

join:
	VEXTRACTF64X4 $1, Z0, Y1
	VADDPS        Y1, Y0, Y0
	JOIN(VADDPS, VADDSS)
	VMOVSS        X0, ret+24(FP)
	VZEROUPPER
	RET

// func dot256(x, y *float32, n int) float32
TEXT ·dot256(SB), NOSPLIT, $0-28
	MOVQ   x+0(FP), SI
	MOVQ   y+8(FP), DI
	MOVQ   n+16(FP), CX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	SUBQ   $16, CX
	JLT    tail

loop:
	VMOVUPS (SI), Y2
	VMOVUPS 32(SI), Y3
	VMULPS  (DI), Y2, Y2
	VMULPS  32(DI), Y3, Y3
	VADDPS  Y2, Y0, Y0
	VADDPS  Y3, Y1, Y1
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $16, CX
	JGE     loop

tail:
	ADDQ       $16, CX
	JEQ        join
	MASK256
	VMASKMOVPS (SI), Y6, Y2
	VMASKMOVPS 32(SI), Y7, Y3
	VMASKMOVPS (DI), Y6, Y4
	VMASKMOVPS 32(DI), Y7, Y5
	VMULPS     Y4, Y2, Y2
	VMULPS     Y5, Y3, Y3
	VADDPS     Y2, Y0, Y0
	VADDPS     Y3, Y1, Y1

join:
	VADDPS Y1, Y0, Y0
	JOIN(VADDPS, VADDSS)
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET

// VMAXPS acc, v, acc keeps acc where v is NaN, or equal.

// func largest512(x *float32, n int) float32
TEXT ·largest512(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSS (SI), Z0
	SUBQ         $16, CX
	JLT          tail

loop:
	VMOVUPS (SI), Z1
	VMAXPS  Z0, Z1, Z0
	ADDQ    $64, SI
	SUBQ    $16, CX
	JGE     loop

tail:
	ADDQ      $16, CX
	JEQ       join
	MASK512
	VMOVUPS.Z (SI), K1, Z1
	VMAXPS    Z0, Z1, K1, Z0

join:
	VEXTRACTF64X4 $1, Z0, Y1
	VMAXPS        Y1, Y0, Y0
	JOIN(VMAXPS, VMAXSS)
	VMOVSS        X0, ret+16(FP)
	VZEROUPPER
	RET

// func largest256(x *float32, n int) float32
TEXT ·largest256(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSS (SI), Y0
	VMOVAPS      Y0, Y1
	SUBQ         $16, CX
	JLT          tail

loop:
	VMOVUPS (SI), Y2
	VMOVUPS 32(SI), Y3
	VMAXPS  Y0, Y2, Y0
	VMAXPS  Y1, Y3, Y1
	ADDQ    $64, SI
	SUBQ    $16, CX
	JGE     loop

tail:
	ADDQ       $16, CX
	JEQ        join
	MASK256
	VMASKMOVPS (SI), Y6, Y2
	VMASKMOVPS 32(SI), Y7, Y3
	VBLENDVPS  Y6, Y2, Y0, Y2
	VBLENDVPS  Y7, Y3, Y1, Y3
	VMAXPS     Y0, Y2, Y0
	VMAXPS     Y1, Y3, Y1

join:
	VMAXPS Y1, Y0, Y0
	JOIN(VMAXPS, VMAXSS)
	VMOVSS X0, ret+16(FP)
	VZEROUPPER
	RET
