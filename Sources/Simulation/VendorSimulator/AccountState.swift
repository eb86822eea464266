import CausewayCore

/// What the vendor knows and remembers.
struct AccountState: Sendable {
    var options: SimulatorOptions
    let startedAt: Timestamp
    /// Under which links are given, known once the server listens.
    var baseURL = ""
    let links = DownloadLinks()
    var random: SplitMix

    var exports: [String: VendorExport] = [:]
    /// In order of making.
    var exportOrder: [String] = []
    var files: [String: DownloadFile] = [:]
    var subscriptions: [WebhookSubscription] = []
    var posts: [WebhookPost] = []
    /// How many were ever made: `posts` keeps the newest only.
    var postCount = 0
    var mails: [RecordMail] = []
    var imports: [ImportedFile] = []
    var importedBytes: Int64 = 0
    var importCount = 0
    var importedRows = ImportedRows()

    var faults: [Fault] = []
    private var faultCount = 0
    var requests: [String: Int] = [:]
    var credentialLeaks = 0
    var minute: [String: (startedAt: Timestamp, requests: Int)] = [:]
    /// Triggers before this do not count against the limits.
    var limitsSince = Timestamp(milliseconds: .min / 2)

    private(set) var story: [String] = []
    private var lines: [String] = []
    private var pendingJobs: [Job] = []

    init(_ options: SimulatorOptions, startedAt: Timestamp) {
        self.options = options
        self.startedAt = startedAt
        self.random = SplitMix(seed: options.seed ?? UInt64.random(in: .min ... .max))
        self.importedRows.customers = options.customers
        for fault in options.faults { _ = add(fault) }
    }

    mutating func tell(_ line: String) {
        lines.append(line)
        if story.count >= 10_000 { story.removeFirst(1000) }
        story.append(line)
    }

    mutating func queue(_ job: Job) { pendingJobs.append(job) }

    mutating func takeLines() -> [String] {
        defer { lines = [] }
        return lines
    }

    mutating func takeJobs() -> [Job] {
        defer { pendingJobs = [] }
        return pendingJobs
    }

    /// `prefix_` and ten characters.
    mutating func makeKey(_ prefix: String) -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        return "\(prefix)_" + String((0..<10).map { _ in alphabet[Int(random.next() % 36)] })
    }

    // MARK: Faults

    mutating func add(_ fault: Fault) -> Fault {
        faultCount += 1
        var fault = fault
        fault.id = "flt_\(faultCount)"
        faults.append(fault)
        return fault
    }

    /// The first fault that strikes at this happening, if any; it is counted.
    mutating func strike(_ kinds: Set<Fault.Kind>, route: String) -> Fault? {
        for index in faults.indices {
            var fault = faults[index]
            let strikes = fault.strikes(kinds: kinds, route: route, random: &random)
            faults[index] = fault
            if strikes { return fault }
        }
        return nil
    }

    // MARK: Budget

    /// Counts a request against the client's budget of this minute.
    mutating func admit(from client: String, at now: Timestamp) throws(VendorRefusal) {
        var current = minute[client] ?? (now, 0)
        if now.since(current.startedAt) >= .seconds(60) { current = (now, 0) }
        current.requests += 1
        minute[client] = current
        guard current.requests > options.requestsPerMinute else { return }
        let left = Duration.seconds(60) - now.since(current.startedAt)
        throw VendorRefusal(
            429, "Too many requests: more than \(options.requestsPerMinute) in a minute", retryAfter: retryAfter(left))
    }

    /// Whole seconds, where the options say that the header is sent.
    func retryAfter(_ left: Duration) -> Int? {
        options.sendsRetryAfter ? Int(max(1, (left.inSeconds).rounded(.up))) : nil
    }
}
