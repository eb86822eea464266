import CausewayCore
import Fanout
import Imports
import OutboundHTTP

extension Settings {
    /// What the settings are read for.
    public enum Purpose: Sendable {
        /// Needs the vendor's keys.
        case serving
        /// Works on the store alone.
        case administration
    }

    /// Reads environment, then file, then defaults. Throws every mistake at once.
    /// - Parameters:
    ///   - file: the path of a YAML file; nil takes `causeway.yaml` from the working directory, if there is one.
    public static func load(
        file: String? = nil, environment: [String: String], purpose: Purpose = .serving
    ) throws(SettingsRefused) -> Settings {
        var reader = SettingsReader(environment: environment)
        reader.read(file: file)
        reader.refuseUnknown()
        let settings = Settings(reading: &reader, purpose: purpose)
        guard reader.mistakes.isEmpty else { throw SettingsRefused(mistakes: reader.mistakes) }
        return settings
    }

    /// Mistakes are left in `reader`; then the result is not to be used.
    init(reading reader: inout SettingsReader, purpose: Purpose) {
        listen = reader.value(SettingTable.listen)
        publicURL = reader.optional(SettingTable.publicURL) ?? "http://\(listen)"
        internalURL = reader.optional(SettingTable.internalURL) ?? publicURL
        dataDirectory = reader.value(SettingTable.dataDirectory)
        adminKey = reader.optional(SettingTable.adminKey)
        shutdownGrace = reader.value(SettingTable.shutdownGrace)
        metricsKey = reader.optional(SettingTable.metricsKey)
        secrets = Secrets(reading: &reader)
        auditRetention = reader.value(SettingTable.auditRetention)
        database = Database(reading: &reader)
        outbound = Outbound(reading: &reader)
        vendor = Vendor(reading: &reader, isNeeded: purpose == .serving)
        exports = Exports(reading: &reader)
        schedules = Schedules(reading: &reader)
        mirror = Mirror(reading: &reader)
        deliveries = Deliveries(reading: &reader)
        imports = Imports(reading: &reader)
        log = Log(reading: &reader)
        _ = reader.optional(SettingTable.filesURL)
        let s3: [(String, Bool)] = [
            ("s3.endpoint", reader.optional(SettingTable.s3Endpoint) != nil),
            ("s3.region", reader.optional(SettingTable.s3Region) != nil),
            ("s3.access_key", reader.optional(SettingTable.s3AccessKey) != nil),
            ("s3.secret_key", reader.optional(SettingTable.s3SecretKey) != nil),
        ]
        warnings = contradictions() + s3.filter(\.1).map { "\($0.0) has no effect without files_url = s3://…" }
    }
}

extension Settings.Secrets {
    init(reading reader: inout SettingsReader) {
        key = reader.optional(SettingTable.secretsKey)
        previousKeys = reader.optional(SettingTable.previousSecretsKeys) ?? []
    }
}

extension Settings.Database {
    init(reading reader: inout SettingsReader) {
        address = reader.optional(SettingTable.databaseURL)
        connections = reader.value(SettingTable.databaseConnections)
        statementTimeout = reader.value(SettingTable.statementTimeout)
        lockTimeout = reader.value(SettingTable.lockTimeout)
        connectTimeout = reader.value(SettingTable.databaseConnectTimeout)
        listenAddress = reader.optional(SettingTable.listenURL)
    }
}

extension Settings.Outbound {
    init(reading reader: inout SettingsReader) {
        proxy = reader.optional(SettingTable.proxy)
        proxyJudges = reader.value(SettingTable.proxyJudges)
        caFile = reader.optional(SettingTable.caFile)
    }
}

extension Settings.Vendor {
    init(reading reader: inout SettingsReader, isNeeded: Bool) {
        url = reader.value(SettingTable.vendorURL)
        let publicKey = reader.optional(SettingTable.vendorPublicKey, isNeeded: isNeeded)
        let secretKey = reader.optional(SettingTable.vendorSecretKey, isNeeded: isNeeded)
        if let publicKey, let secretKey {
            keys = Keys(publicKey: publicKey, secretKey: secretKey)
        } else {
            keys = nil
        }
        memberEmail = reader.optional(SettingTable.vendorMember, isNeeded: isNeeded)
        allowedNetworks = reader.optional(SettingTable.vendorNetworks) ?? .none
        registersWebhook = reader.value(SettingTable.registersWebhook)
        requestsPerMinute = reader.value(SettingTable.requestsPerMinute)
        connectTimeout = reader.value(SettingTable.connectTimeout)
        callTimeout = reader.value(SettingTable.callTimeout)
        importTimeout = reader.value(SettingTable.importTimeout)
        stallTimeout = reader.value(SettingTable.stallTimeout)
        paths = Paths(
            reports: reader.value(SettingTable.reportsPath), report: reader.value(SettingTable.reportPath),
            webhooks: reader.value(SettingTable.webhooksPath), webhook: reader.value(SettingTable.webhookPath),
            importer: reader.value(SettingTable.importerPath))
        webhookEventMember = reader.value(SettingTable.webhookEventMember)
        groupField = reader.value(SettingTable.groupField)
        invitesField = reader.value(SettingTable.invitesField)
        limits = Limits(
            window: reader.value(SettingTable.limitWindow), perReport: reader.value(SettingTable.limitPerReport),
            perMember: reader.value(SettingTable.limitPerMember),
            reportIgnoresMember: reader.value(SettingTable.limitIgnoresMember),
            countsFailures: reader.value(SettingTable.limitCountsFailures),
            requestWords: reader.value(SettingTable.requestWords),
            memberWords: reader.value(SettingTable.memberWords))
    }
}

extension Settings.Exports {
    init(reading reader: inout SettingsReader) {
        pollFast = reader.value(SettingTable.pollingFast)
        pollSlow = reader.value(SettingTable.pollingSlow)
        pollFor = reader.value(SettingTable.pollFor)
        lostAnswerWait = reader.value(SettingTable.lostAnswerWait)
        triggerFor = reader.value(SettingTable.triggerFor)
        askAgainAfter = reader.value(SettingTable.askAgainAfter)
        silenceFor = reader.value(SettingTable.silenceFor)
    }
}

extension Settings.Schedules {
    init(reading reader: inout SettingsReader) {
        grace = reader.value(SettingTable.scheduleGrace)
    }
}

extension Settings.Mirror {
    init(reading reader: inout SettingsReader) {
        isEnabled = reader.value(SettingTable.mirrorEnabled)
        concurrency = reader.value(SettingTable.mirrorConcurrency)
        keep = reader.value(SettingTable.mirrorKeep)
        maximumSize = reader.optional(SettingTable.mirrorSize)
        keepFree = reader.value(SettingTable.mirrorKeepFree)
    }
}

extension Settings.Deliveries {
    init(reading reader: inout SettingsReader) {
        retrySchedule = reader.value(SettingTable.retrySchedule)
        timeout = reader.value(SettingTable.deliveryTimeout)
        allowedNetworks = reader.optional(SettingTable.deliveryNetworks) ?? .none
        allowedPorts = reader.optional(SettingTable.deliveryPorts)
        retention = reader.value(SettingTable.deliveryRetention)
        eventRetention = reader.value(SettingTable.eventRetention)
        disableAfter = reader.value(SettingTable.disableAfter)
        probeEvery = reader.value(SettingTable.probeEvery)
        enablesAgain = reader.value(SettingTable.enableAgain)
        holdFor = reader.value(SettingTable.holdFor)
    }
}

extension Settings.Imports {
    init(reading reader: inout SettingsReader) {
        maximumSize = reader.value(SettingTable.importSize)
        resumeFor = reader.value(SettingTable.resumeFor)
        chunkRows = reader.value(SettingTable.chunkRows)
        keepFiles = reader.value(SettingTable.importFiles)
        var approval = ApprovalRule()
        approval.objects = reader.optional(SettingTable.approvalObjects) ?? []
        approval.rows = reader.optional(SettingTable.approvalRows)
        approval.amounts = reader.optional(SettingTable.approvalAmount)
        approval.patience = reader.value(SettingTable.approvalExpires)
        self.approval = approval
        retention = reader.value(SettingTable.importRetention)
        catalog = reader.objects()
    }
}

extension Settings.Log {
    init(reading reader: inout SettingsReader) {
        level = reader.value(SettingTable.logLevel)
        format = reader.optional(SettingTable.logFormat)
    }
}

extension SettingTable {
    /// The names that reading looks up, so that a test can hold them against `all`.
    static func asked() -> Set<String> {
        var reader = SettingsReader(environment: [:])
        _ = Settings(reading: &reader, purpose: .administration)
        return reader.asked
    }
}
