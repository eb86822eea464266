import CSV
import CausewayCore

extension Import {
    /// What a checked file becomes.
    init(
        id: ImportID, request: ImportRequest, filename: String?, checked: CheckedUpload, schema: ObjectSchema,
        settings: ImportSettings, at now: Timestamp
    ) {
        let summary = checked.summary
        let isGood: Bool =
            switch request.mode {
            case .allOrNothing: !summary.isRefused && summary.invalidRows == 0
            case .validRows: !summary.isRefused && summary.validRows > 0
            case .dryRun: !summary.isRefused
            }
        let reasons =
            isGood
            ? settings.approval.reasons(request, rows: summary.validRows, amounts: summary.amounts) : []
        let state: ImportState =
            switch (isGood, request.mode) {
            case (false, _): .rejected
            case (true, .dryRun): .validated
            case (true, _): reasons.isEmpty ? .forwarding : .awaitingApproval
            }
        let sendsInvites = request.sendsInvites ?? false
        let goesOn = !state.isOver
        let isNormalized = !summary.isAsVendorReads || summary.blankRows > 0
        self.init(
            id: id, object: request.object, mode: request.mode, state: state, group: request.group,
            sendsInvites: sendsInvites, filename: filename.map { String($0.prefix(255)) },
            file: ImportFileFacts(
                size: checked.size, sha256: checked.sha256, encoding: summary.encoding.rawValue,
                delimiter: summary.dialect.delimiter.rawValue,
                isNormalized: isGood && isNormalized, blankRows: summary.blankRows),
            rows: ImportRowCounts(total: summary.totalRows, valid: summary.validRows),
            problems: ImportProblemCounts(
                total: summary.totalProblems, stored: summary.storedProblems, first: summary.firstProblems),
            amounts: summary.amounts, approvalReasons: reasons,
            approvalExpiresAt: state == .awaitingApproval ? now + settings.approval.patience : nil,
            warnings: ImportProblemCounts(
                total: summary.totalWarnings, stored: summary.storedWarnings, first: summary.firstWarnings),
            contentFingerprint: Import.fingerprint(
                request.object, group: request.group, sha256: summary.contentDigest),
            rowScope: goesOn && schema.remembersRows ? Import.rowScope(request.object, group: request.group) : nil,
            isRewritten: goesOn && (isNormalized || summary.invalidRows > 0),
            isResendable: schema.resend == .safe || (schema.resend == .safeWithoutInvites && !sendsInvites),
            isForced: request.isForced, caller: request.caller,
            cut: goesOn ? ImportCut(rows: summary.validRows, rowsEach: settings.chunkRows) : .none, createdAt: now,
            endedAt: goesOn ? nil : now)
        show()
    }
}
