public import CausewayCore

extension Import {
    /// As callers and subscribers see it.
    public var json: JSONValue {
        [
            "id": .string(id.text), "object": .string(object.rawValue), "mode": .string(mode.rawValue),
            "state": .string(state.rawValue), "group": .optional(group), "send_invites": .bool(sendsInvites),
            "filename": .optional(filename), "size": .integer(file.size), "sha256": .string(file.sha256),
            "encoding": .string(file.encoding), "delimiter": .string(file.delimiter),
            "normalized": .bool(file.isNormalized), "blank_rows": .integer(Int64(file.blankRows)),
            "rows": [
                "total": .integer(Int64(rows.total)), "valid": .integer(Int64(rows.valid)),
                "invalid": .integer(Int64(rows.invalid)), "forwarded": .integer(Int64(forwardedRows)),
                "unprocessed": .integer(Int64(unprocessedRows)),
            ],
            "errors": problems.json, "warnings": warnings.json,
            "amounts": .array(amounts.map(\.json)),
            "approval": approvalReasons.isEmpty
                ? .null
                : [
                    "reasons": .array(approvalReasons.map { .string($0.rawValue) }),
                    "expires_at": .optional(approvalExpiresAt),
                ],
            "chunks": .array(chunks.map(\.json)),
            "chunk_counts": [
                "total": .integer(Int64(cut.count)), "forwarded": .integer(Int64(takenChunks)),
                "rows_each": .integer(Int64(cut.count == 0 ? 0 : cut.rowsEach)),
            ],
            "cancel_requested_at": .optional(cancelRequestedAt), "error": error?.json ?? .null,
            "created_at": .optional(createdAt), "ended_at": .optional(endedAt),
        ]
    }

    /// What subscriptions filter by.
    var eventAttributes: [String: String] { ["object": object.rawValue] }
}

extension ImportProblemCounts {
    var json: JSONValue {
        [
            "total": .integer(Int64(total)), "stored": .integer(Int64(stored)), "first": .array(first.map(\.json)),
        ]
    }
}

extension ImportChunk {
    public var json: JSONValue {
        [
            "number": .integer(Int64(number)), "rows": .integer(Int64(rows)), "state": .string(state.rawValue),
            "answer": answer ?? .null, "resolution": .optional(resolution?.rawValue),
            "attempts": .integer(Int64(attempts)), "sent_at": .optional(sentAt),
        ]
    }
}

extension RowProblem {
    public var json: JSONValue {
        func number(_ value: Int?) -> JSONValue { value.map { .integer(Int64($0)) } ?? .null }
        return [
            "row": number(row), "line": number(line), "byte_offset": number(byteOffset),
            "column": .optional(column), "code": .string(code.rawValue), "value": .optional(value),
            "message": .string(message), "suggestion": .optional(suggestion),
        ]
    }
}
