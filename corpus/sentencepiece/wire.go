package sentencepiece

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The protocol-buffers wire format, read in place: a message is a sequence of
// fields, each a key (number and wire type) and a value.

// A field is one value of a message. Which of num and bytes is set depends on
// the wire type.
type field struct {
	number int
	wire   int
	num    uint64 // varint, fixed64, fixed32
	bytes  []byte // length-delimited, sharing the message's memory
}

const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

var errTruncated = errors.New("the message ends inside a field")

// eachField calls f for each field of a message, in order. Lengths are checked
// against the message before anything is sliced, and nothing is allocated.
func eachField(message []byte, f func(field) error) error {
	for len(message) > 0 {
		key, n := binary.Uvarint(message)
		if n <= 0 {
			return errTruncated
		}
		message = message[n:]
		if key>>3 == 0 || key>>3 > 1<<29-1 {
			return fmt.Errorf("field number %d", key>>3)
		}
		v := field{number: int(key >> 3), wire: int(key & 7)}
		switch v.wire {
		case wireVarint:
			if v.num, n = binary.Uvarint(message); n <= 0 {
				return errTruncated
			}
		case wireFixed64:
			if n = 8; len(message) < n {
				return errTruncated
			}
			v.num = binary.LittleEndian.Uint64(message)
		case wireFixed32:
			if n = 4; len(message) < n {
				return errTruncated
			}
			v.num = uint64(binary.LittleEndian.Uint32(message))
		case wireBytes:
			length, k := binary.Uvarint(message)
			if k <= 0 || length > uint64(len(message)-k) {
				return errTruncated
			}
			n = k + int(length)
			v.bytes = message[k:n]
		default:
			return fmt.Errorf("field %d has the unknown wire type %d", v.number, v.wire)
		}
		message = message[n:]
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}

// append appends the field to a message.
func (v field) append(message []byte) []byte {
	message = binary.AppendUvarint(message, uint64(v.number)<<3|uint64(v.wire))
	switch v.wire {
	case wireVarint:
		return binary.AppendUvarint(message, v.num)
	case wireFixed64:
		return binary.LittleEndian.AppendUint64(message, v.num)
	case wireFixed32:
		return binary.LittleEndian.AppendUint32(message, uint32(v.num))
	}
	return append(binary.AppendUvarint(message, uint64(len(v.bytes))), v.bytes...)
}

// want checks the wire type of a known field.
func (v field) want(wire int) error {
	if v.wire != wire {
		return fmt.Errorf("field %d has wire type %d instead of %d", v.number, v.wire, wire)
	}
	return nil
}

func (v field) float() float32 { return math.Float32frombits(uint32(v.num)) }
