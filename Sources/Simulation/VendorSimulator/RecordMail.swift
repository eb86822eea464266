import CausewayCore

/// The mail a base records export ends in: it goes to the member, and no API tells of it.
struct RecordMail: Sendable {
    let key: String
    let memberEmail: String
    let types: [RecordType]
    let requestedAt: Timestamp
    var sentAt: Timestamp?
    /// Keys of `DownloadFile`, one for each type.
    var files: [String] = []
    var expiresAt: Timestamp?
}

extension AccountState {
    mutating func exportRecords(
        _ types: [RecordType], for email: String, at now: Timestamp
    ) throws(VendorRefusal) -> RecordMail {
        guard hasAccess(email) else { throw VendorRefusal(403, "Member email does not have access to this company") }
        let allowed = types.filter { options.recordTypes.contains($0) }
        guard !allowed.isEmpty else { throw VendorRefusal(403, "None of the export types is allowed") }
        let mail = RecordMail(key: makeKey("mail"), memberEmail: email, types: allowed, requestedAt: now)
        mails.append(mail)
        queue(.mail(mail.key, at: now + options.mailDuration))
        let names = allowed.map(\.rawValue).joined(separator: ", ")
        tell("records (\(names)) asked for by \(email): mailed in \(DurationText.format(options.mailDuration))")
        return mail
    }

    mutating func send(mail key: String, at now: Timestamp) {
        guard let index = mails.firstIndex(where: { $0.key == key }), mails[index].sentAt == nil else { return }
        let expiry = now + options.mailLinkLifetime
        mails[index].sentAt = now
        mails[index].expiresAt = expiry
        let seed = random.next()
        for type in mails[index].types {
            let columns = ReportColumns.of(type)
            let rows = GeneratedRows(columns: columns, seed: seed, firstRow: 0, rowCount: rowsPerFile(columns))
            mails[index].files.append(add(name: "\(type.rawValue).csv", content: .rows(rows), until: expiry))
        }
        tell("mail to \(mails[index].memberEmail): \(mails[index].files.count) link(s) to the records")
    }

    func json(_ mail: RecordMail, at now: Timestamp) -> JSONValue {
        [
            "key": .string(mail.key), "member_email": .string(mail.memberEmail),
            "export_types": .array(mail.types.map { .string($0.rawValue) }),
            "requested_at": .integer(mail.requestedAt.milliseconds),
            "sent_at": mail.sentAt.map { .integer($0.milliseconds) } ?? nil,
            "expires_at": mail.expiresAt.map { .integer($0.milliseconds) } ?? nil,
            "links": .array(mail.files.map { link($0, at: now) }),
        ]
    }
}
