import CausewayCore

/// An import as a person at a terminal reads it: what became of it, the first problems, how to go on.
public enum ImportReport {
    /// How the reader goes on.
    public enum Place: Sendable, Hashable {
        /// With curl, at the gateway of this address.
        case gateway(String)
        /// The file was checked without a gateway.
        case file(String)
    }

    /// Ends with a line end.
    public static func text(of shown: Import, at place: Place) -> String {
        var lines = [headline(shown, place)]
        if let amounts = shown.amountsInWords { lines.append("Amounts: \(amounts).") }
        if shown.file.blankRows > 0 {
            lines.append("Passed over: \(count(shown.file.blankRows, "row")) of nothing but delimiters.")
        }
        if let error = shown.error { lines.append(error.message) }
        if !shown.problems.first.isEmpty {
            lines.append("")
            lines += table(shown.problems.first)
            lines += more(shown, place)
        }
        if shown.warnings.total > 0 {
            lines.append("")
            lines.append("Warnings, which refuse nothing: \(count(shown.warnings.total, "row")) twice in the file.")
            lines += table(shown.warnings.first)
        }
        lines.append("")
        lines += nextSteps(shown, place)
        return lines.joined(separator: "\n") + "\n"
    }

    private static func headline(_ shown: Import, _ place: Place) -> String {
        let name = oneLine(shown.filename ?? shown.object.rawValue, upTo: 100)
        let rows = count(shown.rows.total, "row")
        if case .file = place {
            return shown.problems.total == 0
                ? "\(name): all of \(rows) can be imported."
                : shown.isRefusedWhole
                    ? "\(name): the file cannot be imported."
                    : "\(name): \(shown.rows.invalid) of \(rows) cannot be imported."
        }
        switch shown.state {
        case .rejected:
            return shown.rows.invalid > 0 && !shown.isRefusedWhole
                ? "\(name): \(shown.rows.invalid) of \(rows) cannot be imported. Nothing was forwarded."
                : "\(name): the file cannot be imported. Nothing was forwarded."
        case .validated: return "\(name): \(shown.rows.valid) of \(rows) can be imported. This was a dry run."
        case .awaitingApproval: return "\(name): \(count(shown.rows.valid, "row")) wait for another key's approval."
        case .forwarding: return "\(name): \(count(shown.rows.valid, "row")) on the way to PartnerStack."
        case .completed:
            return "\(name): \(shown.forwardedRows) of \(rows) taken by PartnerStack's importer."
        case .failed: return "\(name): not imported (\(shown.forwardedRows) of \(rows) forwarded)."
        case .needsAttention: return "\(name): nobody knows yet whether PartnerStack took it."
        case .cancelled: return "\(name): cancelled (\(shown.forwardedRows) of \(rows) forwarded)."
        }
    }

    private static func table(_ problems: [RowProblem]) -> [String] {
        let head = ["row", "line", "column", "code", "value"]
        let cells = problems.map { problem in
            [
                problem.row.map(String.init) ?? "-", problem.line.map(String.init) ?? "-", problem.column ?? "-",
                problem.code.rawValue, oneLine(problem.value ?? "", upTo: 40),
            ]
        }
        let widths = head.indices.map { column in ([head] + cells).map { $0[column].count }.max() ?? 0 }
        let indent = String(repeating: " ", count: widths.dropLast().reduce(0, +) + 2 * (head.count - 1))
        func line(_ row: [String], _ message: String) -> String {
            zip(row, widths).map { $0.padded(to: $1) }.joined(separator: "  ") + "  " + message
        }
        var lines = [line(head, "what to do")]
        for (row, problem) in zip(cells, problems) {
            let instead = problem.suggestion.map { " Put: \(oneLine($0, upTo: 60))" } ?? ""
            lines.append(line(row, oneLine(problem.message, upTo: 300) + instead))
            if let value = row.last, !value.isEmpty {
                lines.append(indent + String(repeating: "^", count: value.count))
            }
        }
        return lines
    }

    private static func more(_ shown: Import, _ place: Place) -> [String] {
        let more = shown.problems.total - shown.problems.first.count
        guard more > 0 else { return [] }
        switch place {
        case .file: return ["… and \(more) more: --format csv shows the first \(shown.problems.stored)."]
        case .gateway(let url):
            let stored = shown.problems.stored
            let cut = stored < shown.problems.total ? " (the first \(stored) of them are kept)" : ""
            return ["… and \(more) more\(cut):", curl("-O \(quoted("\(url)/v1/imports/\(shown.id)/errors.csv"))")]
        }
    }

    /// One line for each way to go on, what to run indented below it.
    private static func nextSteps(_ shown: Import, _ place: Place) -> [String] {
        guard case .gateway(let url) = place else {
            return [
                shown.problems.total == 0 ? "It can be sent: causeway import." : "Mend the file and check it again."
            ]
        }
        let own = "\(url)/v1/imports/\(shown.id)"
        let hasRejected = shown.rows.invalid > 0 && !shown.isRefusedWhole
        let rejected =
            hasRejected
            ? ["The refused rows, each with its errors:", curl("-OJ \(quoted("\(own)/rejected.csv?annotate=true"))")]
            : []
        switch shown.state {
        case .rejected where shown.mode == .allOrNothing && shown.rows.valid > 0 && hasRejected:
            return [
                """
                Mend the file and send it again, or send it with ?mode=valid_rows to forward the \
                \(count(shown.rows.valid, "good row")):
                """, upload(shown, url, mode: .validRows),
            ] + rejected
        case .rejected: return ["Mend the file and send it again:", upload(shown, url, mode: shown.mode)] + rejected
        case .validated where shown.problems.total == 0:
            return ["Send it without mode=dry_run to import it:", upload(shown, url, mode: .allOrNothing)]
        case .validated: return ["Mend the file and send it again:", upload(shown, url, mode: .dryRun)] + rejected
        case .awaitingApproval:
            return ["Approve it with another key:", curl("-X POST \(quoted("\(own)/approve"))")] + rejected
        case .forwarding: return ["Follow it:", curl(asText + quoted("\(own)?wait=60"))] + rejected
        case .failed: return ["Try it again:", curl("-X POST \(quoted("\(own)/retry"))")]
        case .needsAttention:
            let number = shown.chunks.first { $0.state == .unknown }?.number ?? 1
            let body = #"--json '{"outcome":"imported"}'"#
            return [
                "Look into PartnerStack, then say what you found (imported or not_imported):",
                curl("\(body) \(quoted("\(own)/chunks/\(number)/resolve"))"),
            ]
        case .completed, .cancelled: return rejected.isEmpty ? ["All of it:", curl(quoted(own))] : rejected
        }
    }

    private static let asText = "-H 'Accept: text/plain' "

    private static func upload(_ shown: Import, _ url: String, mode: ImportMode) -> String {
        var query: [String] = []
        if mode != .allOrNothing { query.append("mode=\(mode.rawValue)") }
        if let group = shown.group { query.append("group=\(escaped(group))") }
        if shown.sendsInvites { query.append("send_invites=true") }
        let name = shown.filename ?? "\(shown.object.rawValue).csv"
        let address =
            "\(url)/v1/imports/\(shown.object.rawValue)" + (query.isEmpty ? "" : "?") + query.joined(separator: "&")
        return curl("\(asText)-T \(quoted(oneLine(name, upTo: 255))) \(quoted(address))")
    }

    private static func curl(_ arguments: String) -> String { "  curl -u \":$CAUSEWAY_KEY\" \(arguments)" }

    /// For a shell.
    private static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [0x2D, 0x2E, 0x2F, 0x3A, 0x5F].contains(byte)
        }
        return isPlain && !text.isEmpty ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }

    /// For a query.
    private static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.map { byte -> String in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: String(UnicodeScalar(byte))
            default: "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }.joined()
    }

    private static func count(_ number: Int, _ word: String) -> String {
        "\(number) \(word)\(number == 1 ? "" : "s")"
    }

    /// Values come from strangers: nothing that moves a terminal's cursor goes out.
    private static func oneLine(_ text: String, upTo limit: Int) -> String {
        let plain = String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.isPlain ? $0 : " " }))
        return plain.count > limit ? plain.prefix(limit - 1) + "…" : plain
    }
}

extension Unicode.Scalar.Properties {
    fileprivate var isPlain: Bool {
        switch generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: false
        default: true
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
