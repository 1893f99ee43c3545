// Package random is a counter-based random generator: every value is a pure
// function of a [Key] and an index. There is no generator state, so what is
// drawn does not depend on threads, on order or on interruptions, and nothing
// random has to be saved in a checkpoint.
//
// The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as
// easy as 1, 2, 3", SC 2011).
package random

import "math"

// A Key selects one independent stream of values. Keys are derived from each
// other: New(seed).Stream("init").Tensor(name).Step(k).
type Key struct {
	key uint64 // the Philox key
	hi  uint64 // the upper half of the Philox counter
}

// New returns the root key of a seed.
func New(seed uint64) Key {
	return Key{mix(seed ^ 0x9e3779b97f4a7c15), mix(seed + 0xd1b54a32d192ed03)}
}

// Stream derives the key of a purpose: "init", "dropout", "order", …
func (k Key) Stream(purpose string) Key { return k.derive(1, hash(purpose)) }

// Tensor derives the key of a named tensor.
func (k Key) Tensor(name string) Key { return k.derive(2, hash(name)) }

// Step derives the key of a step, an epoch or a refresh.
func (k Key) Step(n int) Key { return k.derive(3, uint64(n)) }

func (k Key) derive(kind, v uint64) Key {
	a := mix(k.key ^ mix(v+kind*0x9e3779b97f4a7c15))
	return Key{a, mix(k.hi + mix(a^v))}
}

// hash is FNV-1a, 64 bits.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// mix is the finalizer of splitmix64.
func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// Block returns the four 32-bit words of block i.
func (k Key) Block(i uint64) [4]uint32 {
	c0, c1, c2, c3 := uint32(i), uint32(i>>32), uint32(k.hi), uint32(k.hi>>32)
	k0, k1 := uint32(k.key), uint32(k.key>>32)
	for range 10 {
		c0, c1, c2, c3 = round(c0, c1, c2, c3, k0, k1)
		k0 += weyl0
		k1 += weyl1
	}
	return [4]uint32{c0, c1, c2, c3}
}

const weyl0, weyl1 = 0x9E3779B9, 0xBB67AE85

func round(c0, c1, c2, c3, k0, k1 uint32) (uint32, uint32, uint32, uint32) {
	p0 := uint64(c0) * 0xD2511F53
	p1 := uint64(c2) * 0xCD9E8D57
	return uint32(p1>>32) ^ c1 ^ k0, uint32(p1), uint32(p0>>32) ^ c3 ^ k1, uint32(p0)
}

// A vector unit draws many blocks of one key at a time: with the rounds'
// keys of Rounds, the words of block i are Philox(Counter(i), rounds).

// Rounds returns the two keys of each of the ten rounds.
func (k Key) Rounds() (keys [20]uint32) {
	k0, k1 := uint32(k.key), uint32(k.key>>32)
	for i := 0; i < len(keys); i += 2 {
		keys[i], keys[i+1] = k0, k1
		k0 += weyl0
		k1 += weyl1
	}
	return keys
}

// Counter returns the generator's counter of block i; its first word is the
// lowest of i.
func (k Key) Counter(i uint64) [4]uint32 {
	return [4]uint32{uint32(i), uint32(i >> 32), uint32(k.hi), uint32(k.hi >> 32)}
}

// Philox returns the words of the block with that counter.
func Philox(counter [4]uint32, rounds *[20]uint32) [4]uint32 {
	c0, c1, c2, c3 := counter[0], counter[1], counter[2], counter[3]
	for i := 0; i < len(rounds); i += 2 {
		c0, c1, c2, c3 = round(c0, c1, c2, c3, rounds[i], rounds[i+1])
	}
	return [4]uint32{c0, c1, c2, c3}
}

// Uint32 returns value i of the stream, uniform over 32 bits.
func (k Key) Uint32(i uint64) uint32 { return k.Block(i >> 2)[i&3] }

// Uint64 returns value i of the stream, uniform over 64 bits. It shares its
// blocks with Uint32: draw one kind from one key.
func (k Key) Uint64(i uint64) uint64 {
	b := k.Block(i >> 1)
	j := (i & 1) * 2
	return uint64(b[j]) | uint64(b[j+1])<<32
}

// Float32 returns value i, uniform on the 2²⁴ multiples of 2⁻²⁴ in [0, 1).
func (k Key) Float32(i uint64) float32 { return float32(k.Uint32(i)>>8) * 0x1p-24 }

// Normal returns value i of a standard normal distribution, by inversion of a
// 32-bit uniform value (so |Normal| < 6.4).
func (k Key) Normal(i uint64) float64 {
	return quantile((float64(k.Uint32(i)) + 0.5) * 0x1p-32)
}

// Below returns value i, uniform on 0 … n-1 with a bias below n/2⁶⁴.
func (k Key) Below(i uint64, n int) int {
	if n <= 0 {
		panic("random: Below needs a positive bound")
	}
	return int(mulHigh(k.Uint64(i), uint64(n)))
}

func mulHigh(a, b uint64) uint64 {
	al, ah, bl, bh := a&math.MaxUint32, a>>32, b&math.MaxUint32, b>>32
	t := ah*bl + (al*bl)>>32
	return ah*bh + t>>32 + (t&math.MaxUint32+al*bh)>>32
}

// Permutation is the order of n items under this key: a bijection of 0 … n-1
// computed per index (a Feistel network over the next power of four with
// cycle walking), so that an order of millions needs no memory.
func (k Key) Permutation(n, i int) int {
	if i < 0 || i >= n {
		panic("random: Permutation index out of range")
	}
	half := uint(1)
	for 1<<(2*half) < n {
		half++
	}
	mask := uint64(1)<<half - 1
	x := uint64(i)
	for {
		l, r := x>>half, x&mask
		for round := range uint64(8) {
			l, r = r, l^(uint64(k.Block(r | round<<56)[0])&mask)
		}
		x = l<<half | r
		if x < uint64(n) {
			return int(x)
		}
	}
}
