package export

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// The parts of TensorBoard's event files that are needed here, written by hand:
// the framing of a TFRecord file and five messages of protocol buffers. Sources:
// tensorflow/core/lib/io/record_writer.h; event.proto, summary.proto, tensor.proto
// and tensor_shape.proto of tensorflow/core; tensorboard/plugins/text.

// appendRecord appends one record of a TFRecord file:
//
//	uint64 length, uint32 masked CRC of length, data, uint32 masked CRC of data
//
// little-endian.
func appendRecord(out, data []byte) []byte {
	at := len(out)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(data)))
	out = binary.LittleEndian.AppendUint32(out, maskedCRC(out[at:]))
	out = append(out, data...)
	return binary.LittleEndian.AppendUint32(out, maskedCRC(data))
}

// maskedCRC is a CRC-32C, rotated right by 15 bits, plus a constant: a checksum of
// data that may itself hold checksums.
func maskedCRC(data []byte) uint32 {
	crc := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return (crc>>15 | crc<<17) + 0xa282ead8
}

// A message is an encoded protocol buffer.
type message []byte

// The wire types of fields.
const (
	varintField = 0
	fixed64     = 1
	bytesField  = 2
	fixed32     = 5
)

func (m message) tag(field, wire int) message {
	return binary.AppendUvarint(m, uint64(field)<<3|uint64(wire))
}

func (m message) int(field int, v int64) message {
	return binary.AppendUvarint(m.tag(field, varintField), uint64(v))
}

func (m message) double(field int, v float64) message {
	return binary.LittleEndian.AppendUint64(m.tag(field, fixed64), math.Float64bits(v))
}

func (m message) float(field int, v float32) message {
	return binary.LittleEndian.AppendUint32(m.tag(field, fixed32), math.Float32bits(v))
}

func (m message) bytes(field int, v []byte) message {
	return append(binary.AppendUvarint(m.tag(field, bytesField), uint64(len(v))), v...)
}

func (m message) text(field int, v string) message { return m.bytes(field, []byte(v)) }

// An event is one Event message: what happened at a step. Its first fields are
//
//	double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5
func event(wall float64, step int) message {
	m := message{}.double(1, wall)
	if step != 0 {
		m = m.int(2, int64(step))
	}
	return m
}

// versionEvent opens every file.
func versionEvent() message { return event(0, 0).text(3, "brain.Event:2") }

// scalar appends one value to a Summary:
//
//	message Summary { repeated Value value = 1 }
//	message Value { string tag = 1; float simple_value = 2; TensorProto tensor = 8; SummaryMetadata metadata = 9 }
func scalar(summary message, tag string, v float64) message {
	return summary.bytes(1, message{}.text(1, tag).float(2, float32(v)))
}

// note appends a text in Markdown to a Summary, as the plug-in "text" wants it: a
// tensor of one string, of rank 0.
//
//	message TensorProto { DataType dtype = 1; TensorShapeProto tensor_shape = 2; repeated bytes string_val = 8 }
//	message SummaryMetadata { PluginData plugin_data = 1 }  message PluginData { string plugin_name = 1 }
func note(summary message, tag, markdown string) message {
	const dtString = 7
	tensor := message{}.int(1, dtString).bytes(2, nil).text(8, markdown)
	metadata := message{}.bytes(1, message{}.text(1, "text"))
	return summary.bytes(1, message{}.text(1, tag).bytes(8, tensor).bytes(9, metadata))
}
