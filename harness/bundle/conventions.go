package bundle

import (
	"fmt"
	"strings"

	"ranklab/harness/spec"
)

// conventions says in words and formulas what the settings of a run mean, as far
// as they apply to it: enough to write a replayer from the manifest.
func conventions(s spec.Run) map[string]string {
	m, t := s.Method, s.Train
	text := map[string]string{
		"linear":        "y = x W^T with W (out, in); no biases",
		"model":         "h = rows of the embedding; per layer h = h + o_proj(attention(n)) with n = input_layernorm(h), then h = h + down_proj(silu(gate_proj(n)) * up_proj(n)) with n = post_attention_layernorm(h); logits = lm_head(norm(h)); the head is not tied",
		"rms_norm":      "y = weight * x / sqrt(mean(x^2) + rms_norm_eps)",
		"rope":          "half-split: dimension i of a head turns with i + head_dim/2 by the angle position * rope_theta^(-2i/head_dim); positions count from 0 in every sequence",
		"attention":     "softmax(q k^T / sqrt(head_dim)) v, causal over the whole sequence",
		"loss":          "cross-entropy in nats; the gradient is that of the sum over micro-batches of loss_scale * (sum of the token losses where mask is 1), all computed with the weights before the update",
		"learning_rate": "steps[u].lr by the role of the parameter (parameters[].role): the scheduled rate times the factor of the group",
		"t":             "steps[u].t is the t of the optimizer's formulas, 1 in the first update after its state was zero; adapters: of the factors A and B; projected, where it is there: of projected weights; others: of every other parameter",
		"order":         "gradients of all micro-batches, clipping, then each parameter on its own: weight decay and optimizer; then the events of the step",
		"weight_decay":  decay(m),
		"optimizer":     optimizer(m),
	}
	if t.GradClipping > 0 {
		text["grad_clipping"] = "norm = global L2 norm of the gradients of all trained parameters; each gradient times min(1, grad_clipping / (norm + 1e-6)); trace.jsonl has the norm before clipping"
	}
	switch m.Kind {
	case "lora", "relora":
		text["adapter"] = "y = x W^T + scale * drop(x) A^T B^T with A (rank, in), B (out, rank); W is not trained while A and B are. While A and B are not among the trained parameters they take no part: y = x W^T"
		if m.LoraDropout > 0 {
			text["dropout"] = "drop(x) = keep * x / (1 - dropout) with keep = random.safetensors dropout/UPDATE/MICRO/MODULE"
		}
	case "lowrank":
		text["factored"] = "y = scale * x A^T B^T with A (rank, in), B (out, rank); there is no W"
	case "galore":
		text["galore"] = galore(m)
		text["moments"] = moments(m)
	}
	if m.Kind == "relora" {
		text["merge"] = "event merge, after the step: W = W + scale * B A; A = random.safetensors merge/UPDATE/A's name; B = 0; moments stay unless there is a reset"
		if m.FullRankSteps > 0 {
			text["activate"] = "event activate, after the step: the full-rank warm start ends. W is frozen, A and B take part with their initial values, and all optimizer state is zero again"
		}
		if m.Reset != "none" {
			text["reset"] = reset(m)
		}
	}
	if t.Dtype != spec.Float32 || t.StateDtype != spec.Float32 {
		text["rounding"] = rounding(m, t)
	}
	if m.ProjectorDtype != "" {
		text["projector_dtype"] = projectorDtype(m)
	}
	return text
}

func decay(m spec.Method) string {
	switch {
	case m.WeightDecay == 0:
		return "none"
	case m.Decay == "l2":
		return "G = G + weight_decay * W before anything else sees the gradient (after clipping); projected weights: before the projection"
	case m.Decay == "after":
		return "the step first, then W = (1 - lr * weight_decay) W; every trained parameter, norm gains included"
	}
	return "W = (1 - lr * weight_decay) W first, then the step; every trained parameter, norm gains included"
}

// optimizer describes the step that a gradient G becomes.
func optimizer(m spec.Method) string {
	const moments = "M = b1 M + (1-b1) G; V = b2 V + (1-b2) G*G; with c1 = 1 - b1^t and c2 = sqrt(1 - b2^t): "
	switch m.Optimizer {
	case "adamw":
		step := "step = lr/c1 * M / (sqrt(V)/c2 + eps)"
		if m.Convention == "galore" {
			step = "step = lr*c2/c1 * M / (sqrt(V) + eps)"
		}
		return moments + step + "; W = W - step. State: exp_avg = M, exp_avg_sq = V"
	case "adamw8bit":
		return moments + "step = lr/c1 * M / (sqrt(V)/c2 + eps); W = W - step; then M and V are kept in 8 bits, where a tensor has at least min_8bit_size elements: " +
			"in blocks of block_size consecutive elements (row-major), absmax = largest magnitude, code = index of the element of dynamic_map nearest to value/absmax (of equals the smaller magnitude; a negative value never becomes 0: it takes the largest negative element), " +
			"value = dynamic_map[code] * absmax. M uses the signed map, V the unsigned one. State: exp_avg, exp_avg_sq (U8 codes) and their .absmax (one per block); of smaller tensors F32 values"
	case "sgd":
		if m.Momentum == 0 {
			return "step = lr * G; W = W - step. No state"
		}
		return "B = momentum * B + G; step = lr * B; W = W - step. State: momentum_buffer = B"
	case "adafactor":
		text := "b2 = 1 - t^(-decay_rate); Z = G*G + 1e-30; row = b2 row + (1-b2) mean over columns of Z; col = b2 col + (1-b2) mean over rows of Z; " +
			"U = G / (sqrt(row/mean(row)) sqrt(col)); U = lr * U / max(1, rms(U)/clip_threshold)"
		if m.Momentum > 0 {
			text += "; M = momentum * M + (1-momentum) U; U = M (lr is inside M)"
		}
		return text + "; W = W - U. A tensor with one row or one column, such as a gain, keeps V whole: V = b2 V + (1-b2) Z, U = G / sqrt(V). State: exp_avg_sq_row, exp_avg_sq_col or exp_avg_sq, always F32; exp_avg = M"
	}
	return m.Optimizer
}

func galore(m spec.Method) string {
	return "projected weights: with the bases of projectors.safetensors, P_left (out, r) and P_right (r, in), R = P_left^T G P_right^T (a side without a basis is left out); the optimizer turns R into a step, its state having the shape of R; " +
		"W = W - scale * P_left step P_right. A new basis serves the update it is computed in. scale acts on projected weights only. " +
		fmt.Sprintf("Bases are new in updates 0, T, 2T, ... with T = update_proj_gap (%s): ", m.UpdateProjGap) + projector(m)
}

func projector(m spec.Method) string {
	const drawn = ", drawn without looking at the gradient"
	switch m.Projector {
	case "stiefel":
		return "orthonormal vectors" + drawn + ": with Z (rank, side) = random.safetensors stiefel/UPDATE/BASIS and Z^T = Q R, the diagonal of R positive, the columns of Q"
	case "gaussian":
		return "vectors that are not orthonormal" + drawn + ": the rows of Z / sqrt(rank) with Z (rank, side) = random.safetensors gaussian/UPDATE/BASIS"
	case "coordinate":
		return "different unit vectors in random order" + drawn
	}
	return fmt.Sprintf("the leading singular vectors of G (after clipping and, if any, l2 decay), by %s, the component of largest magnitude of each vector positive. A gradient that is zero or not finite keeps the old basis", m.Projector)
}

func moments(m spec.Method) string {
	if m.UpdateProjGap == spec.Never {
		return "bases stay, and with them the optimizer's state"
	}
	const when = "before the step of every update u with u mod update_proj_gap = 0, u > 0, "
	switch m.Moments {
	case "reset":
		text := when + "the optimizer's state of projected weights becomes 0"
		if !m.ResetStep {
			text += "; its t goes on"
		}
		return text
	case "rotate":
		return when + "the first moment M of a projected weight (exp_avg, momentum_buffer) follows its basis: with Q_left = P_new^T P_old of the left side and Q_right = P_new P_old^T of the right, M = Q_left M Q_right^T (a side without a basis is left out), rounded as in an update; the other state stays"
	}
	return "the optimizer's state is carried over a refresh as it is"
}

func projectorDtype(m spec.Method) string {
	levels := map[string]int{"int8": 255, "int4": 15}[m.ProjectorDtype]
	if levels == 0 {
		return "bases are kept in " + m.ProjectorDtype
	}
	return fmt.Sprintf("bases are kept in %s: in blocks of 256 consecutive elements (row-major), scale = max(max - min, 1e-5) / %d, zero = clamp(-round(min / scale), 0, %d), code = clamp(round(x / scale) + zero, 0, %d), value = (code - zero) * scale. "+
		"projectors.safetensors has the values, state.safetensors the codes (of int4 two to a byte, the first in its lower half) with .scale and .zero of each block", m.ProjectorDtype, levels, levels, levels)
}

func reset(m spec.Method) string {
	text := "event reset, after the step, after a merge of the same step: every buffer of the optimizer's state of A and B "
	switch m.Reset {
	case "zero":
		text += "becomes 0"
	case "random":
		text += "is multiplied by random.safetensors keep/UPDATE/BUFFER"
	case "magnitude":
		text += "loses the elements whose magnitude is not above its reset_ratio quantile (linear interpolation): it is multiplied by random.safetensors keep/UPDATE/BUFFER"
	}
	if m.ResetStep {
		text += "; the t of A and B starts again at 1"
	}
	return text
}

func rounding(m spec.Method, t spec.Train) string {
	var parts []string
	state := "optimizer state and bases"
	if m.ProjectorDtype != "" {
		state = "optimizer state"
	}
	for _, p := range []struct{ what, dtype, except string }{
		{"weights and factors", t.Dtype, ""},
		{state, t.StateDtype, " (not the second moments of adafactor, and not 8-bit moments; bases are always rounded to nearest)"},
	} {
		switch p.dtype {
		case spec.BFloat16:
			parts = append(parts, p.what+" are rounded to bfloat16, to nearest even, whenever they are written"+p.except)
		case spec.BFloat16Stochastic:
			parts = append(parts, p.what+" are rounded to bfloat16 stochastically whenever they are written"+p.except+"; the noise is not in the bundle")
		}
	}
	return strings.Join(parts, "; ") + ". Everything is computed in float32 from the rounded values; the step of an update uses moments before they are rounded"
}
