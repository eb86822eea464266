import CausewayCore
import Imports

/// An import as a person at a terminal reads it: what became of it, the first problems, how to go on.
enum ImportReport {
    static func text(of shown: Import) -> String {
        var lines = [headline(shown)]
        if let amounts = shown.amountsInWords { lines.append("Amounts: \(amounts).") }
        if let error = shown.error { lines.append(error.message) }
        if !shown.problems.first.isEmpty {
            lines.append("")
            lines += table(shown.problems.first)
            let more = shown.problems.total - shown.problems.first.count
            if more > 0 { lines.append("… and \(more) more: GET /v1/imports/\(shown.id)/errors") }
        }
        lines.append("")
        lines.append(nextStep(shown))
        return lines.joined(separator: "\n") + "\n"
    }

    private static func headline(_ shown: Import) -> String {
        let name = shown.filename ?? shown.object.rawValue
        let rows = count(shown.rows.total, "row")
        switch shown.state {
        case .rejected:
            return shown.rows.invalid > 0
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

    private static func nextStep(_ shown: Import) -> String {
        switch shown.state {
        case .rejected where shown.mode == .allOrNothing && shown.rows.valid > 0 && shown.rows.invalid > 0:
            return """
                Mend the file and send it again, or send it with ?mode=valid_rows to forward the \
                \(count(shown.rows.valid, "good row")).
                """
        case .rejected: return "Mend the file and send it again."
        case .validated:
            return shown.rows.invalid == 0
                ? "Send it without mode=dry_run to import it." : "Mend the file and send it again."
        case .awaitingApproval: return "Approve it: POST /v1/imports/\(shown.id)/approve"
        case .forwarding: return "Follow it: GET /v1/imports/\(shown.id)?wait=60"
        case .failed: return "Try it again: POST /v1/imports/\(shown.id)/retry"
        case .needsAttention:
            let number = shown.chunks.first { $0.state == .unknown }?.number ?? 1
            return "Say what you found: POST /v1/imports/\(shown.id)/chunks/\(number)/resolve"
        case .completed, .cancelled: return "All of it: GET /v1/imports/\(shown.id)"
        }
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
