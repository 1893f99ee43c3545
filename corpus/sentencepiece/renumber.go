package sentencepiece

import "fmt"

// Renumber returns the .model file in which the ids of [Model] are those of the
// file itself: data as they are or, where the numbering of T5 applies, without
// the <s> and the sentinels that it drops. Encoders find the roles of pieces by
// their types and names, so that nothing else has to change.
func Renumber(data []byte) ([]byte, error) {
	m, err := Parse(data)
	if err != nil {
		return nil, err
	}
	if !m.t5 {
		return data, nil
	}
	var out []byte
	pieces := 0
	err = eachField(data, func(v field) error {
		if v.number == 1 {
			pieces++
			if at := pieces - 1; at == insertedPiece || at >= len(m.pieces) {
				return nil
			}
		}
		out = v.append(out)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("not a SentencePiece model: %w", err)
	}
	return out, nil
}

// Special returns the texts of the pieces for unknown characters, the end of a
// document and padding.
func (m *Model) Special() (unk, eos, pad string) {
	return m.pieces[m.unk].text, m.pieces[m.eos].text, m.pieces[m.pad].text
}
