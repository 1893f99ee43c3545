package corpus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"ranklab/corpus/ngram"
)

// A Baseline is the result of a model that takes seconds to train: what a
// perplexity has to be read beside.
type Baseline struct {
	Order       int     `json:"order"` // 1: unigram, …
	Name        string  `json:"name"`
	Loss        float64 `json:"loss"` // mean over the targets, in nats
	PPL         float64 `json:"ppl"`
	BitsPerByte float64 `json:"bits_per_byte"`
}

// ngramTargets bounds the text that n-grams are counted on. Of a longer split
// every k-th sequence is read.
const ngramTargets = 1 << 26

// ngramVersion changes with the numbers that [Ngrams] returns.
const ngramVersion = 2

// Ngrams trains smoothed n-gram models (see package ngram) of the given orders,
// each from 1 to 3, on a split and evaluates them. Contexts end where the
// sequences of the evaluation's packing and length begin, as for a trained
// model. An evaluation without targets has no baselines.
func Ngrams(train Split, eval *Eval, orders ...int) []Baseline {
	baselines, _ := ngrams(context.Background(), train, eval, func(int64, int64) {}, orders)
	return baselines
}

// Ngrams is the function [Ngrams] on the training split, with the results kept
// in the cache.
func (s *Set) Ngrams(ctx context.Context, eval *Eval, orders ...int) ([]Baseline, error) {
	key := digestOf("ngrams", ngramVersion, ngramTargets, s.Manifest.Digest, s.Tokenizer.Digest(), eval.Digest, orders)[:32]
	path := filepath.Join(s.options.CacheDir, "ngrams", key+".json")
	var baselines []Baseline
	valid := func() bool { return ofOrders(baselines, orders) }
	if found, err := loadJSON(path, &baselines, valid); found || err != nil {
		return baselines, err
	}
	unlock, err := s.options.lock(ctx, "ngrams-"+key)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if found, err := loadJSON(path, &baselines, valid); found || err != nil { // built while we waited
		return baselines, err
	}
	if baselines, err = ngrams(ctx, s.Train, eval, s.options.report(StageNgrams), orders); err != nil {
		return nil, err
	}
	return baselines, saveJSON(path, baselines)
}

// ofOrders reports whether baselines are those of the orders, with losses that a
// model can have.
func ofOrders(baselines []Baseline, orders []int) bool {
	return slices.EqualFunc(baselines, orders, func(b Baseline, order int) bool { return b.Order == order && b.Loss >= 0 })
}

func ngrams(ctx context.Context, train Split, eval *Eval, progress func(done, total int64), orders []int) ([]Baseline, error) {
	if eval.Targets == 0 {
		return nil, errors.New("n-grams: the evaluation is empty")
	}
	if len(orders) == 0 {
		return nil, nil
	}
	stride := int((train.Targets(eval.Packing, eval.T) + ngramTargets - 1) / ngramTargets)
	n := train.Sequences(eval.Packing, eval.T)
	tokens, targets := make([]int32, eval.T), make([]int32, eval.T)
	counted := func(yield func([]int32, []int32) bool) {
		for i := 0; i < n && ctx.Err() == nil; i += stride {
			train.Sequence(eval.Packing, eval.T, i, tokens, targets)
			if !yield(tokens, targets) {
				return
			}
			progress(int64(min(n, i+stride)), int64(n))
		}
	}
	model := ngram.Train(counted, train.tokenizer.VocabSize(), slices.Max(orders))
	evaluated := func(yield func([]int32, []int32) bool) {
		for i := 0; i < eval.Sequences && ctx.Err() == nil; i++ {
			eval.Sequence(i, tokens, targets)
			if !yield(tokens, targets) {
				return
			}
		}
	}
	var baselines []Baseline
	for _, order := range orders {
		loss, count := model.Loss(evaluated, order)
		baselines = append(baselines, Baseline{
			Order: order, Name: [...]string{1: "unigram", 2: "bigram", 3: "trigram"}[order],
			Loss: loss, PPL: math.Exp(loss), BitsPerByte: BitsPerByte(float64(loss*float64(count)), eval.Bytes),
		})
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("n-grams: %w", err)
	}
	return baselines, nil
}

// BitsPerByte turns a sum of negative log-likelihoods, in nats, into bits per
// byte of the text that the targets stand for.
func BitsPerByte(sum float64, bytes int64) float64 { return sum / math.Ln2 / float64(bytes) }
