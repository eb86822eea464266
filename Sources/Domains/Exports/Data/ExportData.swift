/// All parts of an export as one stream of rows, with one header.
public struct ExportData: Sendable {
    public enum Format: String, Sendable, CaseIterable {
        case csv
        /// One JSON object a line, each value a string as the CSV has it.
        case ndjson
    }

    /// One file of the export, and where its rows begin.
    struct Part: Sendable {
        enum Source: Sendable {
            case mirror(ExportFileContent)
            /// Opened again when its turn comes: the vendor's store would not wait for the parts before it.
            case vendor(export: ExportID, ExportFiles)
        }

        let name: String
        let source: Source
        let head: CSVHead
    }

    let parts: [Part]
    let shape: RowShape

    /// The names of all columns there are.
    public var columns: [String] { parts.first?.head.names ?? [] }

    /// The same for the same bytes, whenever they are asked for; nil where a part is passed through from the vendor.
    public var fingerprint: String? {
        var text = "\(shape.format) \(shape.columns ?? [])"
        for part in parts {
            guard case .mirror(let content) = part.source, let sha256 = content.sha256 else { return nil }
            text += " \(sha256)"
        }
        return text
    }

    public func chunks() -> ExportDataChunks { ExportDataChunks(data: self) }
}

/// The bytes in pieces, made as they are asked for: memory stays flat. To be read once.
///
/// Throws where a part is cut off, is not what it was when its header was looked at, or holds a row that is none: what
/// came so far is then not the whole.
public struct ExportDataChunks: AsyncSequence, Sendable {
    public typealias Element = [UInt8]

    let data: ExportData

    public func makeAsyncIterator() -> Iterator { Iterator(data: data) }

    public struct Iterator: AsyncIteratorProtocol {
        private let shape: RowShape
        private var waiting: ArraySlice<ExportData.Part>
        private var current: PartReader?
        private var isFirst = true

        init(data: ExportData) {
            shape = data.shape
            waiting = data.parts[...]
        }

        public mutating func next() async throws -> [UInt8]? {
            while true {
                if let reader = current {
                    if let bytes = try await reader.next() { return bytes }
                    current = nil
                }
                guard let part = waiting.popFirst() else { return nil }
                let reader = try await PartReader(part, shape: shape)
                current = reader
                defer { isFirst = false }
                if isFirst, let header = reader.header { return header }
            }
        }
    }
}
