//go:build amd64 && !noasm

#include "textflag.h"

// The constants of exps, named as there.
DATA ·expConstants+0(SB)/4, $0x3fb8aa3b  // log2e
DATA ·expConstants+4(SB)/4, $0x4b400000  // magic
DATA ·expConstants+8(SB)/4, $0x3f318000  // ln2hi
DATA ·expConstants+12(SB)/4, $0xb95e8083 // ln2lo
DATA ·expConstants+16(SB)/4, $0x3f000000 // p0
DATA ·expConstants+20(SB)/4, $0x3e2aaa6f // p1
DATA ·expConstants+24(SB)/4, $0x3d2aaa8d // p2
DATA ·expConstants+28(SB)/4, $0x3c0905b1 // p3
DATA ·expConstants+32(SB)/4, $0x3ab6887e // p4
DATA ·expConstants+36(SB)/4, $0x3f800000 // 1, and as an integer: one
DATA ·expConstants+40(SB)/4, $0xc2ae0000 // expLow
DATA ·expConstants+44(SB)/4, $0x42b00000 // expHigh
DATA ·expConstants+48(SB)/4, $0x7f800000 // +Inf
GLOBL ·expConstants(SB), RODATA|NOPTR, $52

// Z0 ← exp(Z16·Z0 + Z17). Z18 … Z30: the constants in order; Z31: 0.
#define EXP512 \
	VMULPS  Z16, Z0, Z0;       \
	VADDPS  Z17, Z0, Z0;       \
	VMULPS  Z18, Z0, Z1;       \
	VADDPS  Z19, Z1, Z1;       \
	VSUBPS  Z19, Z1, Z2;       \
	VMULPS  Z20, Z2, Z3;       \
	VSUBPS  Z3, Z0, Z3;        \
	VMULPS  Z21, Z2, Z4;       \
	VSUBPS  Z4, Z3, Z3;        \
	VMULPS  Z26, Z3, Z4;       \
	VADDPS  Z25, Z4, Z4;       \
	VMULPS  Z3, Z4, Z4;        \
	VADDPS  Z24, Z4, Z4;       \
	VMULPS  Z3, Z4, Z4;        \
	VADDPS  Z23, Z4, Z4;       \
	VMULPS  Z3, Z4, Z4;        \
	VADDPS  Z22, Z4, Z4;       \
	VMULPS  Z3, Z3, Z5;        \
	VMULPS  Z5, Z4, Z4;        \
	VADDPS  Z3, Z4, Z4;        \
	VADDPS  Z27, Z4, Z4;       \
	VPSLLD  $23, Z1, Z1;       \
	VPADDD  Z27, Z1, Z1;       \
	VMULPS  Z1, Z4, Z4;        \
	VCMPPS  $17, Z28, Z0, K2;  \ // below expLow
	VCMPPS  $30, Z29, Z0, K3;  \ // above expHigh
	VMOVAPS Z31, K2, Z4;       \
	VMOVAPS Z30, K3, Z4;       \
	VMOVAPS Z4, Z0

// func exps512(dst, x *float32, n int, a, b float32)
TEXT ·exps512(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS a+24(FP), Z16
	VBROADCASTSS b+28(FP), Z17
	VBROADCASTSS ·expConstants+0(SB), Z18
	VBROADCASTSS ·expConstants+4(SB), Z19
	VBROADCASTSS ·expConstants+8(SB), Z20
	VBROADCASTSS ·expConstants+12(SB), Z21
	VBROADCASTSS ·expConstants+16(SB), Z22
	VBROADCASTSS ·expConstants+20(SB), Z23
	VBROADCASTSS ·expConstants+24(SB), Z24
	VBROADCASTSS ·expConstants+28(SB), Z25
	VBROADCASTSS ·expConstants+32(SB), Z26
	VBROADCASTSS ·expConstants+36(SB), Z27
	VBROADCASTSS ·expConstants+40(SB), Z28
	VBROADCASTSS ·expConstants+44(SB), Z29
	VBROADCASTSS ·expConstants+48(SB), Z30
	VPXORD       Z31, Z31, Z31
	SUBQ         $16, CX
	JLT          tail

loop:
	VMOVUPS (SI), Z0
	EXP512
	VMOVUPS Z0, (DI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $16, CX
	JGE     loop

tail:
	ADDQ      $16, CX
	JEQ       done
	MOVL      $1, AX
	SHLL      CX, AX
	DECL      AX
	KMOVW     AX, K1
	VMOVUPS.Z (SI), K1, Z0
	EXP512
	VMOVUPS   Z0, K1, (DI)

done:
	VZEROUPPER
	RET

#define CONSTANT(i, y) VBROADCASTSS ·expConstants+4*i(SB), y

// Y0 ← exp(Y8·Y0 + Y9). Y10: log2e, Y11: magic, Y12: ln2hi, Y13: ln2lo, Y14: 1.
#define EXP256 \
	VMULPS    Y8, Y0, Y0;        \
	VADDPS    Y9, Y0, Y0;        \
	VMULPS    Y10, Y0, Y1;       \
	VADDPS    Y11, Y1, Y1;       \
	VSUBPS    Y11, Y1, Y2;       \
	VMULPS    Y12, Y2, Y3;       \
	VSUBPS    Y3, Y0, Y3;        \
	VMULPS    Y13, Y2, Y4;       \
	VSUBPS    Y4, Y3, Y3;        \
	CONSTANT(8, Y6);             \
	CONSTANT(7, Y7);             \
	VMULPS    Y6, Y3, Y4;        \
	VADDPS    Y7, Y4, Y4;        \
	CONSTANT(6, Y6);             \
	VMULPS    Y3, Y4, Y4;        \
	VADDPS    Y6, Y4, Y4;        \
	CONSTANT(5, Y7);             \
	VMULPS    Y3, Y4, Y4;        \
	VADDPS    Y7, Y4, Y4;        \
	CONSTANT(4, Y6);             \
	VMULPS    Y3, Y4, Y4;        \
	VADDPS    Y6, Y4, Y4;        \
	VMULPS    Y3, Y3, Y5;        \
	VMULPS    Y5, Y4, Y4;        \
	VADDPS    Y3, Y4, Y4;        \
	VADDPS    Y14, Y4, Y4;       \
	VPSLLD    $23, Y1, Y1;       \
	VPADDD    Y14, Y1, Y1;       \
	VMULPS    Y1, Y4, Y4;        \
	CONSTANT(10, Y6);            \
	VCMPPS    $17, Y6, Y0, Y6;   \ // below expLow
	VANDNPS   Y4, Y6, Y4;        \
	CONSTANT(11, Y6);            \
	VCMPPS    $30, Y6, Y0, Y6;   \ // above expHigh
	CONSTANT(12, Y7);            \
	VBLENDVPS Y6, Y7, Y4, Y0

// func exps256(dst, x *float32, n int, a, b float32)
TEXT ·exps256(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS a+24(FP), Y8
	VBROADCASTSS b+28(FP), Y9
	CONSTANT(0, Y10)
	CONSTANT(1, Y11)
	CONSTANT(2, Y12)
	CONSTANT(3, Y13)
	CONSTANT(9, Y14)
	SUBQ         $8, CX
	JLT          tail

loop:
	VMOVUPS (SI), Y0
	EXP256
	VMOVUPS Y0, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $8, CX
	JGE     loop

tail:
	ADDQ       $8, CX
	JEQ        done
	LEAQ       ·tailMask+64(SB), AX
	SHLQ       $2, CX
	SUBQ       CX, AX
	VMOVUPS    (AX), Y15
	VMASKMOVPS (SI), Y15, Y0
	EXP256
	VMASKMOVPS Y0, Y15, (DI)

done:
	VZEROUPPER
	RET
