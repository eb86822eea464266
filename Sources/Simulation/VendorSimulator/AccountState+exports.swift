import CausewayCore

/// What a trigger asks for, its body read.
struct TriggerRequest: Sendable {
    var report: String
    var memberEmail: String
    var webhookTargetURL: String?
    var showUnexpanded = false
}

extension AccountState {
    /// Queues an export, or refuses by the guide's table.
    mutating func trigger(_ request: TriggerRequest, at now: Timestamp) throws(VendorRefusal) -> VendorExport {
        guard hasAccess(request.memberEmail) else {
            tell("trigger of \(request.report) refused: \(request.memberEmail) is no member")
            throw VendorRefusal(403, "Member email does not have access to this company")
        }
        guard let report = options.reports.first(where: { $0.key == request.report }), report.isOurs else {
            tell("trigger of \(request.report) refused: not a report of this company")
            throw VendorRefusal(403, "Report configuration does not belong to your company")
        }
        try checkLimits(report, request.memberEmail, at: now)
        return makeExport(
            of: report, source: .api, member: request.memberEmail, webhookTargetURL: request.webhookTargetURL,
            showUnexpanded: request.showUnexpanded, at: now)
    }

    func hasAccess(_ email: String) -> Bool {
        options.members.isEmpty || options.members.contains { $0.lowercased() == email.lowercased() }
    }

    /// Exports of every state count against their report: "if an export for that combination already exists".
    /// Those that failed are no longer active, and do not count against their member.
    private mutating func checkLimits(
        _ report: ReportConfiguration, _ member: String, at now: Timestamp
    ) throws(VendorRefusal) {
        let window = DurationText.format(options.window)
        let recent = exportOrder.lazy.reversed().compactMap { [exports] in exports[$0] }
            .prefix { [options, limitsSince] in now.since($0.createdAt) < options.window && $0.createdAt > limitsSince }
            .filter { $0.source == .api }
        let ofMember = recent.filter { $0.memberEmail.lowercased() == member.lowercased() }
        let alike = (options.reportLimitIgnoresMember ? Array(recent) : Array(ofMember))
            .filter { $0.report.key == report.key }
        if alike.count >= options.limitPerReport, let oldest = alike.dropFirst(options.limitPerReport - 1).first {
            tell("trigger of \(report.key) for \(member) refused: one exists already within \(window)")
            throw VendorRefusal(
                429, "An export for this report and member already exists within the past \(spelled(options.window))",
                retryAfter: retryAfter(options.window - now.since(oldest.createdAt)))
        }
        let active = ofMember.filter { $0.status != .failure }
        if active.count >= options.limitPerMember,
            let oldest = Array(active).dropFirst(options.limitPerMember - 1).first
        {
            tell("trigger of \(report.key) for \(member) refused: \(active.count) active exports within \(window)")
            throw VendorRefusal(
                429, "Member has reached the maximum of \(options.limitPerMember) active exports",
                retryAfter: retryAfter(options.window - now.since(oldest.createdAt)))
        }
    }

    private func spelled(_ duration: Duration) -> String {
        duration == .seconds(7200) ? "2 hours" : DurationText.format(duration)
    }

    mutating func makeExport(
        of report: ReportConfiguration, source: VendorExport.Source, member: String, webhookTargetURL: String?,
        showUnexpanded: Bool = false, after duration: Duration? = nil, at now: Timestamp
    ) -> VendorExport {
        var export = VendorExport(
            key: makeKey("vrex"), report: report, source: source, memberEmail: member,
            webhookTargetURL: webhookTargetURL, showUnexpanded: showUnexpanded, createdAt: now, updatedAt: now)
        export.willFail = random.fraction() < options.failRate || strike([.exportFails], route: "trigger") != nil
        if let duration = duration ?? (options.hold ? nil : options.exportDuration) {
            export.dueAt = now + duration
            queue(.finish(export: export.key, at: now + duration))
        }
        exports[export.key] = export
        exportOrder.append(export.key)
        let ready = export.dueAt.map { "ready in \(DurationText.format($0.since(now)))" } ?? "held"
        let by = source == .api ? "asked for by" : "(\(source.rawValue)) for"
        tell("export \(export.key) of \(report.key) \(by) \(member): queued, \(ready)")
        announceEarly(export, at: now)
        return export
    }

    // MARK: How it ends

    mutating func finish(_ key: String, at now: Timestamp) {
        guard let export = exports[key], export.status == .queued else { return }
        if export.willFail { fail(key, at: now) } else { complete(key, at: now) }
    }

    mutating func complete(_ key: String, at now: Timestamp) {
        guard var export = exports[key], export.status == .queued else { return }
        export.status = .success
        export.updatedAt = now
        export.expiresAt = now + options.linkLifetime
        makeFiles(for: &export, until: now + options.linkLifetime)
        exports[key] = export
        let size = export.files.compactMap { files[$0]?.size }.reduce(0, +)
        let zipped = export.zip == nil ? "" : " and a zip"
        tell(
            "export \(key) is ready: \(export.files.count) file(s)\(zipped), \(size) bytes, links live "
                + DurationText.format(options.linkLifetime))
        announce(export, at: now)
    }

    mutating func fail(_ key: String, message: String? = nil, at now: Timestamp) {
        guard var export = exports[key], export.status == .queued else { return }
        export.status = .failure
        export.updatedAt = now
        export.error = message ?? "The report could not be generated"
        exports[key] = export
        tell("export \(key) failed: \(export.error ?? "")")
        if options.announcesFailures { announce(export, at: now) }
    }

    mutating func expire(_ key: String, at now: Timestamp) {
        guard var export = exports[key], export.status == .success else { return }
        export.status = .expired
        export.updatedAt = now
        export.expiresAt = min(export.expiresAt ?? now, now)
        exports[key] = export
        for file in export.files + [export.zip].compactMap(\.self) { files[file]?.expiresAt = now }
        tell("export \(key) expired: its links are dead")
    }

    /// The export as it is now: a success whose links have died in the meantime is `expired`.
    mutating func export(_ key: String, at now: Timestamp) -> VendorExport? {
        if let expiry = exports[key]?.expiresAt, expiry <= now { expire(key, at: now) }
        return exports[key]
    }

    // MARK: Its files

    private mutating func makeFiles(for export: inout VendorExport, until expiry: Timestamp) {
        let columns = ReportColumns.of(export.report.type)
        let rows = rowsPerFile(columns)
        let seed = random.next()
        let count = max(1, options.files)
        let base = "\(export.report.type.rawValue)-\(export.stem)"
        var parts: [(name: String, rows: GeneratedRows)] = []
        for number in 0..<count {
            let digits = String(number)
            let suffix = count == 1 ? "" : "-\(String(repeating: "0", count: 12 - digits.count))\(digits)"
            let part = GeneratedRows(columns: columns, seed: seed, firstRow: number * rows, rowCount: rows)
            parts.append(("\(base)\(suffix).csv", part))
        }
        export.files = parts.map { add(name: $0.name, content: .rows($0.rows), until: expiry) }
        guard count > 1 else { return }
        if let archive = ZipArchive(parts) {
            export.zip = add(name: "\(base).zip", content: .zip(archive), until: expiry)
        } else {
            tell("export \(export.key): the parts are too large for a zip here, zip_file stays null")
        }
    }

    func rowsPerFile(_ columns: [ReportColumn]) -> Int {
        guard let size = options.fileSize else { return options.fileRows }
        let empty = GeneratedRows(columns: columns, seed: 0, firstRow: 0, rowCount: 0)
        return max(1, (Int(size) - empty.header.count) / empty.rowLength)
    }

    mutating func add(name: String, content: DownloadFile.Content, until expiry: Timestamp) -> String {
        let file = DownloadFile(key: makeKey("file"), name: name, content: content, expiresAt: expiry)
        files[file.key] = file
        return file.key
    }

    /// The whole entity, its links signed as of now.
    func entity(_ export: VendorExport, at now: Timestamp) -> JSONValue {
        export.entity(
            files: export.files.map { link($0, at: now) }, zip: export.zip.map { link($0, at: now) } ?? .null)
    }

    func link(_ key: String, at now: Timestamp) -> JSONValue {
        guard let file = files[key] else { return nil }
        let expiry = min(file.expiresAt, options.signatureLifetime.map { now + $0 } ?? file.expiresAt)
        return [
            "key": .string(key), "name": .string(file.name),
            "url": .string(links.link(to: file, base: baseURL, until: expiry)),
        ]
    }
}
