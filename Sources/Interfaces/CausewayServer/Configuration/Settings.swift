public import CausewayCore
public import Fanout
public import Imports
public import Logging
public import OutboundHTTP

/// What the operator has set, checked. What each member means, its default and its unit stand in `SettingTable`.
public struct Settings: Sendable {
    public let listen: ListenAddress
    /// Without a slash at the end, as all addresses here.
    public let publicURL: String
    public let internalURL: String
    public let dataDirectory: String
    public let adminKey: Secret?
    public let shutdownGrace: Duration
    public let metricsKey: Secret?
    public let secrets: Secrets
    public let auditRetention: Duration
    public let database: Database
    public let outbound: Outbound
    public let vendor: Vendor
    public let exports: Exports
    public let schedules: Schedules
    public let mirror: Mirror
    public let deliveries: Deliveries
    public let imports: Imports
    public let log: Log
    /// What is allowed and yet probably not meant; for the log at start.
    public internal(set) var warnings: [String] = []

    public struct Secrets: Sendable {
        /// Nil: what is secret stands in the database as it is.
        public let key: SecretVault.Key?
        public let previousKeys: [SecretVault.Key]
    }

    public struct Database: Sendable {
        /// Nil: SQLite in `data_dir`.
        public let address: DatabaseAddress?
        public let connections: Int
        public let statementTimeout: Duration
        public let lockTimeout: Duration
        public let connectTimeout: Duration
        /// Nil: `address`.
        public let listenAddress: DatabaseAddress?
    }

    public struct Outbound: Sendable {
        public let proxy: String?
        /// Whether `proxy` gets names, and judges what they resolve to.
        public let proxyJudges: Bool
        public let caFile: String?
    }

    public struct Vendor: Sendable {
        public let url: String
        /// Nil where the keys are not set, which only serving needs.
        public let keys: Keys?
        public let memberEmail: String?
        public let allowedNetworks: AllowedNetworks
        public let registersWebhook: Bool
        public let requestsPerMinute: Int
        public let connectTimeout: Duration
        public let callTimeout: Duration
        public let importTimeout: Duration
        public let stallTimeout: Duration
        public let paths: Paths
        /// `event` or `events`.
        public let webhookEventMember: String
        public let groupField: String
        public let invitesField: String
        public let limits: Limits

        public struct Keys: Sendable {
            public let publicKey: Secret
            public let secretKey: Secret
        }

        public struct Paths: Sendable {
            public let reports: String
            public let report: String
            public let webhooks: String
            public let webhook: String
            public let importer: String
        }

        public struct Limits: Sendable {
            public let window: Duration
            public let perReport: Int
            public let perMember: Int
            public let reportIgnoresMember: Bool
            public let countsFailures: Bool
            public let requestWords: [String]
            public let memberWords: [String]
        }
    }

    public struct Exports: Sendable {
        public let pollFast: Duration
        public let pollSlow: Duration
        public let pollFor: Duration
        public let lostAnswerWait: Duration
        public let triggerFor: Duration
        public let askAgainAfter: Duration
        public let silenceFor: Duration
    }

    public struct Schedules: Sendable {
        public let grace: Duration
    }

    public struct Mirror: Sendable {
        public let isEnabled: Bool
        public let concurrency: Int
        public let keep: Duration
        /// In bytes; nil: no bound but the disk's.
        public let maximumSize: Int64?
        /// In bytes.
        public let keepFree: Int64
    }

    public struct Deliveries: Sendable {
        public let retrySchedule: RetrySchedule
        public let timeout: Duration
        public let allowedNetworks: AllowedNetworks
        /// Nil: any.
        public let allowedPorts: Set<Int>?
        public let retention: Duration
        /// Of events without deliveries.
        public let eventRetention: Duration
        public let disableAfter: Duration
        public let probeEvery: Duration
        public let enablesAgain: Bool
        public let holdFor: Duration
    }

    public struct Imports: Sendable {
        /// In bytes.
        public let maximumSize: Int64
        public let resumeFor: Duration
        public let chunkRows: Int
        public let keepFiles: Duration
        public let approval: ApprovalRule
        public let retention: Duration
        /// With the fields and rules of `imports.objects`.
        public let catalog: ObjectCatalog
    }

    public struct Log: Sendable {
        public let level: Logger.Level
        /// Nil: JSON, or text on a terminal.
        public let format: LogFormat?
    }
}
