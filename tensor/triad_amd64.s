//go:build amd64 && !noasm

#include "textflag.h"

#define ARGUMENTS \
	MOVQ dst+0(FP), DI; \
	MOVQ x+16(FP), SI; \
	MOVQ y+24(FP), DX; \
	MOVQ n+32(FP), CX

// dst ← x + alpha·y at byte offset o.
#define TRIAD512(o, r) \
	VMULPS o(DX), Z31, r; \
	VADDPS o(SI), r, r; \
	VMOVUPS r, o(DI)

// func triad512(dst *float32, alpha float32, x, y *float32, n int)
TEXT ·triad512(SB), NOSPLIT, $0-40
	ARGUMENTS
	VBROADCASTSS alpha+8(FP), Z31

	PCALIGN $32
loop:
	TRIAD512(0, Z0)
	TRIAD512(64, Z1)
	TRIAD512(128, Z2)
	TRIAD512(192, Z3)
	ADDQ $256, SI
	ADDQ $256, DX
	ADDQ $256, DI
	SUBQ $64, CX
	JNE  loop
	VZEROUPPER
	RET

#define TRIAD256(o, r) \
	VMULPS o(DX), Y15, r; \
	VADDPS o(SI), r, r; \
	VMOVUPS r, o(DI)

// func triad256(dst *float32, alpha float32, x, y *float32, n int)
TEXT ·triad256(SB), NOSPLIT, $0-40
	ARGUMENTS
	VBROADCASTSS alpha+8(FP), Y15

	PCALIGN $32
loop:
	TRIAD256(0, Y0)
	TRIAD256(32, Y1)
	TRIAD256(64, Y2)
	TRIAD256(96, Y3)
	TRIAD256(128, Y4)
	TRIAD256(160, Y5)
	TRIAD256(192, Y6)
	TRIAD256(224, Y7)
	ADDQ $256, SI
	ADDQ $256, DX
	ADDQ $256, DI
	SUBQ $64, CX
	JNE  loop
	VZEROUPPER
	RET
