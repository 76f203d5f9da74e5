/// Why bytes are not a model.
///
/// Payloads are integers only, so that the same type is thrown on a device; a host prints `description`.

public enum FormatError: Error, Equatable, Sendable {
    /// The file ends before its header does.
    case tooShort(bytes: Int, needed: Int)
    case notAModel
    case unsupportedVersion(found: Int, supported: Int)
    case truncated(bytes: Int, promised: Int)
    case misaligned(byteOffset: Int, alignment: Int)
    case wrongChecksum(found: UInt32, promised: UInt32)
    /// Something at `offset` reaches beyond what holds it.
    case outOfBounds(part: Part, index: Int, value: Int, limit: Int)
    /// A field holds a value that no converter writes.
    case invalid(part: Part, index: Int, value: Int)

    /// The part of the file that is broken.
    public enum Part: Sendable {
        case header, input, output, operatorRecord, operatorKind, buffer, segment, link, string
        case operand, channelTable, window, parameters, shift, multiplier, activation, geometry, recomputation
    }
}

#if !hasFeature(Embedded)
    extension FormatError: CustomStringConvertible {
        public var description: String {
            switch self {
            case .tooShort(let bytes, let needed):
                "not a Swiftlet model: \(bytes) bytes, the header alone has \(needed)"
            case .notAModel:
                "not a Swiftlet model: it does not begin with \"SWIFTLET\"; make one with: swiftlet convert float.ckpt int8.bin"
            case .unsupportedVersion(let found, let supported):
                "format version \(found), this build reads versions \(HeaderRecord.version) to \(supported); convert the checkpoint again"
            case .truncated(let bytes, let promised):
                "truncated: \(bytes) bytes, the header promises \(promised); copy or convert it again"
            case .misaligned(let byteOffset, let alignment):
                "the model lies \(byteOffset) bytes past a multiple of \(alignment) in memory; align it to \(alignment)"
            case .wrongChecksum(let found, let promised):
                "corrupted: checksum 0x\(String(found, radix: 16)), the header promises 0x\(String(promised, radix: 16)); "
                    + "copy or convert it again"
            case .outOfBounds(let part, let index, let value, let limit):
                "broken model: \(part) \(index) reaches \(value), the limit is \(limit); convert it again"
            case .invalid(let part, let index, let value):
                "broken model: \(part) \(index) holds the impossible value \(value); convert it again"
            }
        }
    }
#endif
